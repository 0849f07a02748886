/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names that tasks see, as snapshots for the responder: one for each namespace, and one for each client
 * service with routes of its own. Made when they are asked for; a change of names only marks them.
 */
#pragma once

#include "engine/follower.h"
#include "names/dns_answer.h"

struct daemon;
struct task;
struct dns_snapshot;

struct dns_zones {
    struct dns_snapshot *all;
};

/* What the task sees; good until the next call. NULL: no memory. */
const struct dns_zone *dns_zones_get(struct daemon *daemon, const struct task *task);

/* Names of the namespace have come or gone. */
void dns_zones_mark(struct daemon *daemon, const char *namespace_name);
void dns_zones_done(struct dns_zones *zones);

extern const struct engine_follower dns_zones_follower; /* `user`: the daemon */
