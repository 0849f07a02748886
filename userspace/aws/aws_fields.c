/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_fields.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const cJSON *aws_member(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNull(item) ? NULL : item;
}

static int wrong_type(struct aws_error *error, const char *name, const char *wanted)
{
    return aws_fail(error, "SerializationException", "%s: %s is wanted.", name, wanted);
}

static int missing(struct aws_error *error, const char *name)
{
    return aws_invalid(error, "%s: required, and missing in the request.", name);
}

/* How much of a value is shown. */
#define SHOWN 100

int aws_get_text(const cJSON *object, const char *name, bool is_required, size_t minimum, size_t maximum,
                 const char **ret_text, struct aws_error *error)
{
    const cJSON *item = aws_member(object, name);
    size_t length;

    if (!item)
        return is_required ? missing(error, name) : 0;
    if (!cJSON_IsString(item))
        return wrong_type(error, name, "a string");
    length = strlen(item->valuestring);
    if (length < minimum || length > maximum)
        return aws_invalid(error, "%s: \"%.*s\" has %zu characters; %zu to %zu are allowed.", name, SHOWN,
                           item->valuestring, length, minimum, maximum);
    *ret_text = item->valuestring;
    return 0;
}

int aws_get_enum(const cJSON *object, const char *name, bool is_required, const char *const allowed[],
                 const char **ret_text, struct aws_error *error)
{
    const char *text = NULL;
    char list[256] = "";
    int r = aws_get_text(object, name, is_required, 0, SIZE_MAX, &text, error);

    if (r < 0 || !text)
        return r;
    for (size_t i = 0; allowed[i]; i++) {
        if (strcmp(allowed[i], text) == 0) {
            *ret_text = text;
            return 0;
        }
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", allowed[i]);
    }
    return aws_invalid(error, "%s: \"%.*s\" is not one of %s.", name, SHOWN, text, list);
}

int aws_get_integer(const cJSON *object, const char *name, bool is_required, int64_t minimum, int64_t maximum,
                    int64_t *ret_number, struct aws_error *error)
{
    const cJSON *item = aws_member(object, name);

    if (!item)
        return is_required ? missing(error, name) : 0;
    if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble))
        return wrong_type(error, name, "a whole number");
    if (item->valuedouble < (double)minimum || item->valuedouble > (double)maximum)
        return aws_invalid(error, "%s: %.0f is not within %lld and %lld.", name, item->valuedouble,
                           (long long)minimum, (long long)maximum);
    *ret_number = (int64_t)item->valuedouble;
    return 0;
}

int aws_get_bool(const cJSON *object, const char *name, bool *ret_value, struct aws_error *error)
{
    const cJSON *item = aws_member(object, name);

    if (!item)
        return 0;
    if (!cJSON_IsBool(item))
        return wrong_type(error, name, "true or false");
    *ret_value = cJSON_IsTrue(item);
    return 0;
}

int aws_get_object(const cJSON *object, const char *name, bool is_required, const cJSON **ret_object,
                   struct aws_error *error)
{
    const cJSON *item = aws_member(object, name);

    if (!item)
        return is_required ? missing(error, name) : 0;
    if (!cJSON_IsObject(item))
        return wrong_type(error, name, "an object");
    *ret_object = item;
    return 0;
}

int aws_get_list(const cJSON *object, const char *name, bool is_required, size_t maximum, size_t longest,
                 const cJSON **ret_list, struct aws_error *error)
{
    const cJSON *list = aws_member(object, name);
    const cJSON *item;
    size_t n = 0;

    if (!list)
        return is_required ? missing(error, name) : 0;
    if (!cJSON_IsArray(list))
        return wrong_type(error, name, "a list");
    cJSON_ArrayForEach (item, list) {
        if (maximum == 0)
            break;
        if (!cJSON_IsString(item))
            return wrong_type(error, name, "a list of strings");
        if (!item->valuestring[0] || strlen(item->valuestring) > longest)
            return aws_invalid(error, "%s: \"%.*s\" does not have 1 to %zu characters.", name, SHOWN,
                               item->valuestring, longest);
        if (++n > maximum)
            return aws_invalid(error, "%s: at most %zu items are allowed.", name, maximum);
    }
    *ret_list = list;
    return 0;
}

void aws_copy_member(cJSON *to, const cJSON *from, const char *name)
{
    const cJSON *item = aws_member(from, name);

    if (item)
        (void)cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
}

/* ---- pages ---- */

#define TOKEN_MARK "k-"

char *aws_page_token(const char *last_key)
{
    size_t length = strlen(last_key);
    char *token = malloc(sizeof(TOKEN_MARK) + 2 * length);

    if (!token)
        return NULL;
    strcpy(token, TOKEN_MARK);
    for (size_t i = 0; i < length; i++)
        (void)sprintf(token + strlen(TOKEN_MARK) + 2 * i, "%02x", (unsigned char)last_key[i]);
    return token;
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

static int read_token(const char *token, char *key, size_t size)
{
    size_t n = 0;

    if (strncmp(token, TOKEN_MARK, strlen(TOKEN_MARK)) != 0)
        return -EINVAL;
    for (token += strlen(TOKEN_MARK); *token; token += 2) {
        int high = hex_value(token[0]);
        int low = high < 0 ? -1 : hex_value(token[1]);

        if (low < 0 || high * 16 + low == 0 || n + 1 >= size)
            return -EINVAL;
        key[n++] = (char)(high * 16 + low);
    }
    key[n] = '\0';
    return n > 0 ? 0 : -EINVAL;
}

int aws_get_page(const cJSON *object, const char *token_member, const char *size_member, size_t maximum,
                 size_t usual, struct aws_page *ret_page, struct aws_error *error)
{
    const char *token = NULL;
    int64_t size = (int64_t)usual;
    int r = aws_get_text(object, token_member, AWS_OPTIONAL, 0, 4096, &token, error);

    if (r == 0)
        r = aws_get_integer(object, size_member, AWS_OPTIONAL, 1, (int64_t)maximum, &size, error);
    if (r < 0)
        return r;
    *ret_page = (struct aws_page){.size = (size_t)size};
    if (token && read_token(token, ret_page->after, sizeof(ret_page->after)) < 0)
        return aws_invalid(error, "%s: no token that this API has given out.", token_member);
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_backwards(const void *a, const void *b)
{
    return compare_keys(b, a);
}

void aws_page_cut(const struct aws_page *page, const char **keys, size_t n, size_t *ret_begin,
                  size_t *ret_end, cJSON *answer, const char *next_member)
{
    _cleanup_free_ char *token = NULL;
    size_t begin = 0;
    size_t end;

    if (n > 0)
        qsort(keys, n, sizeof(*keys), page->is_descending ? compare_backwards : compare_keys);
    while (begin < n && *page->after &&
           (page->is_descending ? strcmp(page->after, keys[begin]) : strcmp(keys[begin], page->after)) <= 0)
        begin++;
    end = n - begin > page->size ? begin + page->size : n;
    *ret_begin = begin;
    *ret_end = end;
    if (end < n && (token = aws_page_token(keys[end - 1])))
        (void)cJSON_AddStringToObject(answer, next_member, token);
}

double aws_time(int64_t milliseconds)
{
    return (double)milliseconds / 1000.0;
}
