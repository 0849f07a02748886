/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Times of many connections, put together from the buckets of several answers (docs/api.md). Pure. */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

#define TIMES_BUCKETS 20

struct times {
    uint64_t buckets[TIMES_BUCKETS];
};

/* How wide they are: the first ends at 64 us, each next one at so many times the one before. */
#define TIMES_OF_FIRST_BYTES 2
#define TIMES_OF_ROUND_TRIPS 4
#define TIMES_ROUND_TRIPS    8 /* buckets of them */

void times_add(struct times *times, const cJSON *buckets); /* NULL: none */

/*
 * Milliseconds that this share (0 to 1) of them took at most; -1 of none. Times are taken to be spread evenly over their bucket,
 * those of the last one, which has no end, for its beginning.
 */
double times_quantile(const struct times *times, unsigned growth, unsigned n_buckets, double share);
