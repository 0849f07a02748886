/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs have counted of times to the first byte, as figures that people read. */
#pragma once

#include <stdint.h>

#include <svcconnect/first_byte.h>

#include "metrics/text.h"

/* Of several endpoints, or over a long time: the programs' own counters may come round. */
struct first_byte_sum {
    uint64_t buckets[SVC_FIRST_BYTE_BUCKETS];
    uint64_t sum_us;
};

/* Adds what `now` has more than `last`; where it has less, it was counted anew. */
void first_byte_add(struct first_byte_sum *sum, const struct svc_first_byte *now,
                    const struct svc_first_byte *last);

/* How many connections were measured. */
uint64_t first_byte_sum_count(const struct first_byte_sum *sum);

struct first_byte_sum first_byte_sum_of(const struct svc_first_byte *counted);

/* Their average, in microseconds; 0 of none. */
double first_byte_sum_mean(const struct first_byte_sum *sum);

/*
 * Microseconds that this share (0 to 1) of them took at most. Times are taken to be spread evenly over their bucket; those
 * beyond the last bucket's beginning for that. 0 of none.
 */
double first_byte_sum_quantile(const struct first_byte_sum *sum, double share);

/*
 * The samples of a histogram of this name, none where nothing was measured: they are many. The last of the labels is empty and
 * becomes the bucket's.
 */
void metrics_write_first_byte(const struct metrics_text *text, const char *name, struct metrics_label *labels,
                              size_t n_labels, const struct first_byte_sum *sum);
