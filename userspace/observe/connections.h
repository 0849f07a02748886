/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The programs' log of connections, fetched now and then: names are put to it while they are known, and it goes into
 * the ring that the control API reads. A piece at a time, so the loop is kept by nobody who connects much.
 */
#pragma once

#include <stdint.h>

struct api;
struct connection_log;
struct datapath;
struct event;
struct event_base;

struct connections {
    const struct api *api;
    struct datapath *datapath;
    struct connection_log *log;
    struct event *timer;      /* NULL: nothing is logged */
    void (*more)(void *user); /* there are new ones in the log; NULL: nobody waits for them */
    void *more_user;
};

/* -ENOMEM. What `api` leads to must be there. */
int connections_begin(struct connections *self, struct event_base *base, const struct api *api,
                      struct datapath *datapath, struct connection_log *log);
void connections_done(struct connections *self); /* harmless on one that is all 0 */

/* One piece, as the timer has it; how many it was. */
unsigned connections_fetch(struct connections *self);
