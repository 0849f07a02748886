/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs tell through their ring buffer: to the event log and to the prober. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct datapath;
struct engine;
struct event;
struct event_base;
struct event_log;
struct outliers;
struct policies;
struct probes;
struct spill;

struct program_events {
    struct engine *engine;
    struct datapath *datapath;
    struct outliers *outliers;
    const struct probes *probes;
    struct spill *spill;              /* NULL: nobody minds zones */
    struct policies *const *policies; /* NULL: nobody minds who may call whom */
    struct event_log *events;
    struct event *readable;
    uint64_t lost; /* of theirs, as was last told */
};

/* Listens from now on, beginning with what was told while no daemon was there. The members above `readable`
 * are given. */
int program_events_begin(struct program_events *self, struct event_base *base, struct error *error);
void program_events_done(struct program_events *self);
