/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/number.h"

#include <errno.h>

int parse_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!*text || (text[0] == '0' && text[1]))
        return -EINVAL;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*c - '0'), &number))
            return -ERANGE;
    }
    if (number < minimum || number > maximum)
        return -ERANGE;
    *ret_number = number;
    return 0;
}
