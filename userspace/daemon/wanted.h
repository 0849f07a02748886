/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What should be published: one alias, or everything. */
#pragma once

#include "base/error.h"
#include "daemon/publisher.h"

struct daemon;

struct wanted_list {
    struct wanted_alias *items;
    size_t n;
};

void wanted_list_done(struct wanted_list *list);

/* Numbers the alias's scope and name and builds its tables; an alias that the catalog does not have comes out
 * as not existing. */
int want_alias(struct daemon *daemon, const char *namespace_name, const struct client_alias *alias,
               struct wanted_alias *ret_wanted, struct error *error);

/*
 * At start: publishes everything in the catalog, numbering what has no number, and writes endpoint entries
 * that differ from the kernel's. Endpoints that are not registered are removed.
 */
int publish_everything(struct daemon *daemon, struct error *error);
