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

#include "base/hash.h"
#include "base/error.h"
#include "engine/follower.h"
#include "model/catalog_external.h"
#include "model/names.h"
#include "resolver/resolver.h"

struct address_finding;
struct event_log;
struct external_ending;
struct external_save;
struct externals;

struct external {
    char *name; /* "NS/SERVICE/ID" */
    char *parts;
    const char *namespace_name;
    const char *service;
    const char *id;
    struct externals *externals;
    char *host;
    struct external_address *addresses; /* those that are leaving too */
    size_t n;
    struct resolver_query *query;
    struct address_finding *finding; /* other addresses, on their way into effect; NULL: none are */
    struct external_ending *ending;  /* its deregistering is on its way; NULL: it is not */
    struct event timer;
    bool has_timer;
    bool is_draining; /* as its row has it */
    bool is_stuck;    /* it could not be deregistered, which has been said */
    bool is_unsaved;
    bool is_saving;      /* its row is on its way */
    bool is_cut;         /* it has more addresses than are used, which has been said */
    bool is_refused;     /* some cannot be endpoints, which has been said */
    unsigned failures;   /* in a row */
    int64_t resolved_at; /* the last answer: wall clock, seconds; 0: none in this run */
    uint64_t next_ms;    /* monotonic */
    char failure[160];   /* of the last try, or "" */
    UT_hash_handle hh;
};

struct external_settings {
    const char *servers; /* "IP:PORT,...", the caller's for as long as the externals live; NULL: the host's */
    uint32_t min_ttl_s;
    uint32_t max_ttl_s;
};

struct externals {
    struct engine *engine;
    struct event_log *events;
    struct external_settings settings;
    struct event_base *base; /* NULL before the begin */
    struct external *all;
    struct resolver *resolver;
    struct event *save_timer;
    char **forgotten; /* names whose rows are to go */
    size_t n_forgotten;
    struct external_save *save; /* rows on their way; NULL: none are */
    bool is_save_failing;       /* which has been said */
    uint64_t failed;            /* tries */
};

void externals_init(struct externals *externals, struct engine *engine, struct event_log *events,
                    const struct external_settings *settings);

/* The loop is there: asking and writing begin. */
int externals_begin(struct externals *externals, struct event_base *base, struct error *error);

/* Before engine_stop(): what was found lately is written down, blocking for the disk. */
void externals_flush(struct externals *externals);
void externals_done(struct externals *externals); /* after engine_stop() */

/*
 * The address has drained: it goes, and with the last one of a draining instance that. 0: `dropped` is called
 * once, at a later turn of the loop, with -ECANCELED if it has gone otherwise meanwhile. -EALREADY: the
 * name's addresses are changing, so not now; -ENOENT; -ENOMEM.
 */
int externals_drop_address(void *externals, const struct instance *address,
                           void (*dropped)(int result, const struct error *error, void *user),
                           void *dropped_user);

/* external_reads.c. The object of a name in `endpoints`, the one in `status`, and a sentence (NULL: all is
 * well). The caller frees the objects. */
const struct external *externals_find(const struct externals *externals, const struct instance *record);
cJSON *external_describe(const struct external *external);
cJSON *externals_describe(const struct externals *externals);
const char *externals_trouble(const struct externals *externals, char *text, size_t size);

/* Adds name servers as "nameServers", none for the host's. */
void external_add_servers(const char *servers, cJSON *object);

extern const struct engine_follower externals_follower; /* `user`: the externals */
