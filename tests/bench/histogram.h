/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Latencies by logarithmic buckets, 64 to each power of two: a quantile is right to 1.6 %, whatever the
 * count. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define HISTOGRAM_PARTS  64u
#define HISTOGRAM_POWERS 40u

struct histogram {
    uint64_t buckets[HISTOGRAM_POWERS * HISTOGRAM_PARTS];
    uint64_t count;
    uint64_t max_ns;
};

static inline uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
    unsigned power = ns < HISTOGRAM_PARTS ? 0 : 63u - (unsigned)__builtin_clzll(ns) - 5u;
    unsigned part = power ? (unsigned)(ns >> (power - 1)) % HISTOGRAM_PARTS : (unsigned)ns;

    if (power >= HISTOGRAM_POWERS)
        power = HISTOGRAM_POWERS - 1;
    histogram->buckets[power * HISTOGRAM_PARTS + part]++;
    histogram->count++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

static inline void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_POWERS * HISTOGRAM_PARTS; i++)
        histogram->buckets[i] += other->buckets[i];
    histogram->count += other->count;
    if (other->max_ns > histogram->max_ns)
        histogram->max_ns = other->max_ns;
}

/* The upper end of the bucket that holds this share (0..1) of all; 0 without any. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_POWERS * HISTOGRAM_PARTS; i++) {
        unsigned power = i / HISTOGRAM_PARTS;
        uint64_t end;

        seen += histogram->buckets[i];
        if (seen <= wanted)
            continue;
        end = power ? ((uint64_t)(HISTOGRAM_PARTS + i % HISTOGRAM_PARTS) + 1) << (power - 1) : i;
        return end < histogram->max_ns ? end : histogram->max_ns;
    }
    return histogram->max_ns;
}

/* As the members of a JSON object, in microseconds. */
static inline void histogram_print(const struct histogram *histogram)
{
    printf("\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f",
           (double)histogram_quantile(histogram, 0.5) / 1e3,
           (double)histogram_quantile(histogram, 0.99) / 1e3,
           (double)histogram_quantile(histogram, 0.999) / 1e3, (double)histogram->max_ns / 1e3);
}

#endif
