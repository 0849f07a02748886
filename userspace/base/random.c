/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/random.h"

#include <sys/random.h>

uint32_t random_below(uint32_t n)
{
    uint32_t number = 0;

    (void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
    return number % n;
}
