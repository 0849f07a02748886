/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Open connections of endpoints whose service balances by load, as the programs count them in `outliers`: what they have
 * not seen, because a service began to balance later or a record was made anew, is taken from the endpoint's totals now
 * and then. Some thousand numbers a second, so that nobody waits for it.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>

struct outliers;

struct loads {
    struct outliers *outliers;
    struct event *timer; /* NULL: not begun */
    uint32_t next;       /* number to go on with */
};

void loads_init(struct loads *loads, struct outliers *outliers);
int loads_begin(struct loads *loads, struct event_base *base); /* -ENOMEM */
void loads_done(struct loads *loads);

/* One part of a round; the timer's. Costs nothing while no service balances by load. */
void loads_go_on(struct loads *loads);
