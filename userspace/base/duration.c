/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"

static const struct {
    char letter;
    uint64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

int duration_parse(const char *text, uint64_t *ret_seconds)
{
    char number_text[12];
    size_t length = strlen(text);
    uint64_t unit = 1, number;

    for (size_t i = 0; i < ARRAY_SIZE(units) && length > 0; i++)
        if (text[length - 1] == units[i].letter) {
            unit = units[i].seconds;
            length--;
            break;
        }
    if (length < 1 || length >= sizeof(number_text))
        return -EINVAL;
    memcpy(number_text, text, length);
    number_text[length] = '\0';
    if (parse_number(number_text, 0, UINT32_MAX, &number) < 0)
        return -EINVAL;
    *ret_seconds = number * unit;
    return 0;
}

const char *duration_format(uint64_t seconds, char text[static DURATION_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(units) && used < DURATION_SIZE; i++) {
        uint64_t n = seconds / units[i].seconds;

        seconds %= units[i].seconds;
        if (n > 0 || (units[i].seconds == 1 && used == 0))
            used += (size_t)snprintf(text + used, DURATION_SIZE - used, "%" PRIu64 "%c", n, units[i].letter);
    }
    return text;
}
