/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/json_format.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LOOKED_AT 65536 /* bytes; what a file is shows at its beginning */

static bool holds(const char *text, size_t length, const char *part)
{
    return memmem(text, length, part, strlen(part)) != NULL;
}

static bool is_cloud_formation(const char *text, size_t length)
{
    return holds(text, length, "AWSTemplateFormatVersion") ||
           (holds(text, length, "Resources") && holds(text, length, "AWS::"));
}

/* "name:" or "- name:" with a space or the line's end after the colon; so begins nothing that is meant as JSON. */
static bool is_yaml_line(const char *line, size_t length)
{
    size_t i = 0;

    while (i < length && (line[i] == ' ' || line[i] == '-'))
        i++;
    if (i == length || !(isalpha((unsigned char)line[i]) || line[i] == '_'))
        return false;
    while (i < length && (isalnum((unsigned char)line[i]) || strchr("_-.:/", line[i]))) {
        if (line[i] == ':' && (i + 1 == length || line[i + 1] == ' ' || line[i + 1] == '\r'))
            return true;
        i++;
    }
    return false;
}

/* The first line that is neither empty nor a comment. */
static bool is_yaml(const char *text, size_t length)
{
    const char *end = text + length;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline ? newline : end) - text);
        size_t blank = 0;

        while (blank < n && isspace((unsigned char)text[blank]))
            blank++;
        if (n >= 3 && memcmp(text, "---", 3) == 0)
            return true;
        if (blank < n && text[blank] != '#')
            return is_yaml_line(text, n);
        text += n + 1;
    }
    return false;
}

const char *json_other_format(const char *text, size_t length)
{
    if (length > LOOKED_AT)
        length = LOOKED_AT;
    if (is_cloud_formation(text, length))
        return "this looks like a CloudFormation template; give the Properties of its AWS::ECS::Service and "
               "AWS::ECS::TaskDefinition resources as JSON, with names as the ECS API has them "
               "(serviceName, not ServiceName)";
    if (is_yaml(text, length))
        return "this looks like YAML; give the same as JSON (yq -o=json FILE converts it)";
    return NULL;
}
