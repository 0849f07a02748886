/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What should be published: one alias, or everything. */
#pragma once

#include "base/error.h"
#include "engine/publish/publisher.h"
#include "model/catalog.h"

struct daemon;

struct wanted_list {
    struct wanted_alias *items;
    size_t n;
};

void wanted_list_done(struct wanted_list *list);

/* For tasks of `client` (numbered; NULL: others). Numbers the alias's scope and name and builds its tables;
 * an alias that the catalog does not have comes out as not existing. */
int want_alias(struct daemon *daemon, const char *namespace_name, const struct client *client,
               const struct client_alias *alias, struct wanted_alias *ret_wanted, struct error *error);

/* Appends every alias that tasks of `client` (NULL: others) see. */
int want_scope(struct daemon *daemon, const struct model_namespace *parent, const struct client *client,
               struct wanted_list *list, struct error *error);

/* Room for `more` items behind list->n; the new ones are not counted yet. -ENOMEM. */
int wanted_list_grow(struct wanted_list *list, size_t more);

/* Unpublishes every alias of a scope that no task sees any more; its number becomes free after a grace
 * period. */
void withdraw_scope(struct daemon *daemon, uint32_t scope);

/*
 * At start: publishes everything in the catalog, numbering what has no number, and writes endpoint entries
 * that differ from the kernel's; then adopts the tasks; then removes what is published and not wanted, and
 * endpoints that are not registered. While the registry is not the right one nothing is removed (kept.h).
 */
int publish_everything(struct daemon *daemon, struct error *error);

/* Later, when what was kept at the start is to go: what is not in the catalog goes, tasks move first. */
int republish_everything(struct daemon *daemon, struct error *error);
