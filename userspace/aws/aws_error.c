/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

int aws_fail(struct aws_error *error, const char *type, const char *format, ...)
{
    va_list arguments;

    if (error->type)
        return -EINVAL;
    error->type = type;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int aws_invalid(struct aws_error *error, const char *format, ...)
{
    va_list arguments;

    if (error->type)
        return -EINVAL;
    error->type = error->invalid ? error->invalid : AWS_INVALID_INPUT;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

void aws_error_member(struct aws_error *error, const char *name, const char *value)
{
    if (!error->members)
        error->members = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(error->members, name, value);
}

void aws_error_done(struct aws_error *error)
{
    cJSON_Delete(error->members);
    *error = (struct aws_error){0};
}

char *aws_error_print(const struct aws_error *error, const char *message_member)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    const cJSON *item;

    (void)cJSON_AddStringToObject(json, "__type", error->type ? error->type : AWS_INTERNAL);
    (void)cJSON_AddStringToObject(json, message_member, error->message);
    cJSON_ArrayForEach (item, error->members)
        (void)cJSON_AddStringToObject(json, item->string, item->valuestring);
    return cJSON_PrintUnformatted(json);
}
