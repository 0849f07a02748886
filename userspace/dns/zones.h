/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names that tasks see, as snapshots for the responder: one for each namespace, and one for each client
 * service with routes of its own. Made when they are asked for; a change of names only marks them.
 */
#pragma once

#include "names/dns_answer.h"

struct dns_snapshot;
struct engine;

struct dns_zones {
    struct dns_snapshot *all;
};

/*
 * What tasks of `service` ("": of none) see in the namespace; good until the next call. While the engine is
 * not steady that is what *last holds, the snapshot that the same asker had before, which is replaced else;
 * it starts as NULL and is valid until dns_zones_done(). NULL: there is none yet, or no memory.
 */
const struct dns_zone *dns_zones_get(struct dns_zones *zones, const struct engine *engine,
                                     const char *namespace_name, const char *service,
                                     struct dns_snapshot **last);

/* What is in a snapshot, perhaps no longer true; NULL: nothing yet. */
const struct dns_zone *dns_zones_last(const struct dns_snapshot *last);

/* Names of the namespace (NULL: of any) have come or gone. */
void dns_zones_mark(struct dns_zones *zones, const char *namespace_name);
void dns_zones_done(struct dns_zones *zones);
