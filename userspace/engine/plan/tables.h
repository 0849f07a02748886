/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the catalog to what routing and the publisher want: candidates of a target, the tables of an alias. */
#pragma once

#include "engine/publish/publisher.h"
#include "model/catalog_external.h"
#include "routing/table.h"

/* The targets of an alias with their instances, in the order tables are built in (by endpoint number). */
struct alias_view {
    struct table_target *targets; /* their candidates are those below, as routing reads them */
    struct table_candidate **candidates;
    struct instance ***instances; /* instances[t][c] belongs to targets[t].candidates[c] */
    struct service **services;    /* services[t] */
    size_t n_targets;
};

/* Is the instance one that a connection over `protocol` may be sent to? */
bool instance_is_eligible(const struct instance *instance, enum svc_protocol protocol);

/* -ENOMEM. An alias that does not exist gives no targets. alias_view_done() ends it in any case. */
int alias_view_build(const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, struct alias_view *ret_view);
void alias_view_done(struct alias_view *view);

/* The client aliases of a namespace as the client's tasks see them (NULL: others), each once. -ENOMEM; caller
 * frees. */
int alias_list_build(const struct model_namespace *parent, const struct client *client,
                     struct client_alias **ret_aliases, size_t *ret_n);

/* Fills slots4/6 of *wanted (malloc'd, wanted_alias_done() frees). */
int wanted_tables_build(const struct model_namespace *parent, const struct client *client,
                        struct wanted_alias *wanted);
void wanted_alias_done(struct wanted_alias *wanted);

/* The endpoint's entry for people, and the name its number goes by. */
void endpoint_entry(const struct instance *instance, struct svc_endpoint *ret_entry);
#define ENDPOINT_NAME_SIZE (1024 + 128 + EXTERNAL_KEY_SIZE + 3)
const char *endpoint_name(const struct instance *instance, char name[static ENDPOINT_NAME_SIZE]);

/* The registered instance that an entry is about, NULL if there is none, and what its number went by. */
struct instance *entry_instance(const struct catalog *catalog, const struct svc_endpoint *entry,
                                char name[static ENDPOINT_NAME_SIZE]);
