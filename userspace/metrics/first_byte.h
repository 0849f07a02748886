/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs have counted of times to the first byte, as figures that people read. */
#pragma once

#include <stdint.h>

#include <svcconnect/first_byte.h>

/* Of several endpoints, or over a long time: the programs' own counters may come round. */
struct first_byte_sum {
    uint64_t buckets[SVC_FIRST_BYTE_BUCKETS];
    uint64_t sum_us;
};

/* Adds what `now` has more than `last`; where it has less, it was counted anew. */
void first_byte_add(struct first_byte_sum *sum, const struct svc_first_byte *now,
                    const struct svc_first_byte *last);

uint64_t first_byte_sum_count(const struct first_byte_sum *sum);

/* How many connections were measured. */
uint64_t first_byte_count(const struct svc_first_byte *first_byte);

/* Their average, in microseconds; 0 of none. */
double first_byte_mean(const struct svc_first_byte *first_byte);

/*
 * Microseconds that this share (0 to 1) of them took at most. Times are taken to be spread evenly over their bucket; those
 * beyond the last bucket's beginning for that. 0 of none.
 */
double first_byte_quantile(const struct svc_first_byte *first_byte, double share);
