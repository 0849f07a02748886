/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as a request body or a file: parsed, then every getter asked for every member and for one that is not
 * there. It must survive anything, and what it lets through must keep the getters' promises.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error says what was wrong, and an output is only set on success. */
static void check_refusal(int r, const struct error *error)
{
    if (r == 0 && error->number == 0)
        return;
    if (r != -EINVAL || error->number != EINVAL || !error->message[0])
        abort();
}

static void ask(const cJSON *object, const char *name)
{
    static const uint64_t ranges[][2] = {
        {0, 65535}, {1, 1}, {0, UINT64_MAX}, {UINT32_MAX, (uint64_t)1 << 53}};
    const char *text = NULL;
    bool flag = false;

    for (int required = 0; required < 2; required++) {
        struct error error = {0};
        int r = json_get_string(object, name, required, &text, &error);

        check_refusal(r, &error);
        if (text)
            (void)strlen(text);
        error = (struct error){0};
        r = json_get_bool(object, name, required, &flag, &error);
        check_refusal(r, &error);
        error_prefix_field(&error, "outer[0]");
    }
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        const uint64_t untouched = ranges[i][0];
        struct error error = {0};
        uint64_t number = untouched;
        int r = json_get_integer(object, name, i % 2, ranges[i][0], ranges[i][1], &number, &error);

        check_refusal(r, &error);
        if (number < ranges[i][0] || number > ranges[i][1] || (r < 0 && number != untouched))
            abort();
    }
}

static void ask_all(const cJSON *json)
{
    static const char *const known[] = {"a", "weight", "dnsName", NULL};
    const cJSON *item;
    struct error error = {0};

    check_refusal(json_check_members(json, known, &error), &error);
    ask(json, "a");
    ask(json, "");
    cJSON_ArrayForEach (item, json) {
        if (item->string)
            ask(json, item->string);
        if (cJSON_IsObject(item) || cJSON_IsArray(item))
            ask_all(item);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of just that size, so that a read beyond its end is seen. */
    _cleanup_free_ char *text = malloc(size ? size : 1);
    _cleanup_json_ cJSON *json = NULL;
    struct error error = {0};
    int r;

    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    r = json_parse("input", text, size, &json, &error);
    check_refusal(r, &error);
    if ((r == 0) != (json != NULL))
        abort();
    if (json) {
        _cleanup_free_ char *printed = NULL;

        ask_all(json);
        printed = json_print(json);
        if (!printed)
            abort();
    }
    return 0;
}
