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

double aws_time(int64_t milliseconds)
{
    return (double)milliseconds / 1000.0;
}
