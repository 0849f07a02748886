/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Slow start: an endpoint that has just become eligible gets its weight in steps, over its service's
 * slowStartSeconds, so that a cold one is not hit by its full share at once.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/follower.h"
#include "model/catalog.h"

struct slow_start {
    struct engine *engine;
    uint32_t *endpoints; /* those whose weight still grows */
    size_t n;
    size_t capacity;
    struct event *timer; /* NULL: not begun, since what is eligible at a start has been so before */
    bool is_pending;     /* a finding is on its way */
    bool is_failing;     /* which has been said */
};

void slow_start_init(struct slow_start *slow_start, struct engine *engine);

/* From now on endpoints start slowly. -ENOMEM. */
int slow_start_begin(struct slow_start *slow_start, struct event_base *base);
void slow_start_done(struct slow_start *slow_start);

/*
 * `user`: the slow start. Before tables are built it sets the instance's `ramp`; when the instance is put it
 * remembers whether that is eligible, and goes on raising its weight by findings.
 */
extern const struct engine_follower slow_start_follower;
