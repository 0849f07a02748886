/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When a name is asked for again. Pure: `random` is passed in, any value. */
#pragma once

#include <stdint.h>

#define RESOLVE_RETRY_MIN_MS 1000u
#define RESOLVE_RETRY_MAX_MS 60000u

/*
 * After an answer: its time to live within the bounds, less up to a tenth, so that names that came together
 * do not stay together. Never 0.
 */
uint64_t resolve_again_ms(uint32_t ttl_s, uint32_t min_s, uint32_t max_s, uint32_t random);

/* After the `failures`th failure in a row (from 1 on): 1 s, doubling to 60 s, less up to half of it. */
uint64_t resolve_retry_ms(unsigned failures, uint32_t random);
