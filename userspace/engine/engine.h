/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The engine: the one writer. It owns what is registered (the catalog), the numbers of this host, the
 * registry and the tables that are published, and every change of them goes through it in three steps:
 *
 *   reserve   the catalog takes the change and it is checked whole; its tables are built; what can run out is
 *             taken
 *   commit    the rows go to the registry; durable when that is done
 *   publish   the tables become visible by one store each; nothing is left that could fail
 *
 *   change/   a transaction: rows in, rows and tables out, or everything as it was      (transaction.h)
 *   plan/     from the catalog to numbers, scopes and wanted tables                     (wanted.h, tables.h)
 *   publish/  from wanted tables to the kernel's: regions, descriptors, grace periods    (publisher.h)
 *   follower.h  what others do when something changes: health, drains, names, tasks
 *
 *   change/job.h  how everybody asks for a change, and hears of its end
 *
 * Everything runs on the loop. Whoever only reads asks for the catalog and must not keep pointers into it
 * over a turn of the loop.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/name_numbers.h"
#include "engine/follower.h"
#include "model/alias_range.h"
#include "model/catalog.h"
#include "settings/check_ranges.h"

struct datapath;
struct datapath_config;
struct engine;
struct history;
struct event_base;
struct publisher;
struct published;
struct registry;
struct registry_tally;
struct registry_link;

struct engine_settings {
    struct event_base *base;
    struct alias_range alias_range;
    const char *name_suffixes; /* of the names of services (model/service_names.h); NULL: the usual ones */
    const char *region;        /* of these; NULL: the usual one */
    const char *zone;          /* where this host is; NULL or "": nobody knows */
    struct settings_rights host_rights; /* of settings that come by the control socket or lie in services.d */
    const struct check_ranges
        *aws_checks;      /* where health checks made over AWS's API may go; NULL: the default */
    uint32_t max_aliases; /* sizes of the maps, in entries */
    uint32_t max_slots;
    uint32_t max_endpoints;
    size_t history_rows; /* that are kept; 0: none */
    bool
        adopts_empty; /* a registry that is empty beside something published is right: what is published goes */
};

/* An empty catalog and no numbers. -ENOMEM. */
int engine_new(const struct engine_settings *settings, struct engine **ret_engine);
void engine_free(struct engine **engine); /* NULL-safe; sets to NULL */

/* Before the start. The follower's functions must outlive the engine. -ENOSPC: more followers than there can
 * be. */
int engine_follow(struct engine *engine, const struct engine_follower *follower, void *user);

/*
 * The start, in this order. The registry is the engine's own, below the state directory, or one of the
 * caller's that outlives the engine (else NULL). Rows that cannot be read are counted, said once and left
 * alone. The data path belongs to the caller; a registry that is less than what it has published makes the
 * engine keep what runs (guard/guard.h), and may make it open the data path again, with the sizes that are
 * pinned.
 */
int engine_open_registry(struct engine *engine, const char *state_dir, struct error *error);
uint64_t engine_rows(const struct engine *engine); /* how many there are to be loaded */
int engine_load(struct engine *engine, struct registry *registry, struct error *error);
int engine_judge(struct engine *engine, struct datapath_config *config, struct datapath **datapath,
                 struct error *error);
int engine_adopt(struct engine *engine, struct datapath *datapath, struct error *error);
int engine_publish(struct engine *engine, struct error *error);

/* Call when the data path's grace period has ended (datapath_grace_fd() is readable). */
void engine_end_grace(struct engine *engine);

/* ---- reading ---- */

struct catalog *engine_catalog(const struct engine *engine);
const struct alias_range *engine_alias_range(const struct engine *engine);
struct settings_rights engine_host_rights(const struct engine *engine);
const struct check_ranges *engine_aws_checks(const struct engine *engine); /* never NULL */
uint32_t engine_max_endpoints(const struct engine *engine);

/* The registered instance with this endpoint number; NULL: none. */
struct instance *engine_instance(const struct engine *engine, uint32_t number);

/* The alias address number of a name; -ENOENT: it has none. */
int engine_address(const struct engine *engine, const char *dns_name, uint32_t *ret_number);

