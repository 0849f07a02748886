/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A follower that tells each change as an event of kind CHANGE and a line of the log, with who made it. A storm
 * of changes would push all other events out, so some a second are told one by one, and the rest by its number:
 * the history has them all.
 */
#pragma once

#include <stdint.h>

#include "engine/follower.h"

struct engine;
struct event_log;

struct changes_told {
    struct engine *engine;
    struct event_log *events;
    uint64_t second;   /* monotonic: the one that is counted */
    unsigned n;        /* told in it */
    unsigned n_losses; /* the same, aliases without an endpoint */
    uint64_t n_untold; /* since the last one that was */
};

#define CHANGES_TOLD_A_SECOND 16

extern const struct engine_follower changes_told_follower;
