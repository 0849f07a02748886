/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Guards what runs against a registry that is less than what is published (registry/verdict.h). While it is,
 * the daemon is degraded: it keeps what it cannot account for (kept.h), says so, and is healed by a start
 * with the right registry or by registry_guard_accept().
 *
 * Rows about the registry itself: "registry/id" {"id", "copyOf", "restoredFrom"}, "registry/damaged" {"path"},
 * "registry/restored" {"revision"} (registry/sqlite/sqlite_place.h; goes when it is published), and below
 * "damaged/" rows that could not be read when they were given up, under the keys they had.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/error.h"
#include "datapath/datapath.h"
#include "registry/registry.h"
#include "registry/verdict.h"

struct engine;

struct registry_guard {
    enum registry_verdict verdict;
    char id[REGISTRY_ID_SIZE];            /* of the registry; "": none yet */
    char copy_of[REGISTRY_ID_SIZE];       /* what it had before: see registry/verdict.h */
    char restored_from[REGISTRY_ID_SIZE]; /* the id of the backup it was last restored from; "" */
    bool
        is_restored; /* put in place while no daemon ran: it is right whatever is published, until that is done */
    char *damaged;      /* path of the file put aside, NULL */
    bool is_damage_new; /* it was this run that put it aside */
    uint64_t rows;      /* of the model */
    uint64_t
        ahead; /* what has been told of the registry's revisions, by those before it, goes so much beyond its own */
    struct registry_row *unreadable;
    size_t n_unreadable;
    struct error first_unreadable;
    struct svc_registry_seen seen; /* what was pinned at the start */
    int64_t since;                 /* degraded, wall clock in s */
};

/* Opens the registry below the state directory; a damaged one is put aside, with what can be read of it in a
 * new one. */
int registry_guard_open(struct engine *engine, const char *state_dir, struct error *error);

/* The open registry turned out to be damaged while it was loaded: the same. Load again then. */
int registry_guard_replace(struct engine *engine, struct error *error);

/* Each row of a load; true: it is about the registry, and for nobody else. -ENOMEM comes with the next. */
bool registry_guard_row(struct engine *engine, const char *key, const char *value);

/* A row that could not be read. -ENOMEM. */
int registry_guard_unreadable(struct engine *engine, const char *key, const char *value,
                              const struct error *error);

/* When the data path is open: sets the verdict, and sees that the next commit gives the registry an id. */
int registry_guard_judge(struct engine *engine, struct error *error);

/*
 * The same, and where the engine is degraded makes sure that it works on the maps that are pinned: opened
 * with their sizes, which then are in *config and the engine's settings. *datapath may be another one
 * afterwards. -EUCLEAN: they are of another layout.
 */
int registry_guard_settle(struct engine *engine, struct datapath_config *config, struct datapath **datapath,
                          struct error *error);

static inline bool registry_guard_is_degraded(const struct registry_guard *guard)
{
    return guard->verdict != REGISTRY_RIGHT;
}

/* What was committed as `revision` is published. Cheap. */
void registry_guard_published(struct engine *engine, uint64_t revision);

/* Why and since when, with what to do; false: not degraded. */
bool registry_guard_trouble(const struct engine *engine, char *ret_text, size_t size);

/* Adds to the registry's part of `status`. */
void registry_guard_describe(const struct engine *engine, cJSON *registry);

/*
 * The registry is right from now on as it is; what was kept goes. Waits for the disk: a person asks for it,
 * once. *ret_was: what it was taken for.
 */
int registry_guard_accept(struct engine *engine, const char **ret_was, struct error *error);

void registry_guard_done(struct registry_guard *guard);
