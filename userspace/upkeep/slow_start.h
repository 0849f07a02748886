/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Slow start: an endpoint that has just become eligible gets its weight in steps, over its service's
 * slowStartSeconds, so that a cold one is not hit by its full share at once.
 */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/follower.h"
#include "model/catalog.h"

struct daemon;

struct slow_start {
    uint32_t *endpoints; /* those whose weight still grows */
    size_t n;
    size_t capacity;
    struct event *timer;
    bool is_started; /* what is eligible at a start has been so before */
};

/* In a change, before tables are built: sets instance->ramp. */
void slow_start_plan(struct daemon *daemon, struct instance *instance);

/* After it: remembers whether the instance is eligible, and goes on raising its weight. */
void slow_start_put(struct daemon *daemon, struct instance *instance);

/* From now on endpoints start slowly. -ENOMEM. */
int slow_start_begin(struct daemon *daemon);
void slow_start_done(struct slow_start *slow_start);

extern const struct engine_follower slow_start_follower; /* `user`: the daemon */
