/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/clock.h"

#include <pthread.h>

static int64_t ahead_ms; /* of the monotonic clock, written once */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void clock_begin_run(void)
{
    ahead_ms = clock_wall_ms() - (int64_t)clock_monotonic_ms();
}

int64_t clock_run_ms(void)
{
    (void)pthread_once(&once, clock_begin_run);
    return ahead_ms + (int64_t)clock_monotonic_ms();
}
