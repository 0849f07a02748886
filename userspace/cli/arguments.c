/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Words of the command line in, their parts out. */
#include "cli/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"

int argument_number(const char *text, uint64_t *ret_number)
{
    return parse_number(text, 0, ARGUMENT_NUMBER_MAX, ret_number) < 0 ? -EINVAL : 0;
}

int argument_size(const char *text, uint64_t *ret_bytes)
{
    static const char units[] = "KMG";
    size_t length = strlen(text);
    const char *unit = length ? strchr(units, text[length - 1]) : NULL;
    char digits[16];
    uint64_t number;

    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(length - (unit != NULL)), text);
    if (length >= sizeof(digits) || parse_number(digits, 0, 1u << 30, &number) < 0)
        return -EINVAL;
    *ret_bytes = number << (unit ? 10 * (unit - units + 1) : 0);
    return 0;
}

/* `text` is NAME, `separator`, NUMBER: at the last separator. */
static int split(const char *text, const char *separator, char **ret_name, uint64_t *ret_number)
{
    uint64_t number;
    char *name;

    if (separator == text || argument_number(separator + 1, &number) < 0)
        return -EINVAL;
    name = strndup(text, (size_t)(separator - text));
    if (!name)
        return -ENOMEM;
    *ret_name = name;
    *ret_number = number;
    return 0;
}

int argument_name_port(const char *text, char **ret_name, bool *ret_has_port, uint64_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    char *name;

    if (colon) {
        int r = split(text, colon, ret_name, ret_port);
        if (r == 0)
            *ret_has_port = true;
        return r;
    }
    if (!*text)
        return -EINVAL;
    name = strdup(text);
    if (!name)
        return -ENOMEM;
    *ret_name = name;
    *ret_has_port = false;
    return 0;
}

int argument_target(const char *text, char **ret_name, uint64_t *ret_weight)
{
    const char *equals = strrchr(text, '=');

    return equals ? split(text, equals, ret_name, ret_weight) : -EINVAL;
}

int argument_percent(const char *text, double *ret_percent)
{
    const char *point = strchr(text, '.');
    size_t length = point ? (size_t)(point - text) : strlen(text);
    char whole_text[8];
    uint64_t whole;
    uint64_t tenths = 0;

    if (length >= sizeof(whole_text))
        return -EINVAL;
    memcpy(whole_text, text, length);
    whole_text[length] = '\0';
    if (parse_number(whole_text, 0, 1000000, &whole) < 0 ||
        (point && (strlen(point + 1) != 1 || parse_number(point + 1, 0, 9, &tenths) < 0)))
        return -EINVAL;
    /* Divided once, so that 0.3 is the 0.3 of a document. */
    *ret_percent = (double)(whole * 10 + tenths) / 10;
    return 0;
}
