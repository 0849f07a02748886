/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an ejected endpoint carried in its zone goes elsewhere: of endpoints of services whose connects stay in the
 * zone of their host, tables are built anew when one is ejected and when its time is over. Without that the programs
 * would give all of it to the others of the zone.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/follower.h"
#include "model/catalog.h"

struct outliers;

struct spill {
    struct engine *engine;
    const struct outliers *outliers;
    uint32_t *endpoints; /* that are ejected, or whose tables still say so */
    size_t n;
    size_t capacity;
    struct event *timer; /* NULL: not begun */
    bool is_pending;     /* a finding is on its way */
    bool is_failing;     /* which has been said */
};

void spill_init(struct spill *spill, struct engine *engine, const struct outliers *outliers);

/* From now on ejections change tables. -ENOMEM. */
int spill_begin(struct spill *spill, struct event_base *base);
void spill_done(struct spill *spill);

/* The endpoint may have been ejected, or be back; the tables follow at once if its zone matters. While the engine is
 * steady. NULL-safe. */
void spill_note(struct spill *spill, uint32_t endpoint);

/* `user`: the spill. Sets `is_ejected` of instances. */
extern const struct engine_follower spill_follower;
