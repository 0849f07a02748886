/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Above 2^53 a double no longer tells one whole number from the next. */
#define MAX_EXACT 9007199254740992.0

/* Deepest nesting of a text, counting brackets outside strings; cJSON's own limit (1,000) is a stack size. */
static int nesting_depth(const char *text, size_t length)
{
    int depth = 0;
    int deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > deepest)
                deepest = depth;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        }
    }
    return deepest;
}

/* \u0000, but not the \\u0000 of a text that itself holds JSON. */
static bool has_escaped_nul(const char *text, size_t length)
{
    static const char escape[] = "\\u0000";
    const char *end = text + length;

    for (const char *at = text; (at = memmem(at, (size_t)(end - at), escape, sizeof(escape) - 1)); at++) {
        const char *before = at;

        while (before > text && before[-1] == '\\')
            before--;
        if ((at - before) % 2 == 0)
            return true;
    }
    return false;
}

int json_parse(const char *what, const char *text, size_t length, cJSON **ret_json, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    const char *end = NULL;

    if (memchr(text, '\0', length) || has_escaped_nul(text, length))
        return error_set(error, EINVAL, "%s: not acceptable JSON: it holds a NUL character", what);
    if (nesting_depth(text, length) > JSON_MAX_DEPTH)
        return error_set(error, EINVAL, "%s: JSON nested deeper than %d levels", what, JSON_MAX_DEPTH);
    json = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!json)
        return error_set(error, EINVAL, "%s: not JSON (at byte %td)", what, end ? end - text : (ptrdiff_t)0);
    for (; end < text + length; end++)
        if (!strchr(" \t\r\n", *end))
            return error_set(error, EINVAL, "%s: text follows the JSON value (at byte %td)", what,
                             end - text);
    *ret_json = TAKE_PTR(json);
    return 0;
}

/* The member, NULL if absent (an error when required). A JSON null is a value of the wrong kind. */
static int json_find(const cJSON *object, const char *name, bool required, const char *kind,
                     const cJSON **ret_item, struct error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!item && required)
        return error_input(error, name, "(missing)", "%s", kind);
    *ret_item = item;
    return 0;
}

static int json_wrong_kind(const cJSON *item, const char *name, const char *kind, struct error *error)
{
    char *text = cJSON_PrintUnformatted(item);
    int r = error_input(error, name, text ? text : "(unprintable)", "%s", kind);

    cJSON_free(text);
    return r;
}

int json_get_string(const cJSON *object, const char *name, bool required, const char **ret_text,
                    struct error *error)
{
    const cJSON *item = NULL;
    int r = json_find(object, name, required, "a string", &item, error);

    if (r < 0 || !item)
        return r;
    if (!cJSON_IsString(item))
        return json_wrong_kind(item, name, "a string", error);
    *ret_text = item->valuestring;
    return 0;
}

int json_get_integer(const cJSON *object, const char *name, bool required, uint64_t minimum, uint64_t maximum,
                     uint64_t *ret_number, struct error *error)
{
    char kind[96];
    const cJSON *item = NULL;
    int r;

    (void)snprintf(kind, sizeof(kind), "a whole number from %" PRIu64 " to %" PRIu64, minimum, maximum);
    r = json_find(object, name, required, kind, &item, error);
    if (r < 0 || !item)
        return r;
    if (!cJSON_IsNumber(item) || floor(item->valuedouble) != item->valuedouble ||
        item->valuedouble < (double)minimum || item->valuedouble > (double)maximum ||
        item->valuedouble > MAX_EXACT)
        return json_wrong_kind(item, name, kind, error);
    *ret_number = (uint64_t)item->valuedouble;
    return 0;
}

int json_get_bool(const cJSON *object, const char *name, bool required, bool *ret_value, struct error *error)
{
    const cJSON *item = NULL;
    int r = json_find(object, name, required, "true or false", &item, error);

    if (r < 0 || !item)
        return r;
    if (!cJSON_IsBool(item))
        return json_wrong_kind(item, name, "true or false", error);
    *ret_value = cJSON_IsTrue(item);
    return 0;
}

int json_check_members(const cJSON *object, const char *const names[], struct error *error)
{
    const cJSON *item;

    if (!cJSON_IsObject(object))
        return json_wrong_kind(object, "", "an object", error);
    cJSON_ArrayForEach (item, object) {
        bool is_known = false;

        for (size_t i = 0; names[i] && !is_known; i++)
            is_known = strcmp(item->string, names[i]) == 0;
        if (!is_known) {
            char known[256] = "";

            for (size_t i = 0; names[i]; i++)
                (void)snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "",
                               names[i]);
            return error_input(error, item->string, "(unknown member)", "%s", known);
        }
    }
    return 0;
}

void json_add_time(cJSON *object, const char *name, time_t seconds)
{
    char text[32];
    struct tm parts;

    if (gmtime_r(&seconds, &parts) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts))
        (void)cJSON_AddStringToObject(object, name, text);
}

/* A number that cJSON would write with an exponent becomes its own text. */
static int json_write_whole(cJSON *item)
{
    char text[32];

    if (!cJSON_IsNumber(item) || fabs(item->valuedouble) < 1e15 || fabs(item->valuedouble) > 1e18 ||
        floor(item->valuedouble) != item->valuedouble)
        return 0;
    (void)snprintf(text, sizeof(text), "%.0f", item->valuedouble);
    item->valuestring = strdup(text);
    if (!item->valuestring)
        return -ENOMEM;
    item->type = (item->type & ~0xff) | cJSON_Raw;
    return 0;
}

static int write_all_whole(cJSON *json)
{
    int r = json_write_whole(json);

    for (cJSON *item = json->child; item && r == 0; item = item->next)
        r = write_all_whole(item);
    return r;
}

char *json_print(cJSON *json)
{
    return write_all_whole(json) < 0 ? NULL : cJSON_PrintUnformatted(json);
}
