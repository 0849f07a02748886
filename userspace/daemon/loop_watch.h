/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How late the loop is. A clock ticks ten times a second; a tick is served when the loop comes round, and how
 * late that is goes into a histogram. Ticks that were missed count each for itself, so that the histogram
 * says how long somebody who came at any moment had to wait, and not only how often the loop was held up.
 */
#pragma once

#include <stdint.h>

#include "metrics/histogram.h"

struct event;
struct event_base;

/* An idle loop has to wake up for each tick, which costs some 40 us in a virtual machine: 0.04
 * % of a core. */
#define LOOP_WATCH_INTERVAL_NS 100000000u

struct loop_watch {
    struct histogram lag; /* others may read it whenever they like */
    struct event *event;
    int fd;          /* the clock; meant where there is an event */
    uint64_t due_ns; /* CLOCK_MONOTONIC, of the next tick */
};

/* Begins to measure; the base has priorities, and this is of the highest. -errno. */
int loop_watch_begin(struct loop_watch *watch, struct event_base *base);
void loop_watch_done(struct loop_watch *watch); /* also of one that is all zero; keeps the histogram */

/* Counts the ticks that were due by then. What the clock calls; here for tests. */
void loop_watch_count(struct loop_watch *watch, uint64_t now_ns);
