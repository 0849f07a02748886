/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Instances that are host names: when each is asked for, what came of it, which addresses its endpoints are.
 * The list kept here, not the catalog, is the truth about addresses: the catalog is filled from it, also when
 * a change is undone. What a name was found to be is a row of this host, written soon after and not before it
 * counts: an observation that nobody was promised.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <uthash.h>

#include "engine/follower.h"
#include "base/error.h"
#include "model/catalog_external.h"
#include "model/names.h"
#include "resolver/resolver.h"

struct daemon;

struct external {
    char *name; /* "NS/SERVICE/ID" */
    char *parts;
    const char *namespace_name;
    const char *service;
    const char *id;
    struct daemon *daemon;
    char *host;
    struct external_address *addresses; /* those that are leaving too */
    size_t n;
    struct resolver_query *query;
    struct event timer;
    bool has_timer;
    bool is_unsaved;
    bool is_cut;         /* it has more addresses than are used, which has been said */
    bool is_refused;     /* some cannot be endpoints, which has been said */
    unsigned failures;   /* in a row */
    int64_t resolved_at; /* the last answer: wall clock, seconds; 0: none in this run */
    uint64_t next_ms;    /* monotonic */
    char failure[160];   /* of the last try, or "" */
    UT_hash_handle hh;
};

struct externals {
    struct external *all;
    struct resolver *resolver;
    struct event *save_timer;
    char **forgotten; /* names whose rows are to go */
    size_t n_forgotten;
    bool is_save_failing;
    uint64_t failed; /* tries */
};

/* At start, in this order: a row of the registry (others are passed over); all rows are read; the loop is
 * there. */
int externals_adopt_row(struct daemon *daemon, const char *key, const char *value);
int externals_adopt(struct daemon *daemon);
int externals_begin(struct daemon *daemon, struct error *error);
void externals_done(struct daemon *daemon);

/* Gives the instance in the catalog, if it is a host name, the addresses that are known. -ENOMEM. */
int externals_fill(struct daemon *daemon, const char *namespace_name, const char *service, const char *id);

/* After a change is in effect: begins to ask, or forgets. */
void externals_put(struct daemon *daemon, const char *namespace_name, const char *service, const char *id);

/* The address has drained: it goes, and with the last one of a draining instance that. */
int externals_drained(struct daemon *daemon, const struct instance *address, struct error *error);

/* external_reads.c. The object of a name in `endpoints`, the one in `status`, and a sentence (NULL: all is
 * well). */
const struct external *externals_find(const struct daemon *daemon, const struct instance *external);
cJSON *external_describe(const struct external *external);
cJSON *externals_describe(const struct daemon *daemon);
const char *externals_trouble(const struct daemon *daemon, char *text, size_t size);

/* external_addresses.c. The name's addresses are these from now on; those that leave drain where connections
 * are open. */
int external_set_addresses(struct external *external, const struct ip_address *addresses, size_t n,
                           struct error *error);
/* One that has left is gone. */
int external_drop_address(struct external *external, const struct ip_address *address, struct error *error);
struct instance *external_record(const struct external *external); /* in the catalog; NULL */

extern const struct engine_follower externals_follower; /* `user`: the daemon */
