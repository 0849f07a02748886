/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One change of what is registered: all of it or nothing, and durable before it is visible.
 *   put     rows into the catalog at once, remembering how to undo them and which aliases and instances they
 * touch commit  number, prepare the tables, commit to the registry, publish abort   the catalog as it was
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <uthash.h>

#include "base/error.h"
#include "model/catalog.h"
#include "engine/plan/scopes.h"
#include "registry/registry.h"

struct daemon;

/* An alias whose table, or an instance whose entry, may have to change. */
struct touched {
    char *name; /* the key, and what the texts below point into */
    const char *namespace_name;
    const char *service;       /* of an instance */
    const char *instance;      /* of an instance */
    struct client_alias alias; /* of an alias */
    UT_hash_handle hh;
};

struct transaction {
    struct daemon *daemon;
    struct registry_row *rows;
    struct registry_row *undo;
    size_t n_rows;
    size_t capacity;
    struct touched *aliases;
    struct touched *instances;
    struct scope_change *scopes; /* of clients whose routes change */
    size_t n_scopes;
    bool is_own; /* nobody asked for it, so it takes nothing away that is kept (kept.h); set as the next */
    bool drives_canary; /* its routes are a canary's, which nobody else may change; set after the beginning */
};

void transaction_begin(struct transaction *transaction, struct daemon *daemon);

/* Takes the row over; one that changes nothing is dropped. On failure the transaction can only be aborted. */
int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error);

/* Without a row: what the daemon knows of the instance has changed, so its entry and tables may. -ENOMEM. */
int transaction_touch_instance(struct transaction *transaction, const struct instance *instance);

/* What the rows put so far change in documents, services and routes (docs/api.md); the caller's. */
cJSON *transaction_describe(const struct transaction *transaction);

/* Ends the transaction, also on failure, which leaves everything as it was before it began. */
int transaction_commit(struct transaction *transaction, uint64_t *ret_revision, struct error *error);
void transaction_abort(struct transaction *transaction);
