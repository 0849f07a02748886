/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/row_difference.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define VALUE_SHOWN 96 /* characters of one value */

struct difference {
    char *text;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void row_difference_add(struct difference *out,
                                                                     const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
    va_end(arguments);
    if (n > 0)
        out->used = out->used + (size_t)n < out->size ? out->used + (size_t)n : out->size - 1;
}

/* A route's targets as people give them: "v1=90 v2=10". */
static bool add_targets(struct difference *out, const cJSON *value)
{
    const cJSON *item;

    if (!cJSON_IsArray(value))
        return false;
    cJSON_ArrayForEach (item, value)
        if (!cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "service")))
            return false;
    cJSON_ArrayForEach (item, value) {
        const cJSON *weight = cJSON_GetObjectItemCaseSensitive(item, "weight");

        row_difference_add(out, "%s%s=%.0f", item == value->child ? "" : " ",
                           cJSON_GetObjectItemCaseSensitive(item, "service")->valuestring,
                           cJSON_IsNumber(weight) ? weight->valuedouble : 0);
    }
    return true;
}

static void add_value(struct difference *out, const cJSON *value)
{
    char *text;

    if (!value) {
        row_difference_add(out, "(none)");
    } else if (cJSON_IsString(value)) {
        row_difference_add(out, "%.*s", VALUE_SHOWN, value->valuestring);
    } else if (!add_targets(out, value)) {
        text = cJSON_PrintUnformatted(value);
        row_difference_add(out, "%.*s", VALUE_SHOWN, text ? text : "?");
        cJSON_free(text);
    }
}

static void compare_member(struct difference *out, const char *prefix, const char *name, const cJSON *before,
                           const cJSON *after);

/* Of members that are in both as they are, nothing is said. */
static void compare_objects(struct difference *out, const char *prefix, const cJSON *before,
                            const cJSON *after)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, before)
        compare_member(out, prefix, item->string, item,
                       cJSON_GetObjectItemCaseSensitive(after, item->string));
    cJSON_ArrayForEach (item, after)
        if (!cJSON_GetObjectItemCaseSensitive(before, item->string))
            compare_member(out, prefix, item->string, NULL, item);
}

/* Recursion is bounded: json_parse() refuses what is nested deeper than JSON_MAX_DEPTH. */
static void compare_member(struct difference *out, const char *prefix, const char *name, const cJSON *before,
                           const cJSON *after)
{
    char path[128];

    if (cJSON_Compare(before, after, true))
        return;
    (void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", name);
    if ((!before || cJSON_IsObject(before)) && (!after || cJSON_IsObject(after))) {
        compare_objects(out, path, before, after);
        return;
    }
    row_difference_add(out, "%s%s ", out->used ? ", " : "", path);
    add_value(out, before);
    row_difference_add(out, " -> ");
    add_value(out, after);
}

static void tell_all(struct difference *out, const char *what, const cJSON *json)
{
    const cJSON *item;

    row_difference_add(out, "%s", what);
    cJSON_ArrayForEach (item, json) {
        row_difference_add(out, "%s%s ", item == json->child ? ": " : ", ", item->string);
        add_value(out, item);
    }
}

/* The last character may have been cut in its middle, and no terminal is to obey what a name holds. */
static void make_whole(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
        n--;
    if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
        text[n - 1] = '\0';
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

void row_tell_difference(const char *before, const char *after, char *ret_text, size_t size)
{
    struct difference out = {.text = ret_text, .size = size};
    _cleanup_json_ cJSON *old = NULL;
    _cleanup_json_ cJSON *new = NULL;

    ret_text[0] = '\0';
    if (before)
        (void)json_parse("before", before, strlen(before), &old, NULL);
    if (after)
        (void)json_parse("after", after, strlen(after), &new, NULL);
    if (before && after)
        compare_objects(&out, "", old, new);
    else if (after)
        tell_all(&out, "created", new);
    else if (before)
        tell_all(&out, "removed", old);
    make_whole(ret_text);
}
