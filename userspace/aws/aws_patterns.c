/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_patterns.h"

#include <ctype.h>
#include <string.h>

#include "model/names.h"

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < '!' || *text > '~')
            return false;
    return true;
}

/* Printable; spaces and tabs between, not around. */
static bool is_value(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        bool is_space = text[i] == ' ' || text[i] == '\t';

        if (is_space ? i == 0 || i + 1 == length : text[i] < '!' || text[i] > '~')
            return false;
    }
    return true;
}

static bool is_service(const char *text)
{
    struct error error = {0};

    return model_check_service("", text, &error) == 0;
}

/* Letters and digits of any script: what is beyond ASCII is taken for one. */
static bool is_tag(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x80 && !isalnum((unsigned char)*text) && !strchr("_.:/=+-@ ", *text))
            return false;
    return true;
}

const struct aws_pattern aws_pattern_printable = {is_printable, "printable characters without spaces"};
const struct aws_pattern aws_pattern_value = {is_value,
                                              "printable characters, with spaces and tabs between them"};
const struct aws_pattern aws_pattern_service = {
    is_service, "labels of 1 to 63 letters, digits, _ and - (not at either end), joined by dots"};
const struct aws_pattern aws_pattern_tag = {is_tag, "letters, digits, spaces and _ . : / = + - @"};
