/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Durations in seconds, counted by fixed buckets as Prometheus wants them. Plain data: all zero is empty. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BOUNDS  12
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1) /* the last one has no bound */

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* each its own, not those below it too */
    uint64_t count;
    double sum; /* seconds */
    double max; /* since it was empty */
};

/* The greatest that a bucket still holds, in seconds; of the last one INFINITY. */
double histogram_bound(unsigned bucket);

/* Less than nothing counts as nothing. */
void histogram_observe(struct histogram *histogram, double seconds);

/*
 * That share (0 to 1) of all was at most so many seconds: the bound of the bucket in which the share is
 * reached, but never more than the greatest that was observed. 0 of an empty one.
 */
double histogram_quantile(const struct histogram *histogram, double share);
