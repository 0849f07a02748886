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

#include "engine/follower.h"
#include "model/catalog.h"
#include "cgroups/task_sockets.h"

struct daemon;

struct drain {
    uint32_t endpoint;
    uint64_t began_ms;  /* monotonic */
    uint64_t looked_ms; /* when the sockets were last counted; 0: never */
    int64_t sockets;    /* found then; -1: not known */
    bool is_killed;
};

struct drains {
    struct drain *items;
    size_t n;
    size_t capacity;
    struct event *timer;
    struct task_sockets *job; /* one at a time */
    struct event *job_event;
    uint32_t job_endpoint;
    bool is_job_kill;
};

/* -ENOMEM. */
int drains_begin(struct daemon *daemon);
void drains_done(struct drains *drains);

/* After a change: the instance is looked after while it drains. */
void drains_put(struct daemon *daemon, const struct instance *instance);

/* Open connections of a draining endpoint. */
uint64_t drains_open(struct daemon *daemon, uint32_t endpoint);

extern const struct engine_follower drains_follower; /* `user`: the daemon */
