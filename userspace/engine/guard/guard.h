/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Guards what runs against a registry that is less than what is published (registry/verdict.h). While it is,
 * the daemon is degraded: it keeps what it cannot account for (kept.h), says so, and is healed by a start
 * with the right registry or by registry_guard_accept().
 *
 * Rows about the registry itself: "registry/id" {"id", "copyOf"}, "registry/damaged" {"path"}, and below
 * "damaged/" rows that could not be read when they were given up, under the keys they had.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/error.h"
#include "control/control_server.h"
#include "datapath/datapath.h"
#include "registry/registry.h"
#include "registry/verdict.h"

struct daemon;

struct registry_guard {
    enum registry_verdict verdict;
    char id[REGISTRY_ID_SIZE];      /* of the registry; "": none yet */
    char copy_of[REGISTRY_ID_SIZE]; /* what it had before: see registry/verdict.h */
    char *damaged;                  /* path of the file put aside, NULL */
    bool is_damage_new;             /* it was this run that put it aside */
    uint64_t rows;                  /* of the model */
    struct registry_row *unreadable;
    size_t n_unreadable;
    struct error first_unreadable;
    struct svc_registry_seen seen; /* what was pinned at the start */
    int64_t since;                 /* degraded, wall clock in s */
};

/* Opens the registry; a damaged one is put aside, with what can be read of it in a new one. */
int registry_guard_open(struct daemon *daemon, struct error *error);

/* The open registry turned out to be damaged while it was loaded: the same. Load again then. */
int registry_guard_replace(struct daemon *daemon, struct error *error);

/* Each row of a load; true: it is about the registry, and for nobody else. -ENOMEM comes with the next. */
bool registry_guard_row(struct daemon *daemon, const char *key, const char *value);

/* A row that could not be read. -ENOMEM. */
int registry_guard_unreadable(struct daemon *daemon, const char *key, const char *value,
                              const struct error *error);

/* When the data path is open: sets the verdict, and sees that the next commit gives the registry an id. */
int registry_guard_judge(struct daemon *daemon, struct error *error);

/* The same, and where the daemon is degraded makes sure that it works on the maps that are pinned: opened
 * with their sizes, which then are the settings in `config` and the daemon's. -EUCLEAN: they are of another
 * layout. */
int registry_guard_settle(struct daemon *daemon, struct datapath_config *config, struct error *error);

static inline bool registry_guard_is_degraded(const struct registry_guard *guard)
{
    return guard->verdict != REGISTRY_RIGHT;
}

/* What was committed as `revision` is published. Cheap. */
void registry_guard_published(struct daemon *daemon, uint64_t revision);

/* Why and since when, with what to do; false: not degraded. */
bool registry_guard_trouble(const struct daemon *daemon, char *ret_text, size_t size);

/* Adds to the registry's part of `status`. */
void registry_guard_describe(const struct daemon *daemon, cJSON *registry);

/* POST /v1/registry/accept: the registry is right from now on as it is; what was kept goes. */
int registry_guard_accept(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user);

void registry_guard_done(struct registry_guard *guard);
