/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the clients that measure rates share: how long a run is, what it counts, and what they tell of it. */
#ifndef LOAD_H
#define LOAD_H

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "histogram.h"

struct load {
    double seconds; /* the run ends after this time, */
    uint64_t count; /* or where this is set after so many requests */
    uint64_t begun;
    uint64_t ended;
    uint64_t done;
    uint64_t failed; /* of those done */
    int last_error;
    double cpu_s; /* of this process, in the run */
    struct histogram latencies;
};

static inline double load_cpu_seconds(void)
{
    struct rusage used;

    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static inline void load_begin(struct load *load)
{
    load->cpu_s = -load_cpu_seconds();
    load->begun = now_ns();
    load->ended = load->begun;
}

static inline int load_goes_on(const struct load *load)
{
    return load->count ? load->done < load->count : (double)(load->ended - load->begun) < load->seconds * 1e9;
}

/* One more is done, in `ns`; `error` is 0, or why it failed. */
static inline void load_add(struct load *load, uint64_t ns, int error)
{
    load->ended = now_ns();
    load->done++;
    if (error) {
        load->failed++;
        load->last_error = error;
    } else {
        histogram_add(&load->latencies, ns);
    }
}

static inline void load_end(struct load *load)
{
    load->cpu_s += load_cpu_seconds();
}

/* As if both had been one: their times may overlap. */
static inline void load_merge(struct load *load, const struct load *other)
{
    if (!load->begun || other->begun < load->begun)
        load->begun = other->begun;
    if (other->ended > load->ended)
        load->ended = other->ended;
    load->done += other->done;
    load->failed += other->failed;
    if (other->failed)
        load->last_error = other->last_error;
    load->cpu_s += other->cpu_s;
    histogram_merge(&load->latencies, &other->latencies);
}

/* As the members of a JSON object; `what` is the name of the number of those done. */
static inline void load_print(const struct load *load, const char *what)
{
    double seconds = (double)(load->ended - load->begun) / 1e9;

    printf("\"%s\": %llu, \"failed\": %llu, \"error\": \"%s\", \"seconds\": %.6f, \"rate\": %.1f, ", what,
           (unsigned long long)load->done, (unsigned long long)load->failed,
           load->failed ? strerror(load->last_error) : "", seconds,
           seconds > 0 ? (double)(load->done - load->failed) / seconds : 0);
    histogram_print(&load->latencies);
    printf(", \"cpu_s\": %.6f", load->cpu_s);
}

#endif
