/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Scopes: what a task may see. Every namespace has one for tasks without routes of their own, and one per set
 * of overrides that some client services have: clients with equal routes share it. A scope whose only client
 * changes its routes keeps its number, so that one alias is published anew and no task has to move.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/catalog.h"

struct engine;

/* "NS", or "NS/" and a digest of the client's routes: the name that the scope's number goes by. */
#define SCOPE_NAME_SIZE (1024 + 1 + 32 + 1)
void scope_name(const struct model_namespace *parent, const struct client *client,
                char name[static SCOPE_NAME_SIZE]);

/* The scope of a task of `service` (may be "") in the namespace, and the namespace's own; numbered if need
 * be. */
int scope_of_task(struct engine *engine, const char *namespace_name, const char *service, uint32_t *ret_scope,
                  uint32_t *ret_namespace_scope, struct error *error);

/* The same without numbering anything. -ENOENT: nothing has been published there. */
int scope_find(const struct engine *engine, const char *namespace_name, const char *service,
               uint32_t *ret_scope);

/*
 * The scopes of a namespace beside its own, each once by a client that has it. The caller frees the array
 * *ret_clients. Clients must be numbered. -ENOMEM.
 */
int scopes_of_clients(const struct model_namespace *parent, struct client ***ret_clients, size_t *ret_n);

/* What becomes of one client's scope in a change; kept until it is committed or undone. */
struct scope_change {
    char *namespace_name;
    char *client;
    char *old_name;      /* of its scope before; NULL: had none */
    char *new_name;      /* NULL: has none any more */
    uint32_t old_number; /* 0: had none */
    uint32_t new_number; /* 0: has none any more */
    bool is_new;         /* the number was taken by this change */
    bool is_renamed;     /* the number was kept under the new name */
};

/* Notes what the client has before its routes change. -ENOMEM. */
int scope_change_begin(struct engine *engine, const char *namespace_name, const char *client,
                       struct scope_change *ret_change);

/* Numbers the client after its routes changed. */
int scope_change_plan(struct engine *engine, struct scope_change *change, struct error *error);
void scope_change_undo(struct engine *engine, const struct scope_change *change);
void scope_change_done(struct scope_change *change);

/* Does any client of the namespace have this number? */
bool scope_is_used(const struct model_namespace *parent, uint32_t number);

/* At start: numbers every client, from a "host/scope/NS/CLIENT" row or anew. */
int scopes_number_clients(struct engine *engine, struct error *error);
