/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Draining: an instance on its way out gets no new connections, and is deregistered when none is open any
 * more or its time is over. What is open is asked of the kernel's socket tables in the tasks' network
 * namespaces; where they cannot be asked, the programs' counters tell.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/follower.h"
#include "model/catalog.h"
#include "upkeep/socket_look.h"

struct departure;
struct event_log;

struct drain {
    uint32_t endpoint;
    uint64_t began_ms;  /* monotonic */
    uint64_t over_ms;   /* monotonic: nobody is waited for any longer */
    int64_t until;      /* the instance's, that this was made of */
    uint64_t looked_ms; /* when the sockets were last counted; 0: never */
    int64_t sockets;    /* found then; -1: not known */
    bool is_killed;
    bool is_told;                /* that it has drained */
    bool is_stuck;               /* it could not be deregistered, which has been said */
    struct departure *departure; /* on its way; NULL: none is */
};

/*
 * How an address of a host name goes, which is registered by nobody and so is no row: it is taken out of what
 * the name was found to be. 0: `dropped` is called once, at a later turn of the loop (-ECANCELED: it has gone
 * otherwise); -EALREADY: not now.
 */
typedef void (*address_dropped_fn)(int result, const struct error *error, void *user);
typedef int (*drop_address_fn)(void *user, const struct instance *address, address_dropped_fn dropped,
                               void *dropped_user);

struct drains {
    struct engine *engine;
    struct event_log *events;
    struct socket_looks looks;
    drop_address_fn drop_address;
    void *drop_user;
    struct drain *items;
    size_t n;
    size_t capacity;
    struct event *timer;
    struct socket_look *look; /* one at a time */
    uint32_t look_endpoint;
    bool is_look_kill;
};

void drains_init(struct drains *drains, struct engine *engine, struct event_log *events,
                 const struct socket_looks *looks, drop_address_fn drop_address, void *drop_user);

/* From now on instances are looked after. -ENOMEM. */
int drains_begin(struct drains *drains, struct event_base *base);
void drains_done(struct drains *drains); /* after engine_stop() */

/* Open connections of an endpoint, as is known best where it drains. */
uint64_t drains_open(const struct drains *drains, uint32_t endpoint);

extern const struct engine_follower drains_follower; /* `user`: the drains */
