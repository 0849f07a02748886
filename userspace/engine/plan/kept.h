/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * While the registry is not the right one: aliases, endpoints and scopes that it does not account for go on,
 * under changes of what it does account for. All of these do nothing where the daemon is not degraded.
 */
#pragma once

#include "engine/publish/publisher.h"
#include "engine/plan/wanted.h"
#include "model/catalog.h"

struct engine;
struct scope_change;
struct transaction;

/* A scope with routes of its own, as the pins have it: which client's tasks are in it. */
struct kept_scope {
    char *namespace_name;
    char *client;
    uint32_t number;
};

struct kept_scopes {
    struct kept_scope *items;
    size_t n;
};

/* From what is pinned, before any number is given: takes those of scopes and endpoints out of use. */
int kept_adopt(struct engine *engine, struct error *error);

/* Of everything the registry wants, what may be published: see publisher_keep(). */
int kept_choose(struct engine *engine, struct wanted_list *wanted, struct error *error);

/* Of kept_adopt(). -ENOMEM. */
int kept_add_scope(struct engine *engine, const char *namespace_name, const char *client, uint32_t number);

/* The scope that a client's tasks keep. False: they go by the registry. */
bool kept_find_scope(const struct engine *engine, const char *namespace_name, const char *client,
                     uint32_t *ret_scope);

/*
 * What a transaction wants in place of an alias that is kept (in scope `from`, which may be another one):
 * both together, unless somebody changed the routes of just that alias. Sets *ret_is_dropped where it must
 * stay as it is.
 */
int kept_merge(struct transaction *transaction, uint32_t from, struct wanted_alias *wanted,
               bool *ret_is_dropped, struct error *error);

/* kept_policy.c: endpoints that are kept were not open to everybody; nor is the table that has them, until somebody says so. */
void kept_keep_policy(const struct transaction *transaction, const struct kept_alias *kept,
                      struct wanted_alias *wanted);

/* A touched alias in scopes that are kept, where it is new. */
int kept_want(struct transaction *transaction, const char *namespace_name, const struct client_alias *alias,
              struct wanted_list *list, struct error *error);

/* A scope that a change makes: what the client's tasks have where they are now. What the catalog wants in it
 * is in the list already. */
int kept_want_scope(struct transaction *transaction, const struct scope_change *change,
                    struct wanted_list *list, struct error *error);

/* The change is committed: its clients' tasks go by the registry from now on. */
void kept_release_clients(struct transaction *transaction);

/* Names of a namespace as a client's tasks (""; NULL: others) see them, kept ones with them: as
 * alias_list_build(). */
int kept_list_names(const struct engine *engine, const char *namespace_name, const char *client,
                    struct client_alias **ret_aliases, size_t *ret_n);

/* Accepted: nothing is kept any more. */
void kept_forget(struct engine *engine);
void kept_done(struct kept_scopes *scopes);