/* The number of a namespace's own scope, given if it has none. */
int engine_scope(struct engine *engine, const char *namespace_name, uint32_t *ret_scope, struct error *error);

/* The scope of a task of `service` (may be "") in the namespace, and the namespace's own; numbered if need
 * be. */
int engine_scope_of_task(struct engine *engine, const char *namespace_name, const char *service,
                         uint32_t *ret_scope, uint32_t *ret_namespace_scope, struct error *error);

/* The scope of such a task as it is numbered already. -ENOENT: nothing has been published there. */
int engine_find_scope(const struct engine *engine, const char *namespace_name, const char *service,
                      uint32_t *ret_scope);

/* The tables of an alias as they are published in a scope (publish/publisher.h). -ENOENT: it is not there. */
struct kept_alias;
int engine_find_published(const struct engine *engine, uint32_t scope, const struct client_alias *alias,
                          struct kept_alias *ret_published);

/* The suffixes of the names of the namespace's services; as name_suffixes_make(). */
int engine_name_suffixes(const struct engine *engine, const char *namespace_name, char ***ret_suffixes);

/*
 * Names of a namespace as tasks of `client` (""; others) see them, with those that are kept though the
 * registry does not account for them. -ENOMEM. The caller frees the array.
 */
int engine_names(const struct engine *engine, const char *namespace_name, const char *client,
                 struct client_alias **ret_aliases, size_t *ret_n);

/*
 * A DNS name as tasks of a scope can connect to it just now, also while the catalog is nobody's to read: what is
 * published, with all that is kept. What it points to is good until the next turn of the loop.
 */
struct engine_name {
    const char *name;
    struct ip_address address;
    struct ip_address address6;
    const struct published *next; /* for engine_next_alias() */
};

/* `name`, of `length`, is in lower case. -ENOENT. */
int engine_find_name(const struct engine *engine, uint32_t scope, const char *name, size_t length,
                     struct engine_name *ret_name);

/* The name that an alias address of either family stands for in a scope. -ENOENT. */
int engine_find_address(const struct engine *engine, uint32_t scope, const struct ip_address *address,
                        struct engine_name *ret_name);

/* The aliases of a name that was found, one by one, in no order; NULL: that was the last one. */
const struct client_alias *engine_next_alias(struct engine_name *name);

/* Do tasks of this client service see a scope of its own? */
bool engine_has_client(const struct engine *engine, const char *namespace_name, const char *client);

/* Why the registry is taken for less than what is published and since when, with what to do; false: it is
 * not. */
bool engine_trouble(const struct engine *engine, char *ret_text, size_t size);
bool engine_is_degraded(const struct engine *engine);

/* In a fleet: hosts that went together and have their instances still; and how the registry is reached. */
bool engine_doubts_hosts(const struct engine *engine, char *ret_text, size_t size);
struct registry_link engine_link(const struct engine *engine);

/* What this host sees, for who asks the fleet's hosts (registry_report()). */
bool engine_takes_reports(const struct engine *engine);
int engine_report(struct engine *engine, const char *text);

/* What hosts count, and the driver adds up (registry_tell_tallies()). */
int engine_tell_tallies(struct engine *engine, const struct registry_tally *tallies, size_t n);
void engine_others_tally(struct engine *engine, const char *name,
                         uint64_t *ret_counts); /* REGISTRY_COUNTS of them */

/* Does another host of the fleet go by this one's name? */
bool engine_has_twin(const struct engine *engine, char *ret_text, size_t size);

/* Do hosts share the registry? Then one of them, the driver, does what one is to do for all; else this one is. */
bool engine_has_fleet(const struct engine *engine);
bool engine_is_driver(const struct engine *engine);

/* The registry's part of `status`. */
void engine_describe_registry(const struct engine *engine, cJSON *registry);

/* What was changed, by whom; NULL: none is kept. */
const struct history *engine_history(const struct engine *engine);

/* For status. */
struct engine_figures {
    uint64_t revision;
    unsigned adopted; /* aliases taken over at the start */
    uint32_t aliases;
    uint32_t slots_used;
    uint32_t addresses_used;
    uint32_t endpoints_used;
    uint32_t kept_aliases;
};
struct engine_figures engine_figures(const struct engine *engine);
