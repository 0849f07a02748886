/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/document_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_format.h"
#include "base/utf8.h"

#define MAX_EXACT 9007199254740992.0 /* 2^53: above it a double no longer tells whole numbers apart */

static bool check_utf8(struct document_reader *reader, const char *text, size_t length)
{
    size_t n;

    for (size_t i = 0; i < length; i += n) {
        char value[64];

        n = utf8_length(text + i, length - i);
        if (n > 0)
            continue;
        (void)snprintf(value, sizeof(value), "byte 0x%02x at offset %zu", (unsigned char)text[i], i);
        document_error(reader, "", value, "UTF-8 text");
        return false;
    }
    return true;
}

/* Counts what opens or separates values outside strings: never less than there are values. */
static bool check_values(struct document_reader *reader, const char *text, size_t length)
{
    size_t n = 1;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == ',' || text[i] == '{' || text[i] == '['))
            n++;
    }
    if (n <= DOCUMENTS_MAX_VALUES)
        return true;
    document_error(reader, "", "more", "at most %d JSON values in one source", DOCUMENTS_MAX_VALUES);
    return false;
}

static int document_text_compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, equal names stand together: n log n, where a member would otherwise be compared to
 * all before it. */
static void check_duplicates(struct document_reader *reader, const cJSON *object)
{
    size_t n = document_count(object);
    _cleanup_free_ const char **names = NULL;
    const cJSON *item;
    size_t i = 0;

    if (n < 2)
        return;
    names = document_allocate(reader, n, sizeof(*names));
    if (!names)
        return;
    cJSON_ArrayForEach (item, object)
        names[i++] = item->string;
    qsort(names, n, sizeof(*names), document_text_compare_names);
    for (i = 1; i < n; i++)
        if ((i < 2 || strcmp(names[i], names[i - 2]) != 0) && strcmp(names[i], names[i - 1]) == 0)
            document_error(reader, names[i], "(member given twice)", "each member once");
}

/* Recursion is bounded by JSON_MAX_DEPTH. */
static void check_tree(struct document_reader *reader, const cJSON *value)
{
    const cJSON *item;
    size_t i = 0;

    if (cJSON_IsNumber(value) && !(fabs(value->valuedouble) <= MAX_EXACT)) {
        char number[32];

        (void)snprintf(number, sizeof(number), "%.15g", value->valuedouble);
        document_error(reader, "", number, "numbers from -2^53 to 2^53");
        return;
    }
    if (cJSON_IsObject(value))
        check_duplicates(reader, value);
    else if (!cJSON_IsArray(value))
        return;
    cJSON_ArrayForEach (item, value) {
        size_t mark =
            item->string ? document_enter(reader, item->string) : document_enter_element(reader, i++);

        check_tree(reader, item);
        document_leave(reader, mark);
    }
}

/* A template is valid JSON, and nothing in it is an ECS document. */
static bool is_template(const cJSON *json)
{
    const cJSON *resources = cJSON_GetObjectItemCaseSensitive(json, "Resources");
    const cJSON *first = cJSON_IsObject(resources) ? resources->child : NULL;
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(first, "Type"));

    return type && strncmp(type, "AWS::", 5) == 0;
}

cJSON *document_text_parse(struct document_reader *reader, const char *text, size_t length)
{
    _cleanup_json_ cJSON *json = NULL;
    struct error error = {0};

    if (length > DOCUMENTS_MAX_BYTES) {
        char value[48];

        (void)snprintf(value, sizeof(value), "%zu bytes", length);
        document_error(reader, "", value, "at most %u bytes", DOCUMENTS_MAX_BYTES);
        return NULL;
    }
    if (!check_utf8(reader, text, length) || !check_values(reader, text, length))
        return NULL;
    if (json_parse(reader->source, text, length, &json, &error) < 0) {
        (void)snprintf(error.value, sizeof(error.value), "%s", length > 0 ? "(the text)" : "(nothing)");
        (void)snprintf(error.allowed, sizeof(error.allowed), "JSON");
        document_error_whole(reader, &error);
        return NULL;
    }
    if (is_template(json)) {
        (void)error_set(&error, EINVAL, "%s: %s", reader->source, json_other_format(text, length));
        document_error_whole(reader, &error);
        return NULL;
    }
    check_tree(reader, json);
    return reader->n_errors > 0 ? NULL : TAKE_PTR(json);
}
