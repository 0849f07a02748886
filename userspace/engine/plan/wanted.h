/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What should be published: one alias, or everything. */
#pragma once

#include "base/error.h"
#include "engine/publish/publisher.h"
#include "model/catalog.h"

struct engine;

struct wanted_list {
    struct wanted_alias *items;
    size_t n;
    size_t capacity;
    char **texts; /* those that it owns */
    size_t n_texts;
};

void wanted_list_done(struct wanted_list *list);

/* For tasks of `client` (numbered; NULL: others). Numbers the alias's scope and name and builds its tables;
 * an alias that the catalog does not have comes out as not existing. */
int want_alias(struct engine *engine, const char *namespace_name, const struct client *client,
               const struct client_alias *alias, struct wanted_alias *ret_wanted, struct error *error);

/* Appends every alias that tasks of `client` (NULL: others) see. */
int want_scope(struct engine *engine, const struct model_namespace *parent, const struct client *client,
               struct wanted_list *list, struct error *error);

/* Room for `more` items behind list->n; the new ones are not counted yet. -ENOMEM. */
int wanted_list_grow(struct wanted_list *list, size_t more);

/*
 * Notes an alias as wanted, without tables, by texts that the list owns: what the catalog names may be gone
 * for a while before it is published. -ENOMEM.
 */
int wanted_list_note(struct wanted_list *list, const char *namespace_name, const struct client *client,
                     const struct client_alias *alias);
int wanted_list_note_scope(struct wanted_list *list, const struct model_namespace *parent,
                           const struct client *client);

/* want_alias() for an item that was noted. */
int want_noted(struct engine *engine, struct wanted_alias *noted, struct error *error);

/* Unpublishes every alias of a scope that no task sees any more; its number becomes free after a grace
 * period. */
void withdraw_scope(struct engine *engine, uint32_t scope);
