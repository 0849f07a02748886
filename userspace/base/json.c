/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/json.h"

#include "base/duration.h"
#include "base/json_format.h"
#include "base/near_miss.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Above 2^53 a double no longer tells one whole number from the next. */
#define MAX_EXACT 9007199254740992.0

/* Deepest nesting of a text, counting brackets outside strings; cJSON's own limit (1,000) is a stack size. Also
 * whether the text ends before all of them, and the string, are closed. */
static int nesting_depth(const char *text, size_t length, bool *ret_is_open)
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
    *ret_is_open = in_string || depth > 0;
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

/* Counted from 1, columns in bytes, as editors count. */
static void json_place(const char *text, const char *at, size_t *ret_line, size_t *ret_column)
{
    const char *begin = text;

    *ret_line = 1;
    for (const char *c = text; c < at; c++)
        if (*c == '\n') {
            ++*ret_line;
            begin = c + 1;
        }
    *ret_column = (size_t)(at - begin) + 1;
}

/* The parser points at the value it could not read; whoever looks there wants to see what it is. */
static int json_refuse(const char *what, const char *text, size_t length, const char *at, bool is_open,
                       const char *wrong, struct error *error)
{
    const char *kind = json_other_format(text, length);
    char seen[24] = "";
    size_t line, column, n = 0;
    int r;

    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    while (at < text + length && strchr(" \t\r\n", *at))
        at++;
    if (is_open && at + 1 == text + length && !strchr("]}", *at))
        at++; /* the parser goes no further */
    json_place(text, at, &line, &column);
    for (const char *c = at; c < text + length && n + 1 < sizeof(seen) && *c != '\n'; c++)
        seen[n++] = (unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f ? '?' : *c;
    r = error_set(error, EINVAL, "%s: line %zu, column %zu: %s%s%s%s%s%s", what, line, column, wrong,
                  n ? " at \"" : ": it ends there", seen, n ? "\"" : "", kind ? "; " : "", kind ? kind : "");
    if (error)
        error->code = ERROR_CODE_INVALID_JSON;
    return r;
}

int json_parse(const char *what, const char *text, size_t length, cJSON **ret_json, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    const char *end = NULL;
    bool is_open = false;

    if (memchr(text, '\0', length) || has_escaped_nul(text, length))
        return error_set(error, EINVAL, "%s: not acceptable JSON: it holds a NUL character", what);
    if (nesting_depth(text, length, &is_open) > JSON_MAX_DEPTH)
        return error_set(error, EINVAL, "%s: JSON nested deeper than %d levels", what, JSON_MAX_DEPTH);
    json = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!json)
        return json_refuse(what, text, length, end && end <= text + length ? end : text, is_open, "not JSON",
                           error);
    for (; end < text + length; end++)
        if (!strchr(" \t\r\n", *end))
            return json_refuse(what, text, length, end, false, "text follows the JSON value", error);
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
    char *text = NULL;
    int r;

    /* A text is shown as it is: in quotes of JSON it would have two pairs. */
    if (cJSON_IsString(item))
        return error_input(
            error, name, item->valuestring, "%s%s", kind,
            strspn(item->valuestring, "-.0123456789") == strlen(item->valuestring) ? ", without quotes" : "");
    text = cJSON_PrintUnformatted(item);
    r = error_input(error, name, text ? text : "(unprintable)", "%s", kind);
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

int json_get_seconds(const cJSON *object, const char *name, bool required, uint64_t minimum, uint64_t maximum,
                     uint64_t *ret_seconds, struct error *error)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    uint64_t seconds;

    if (!text || !*text || strchr("0123456789", text[strlen(text) - 1]))
        return json_get_integer(object, name, required, minimum, maximum, ret_seconds, error);
    if (duration_parse(text, &seconds) < 0 || seconds < minimum || seconds > maximum)
        return error_input(error, name, text,
                           "a whole number of seconds from %" PRIu64 " to %" PRIu64
                           ", or as much as a duration: 90s, 2m, 1h",
                           minimum, maximum);
    *ret_seconds = seconds;
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
            (void)error_unknown_member(error, item->string, known);
            return error_meant(error, near_miss(item->string, names));
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
