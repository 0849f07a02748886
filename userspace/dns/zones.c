/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/zones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "model/aliases.h"
#include "model/service_names.h"

#define PAUSE_FACTOR 20 /* making snapshots takes no more than a twentieth of the time */

struct dns_snapshot {
    char *key; /* "NAMESPACE/CLIENT" */
    char *namespace_name;
    bool is_stale;
    uint64_t made_ns;
    uint64_t took_ns;
    struct client_alias *aliases; /* where the names are, sorted */
    struct dns_name *names;
    struct dns_port *ports;
    const struct dns_name **by_address;
    struct service_name *service_names;
    struct dns_service *services;
    char **suffixes;
    struct dns_zone zone;
    UT_hash_handle hh;
};

static void empty(struct dns_snapshot *snapshot)
{
    free(snapshot->aliases);
    free(snapshot->names);
    free(snapshot->ports);
    free(snapshot->by_address);
    free(snapshot->service_names);
    free(snapshot->services);
    free(snapshot->suffixes);
    snapshot->service_names = NULL;
    snapshot->services = NULL;
    snapshot->suffixes = NULL;
    snapshot->aliases = NULL;
    snapshot->names = NULL;
    snapshot->ports = NULL;
    snapshot->by_address = NULL;
    snapshot->zone = (struct dns_zone){0};
}

static void free_snapshot(struct dns_snapshot *snapshot)
{
    empty(snapshot);
    free(snapshot->key);
    free(snapshot->namespace_name);
    free(snapshot);
}

static int zones_by_name(const void *a, const void *b)
{
    const struct client_alias *left = a;
    const struct client_alias *right = b;
    int order = strcmp(left->dns_name, right->dns_name);

    return order ? order : (int)left->port - (int)right->port;
}

static int zones_by_address(const void *a, const void *b)
{
    return memcmp((*(const struct dns_name *const *)a)->address.bytes,
                  (*(const struct dns_name *const *)b)->address.bytes, sizeof(struct ip_address));
}

/* A datagram cannot go to an IPv4 endpoint from a socket that is sent to an IPv6 address: such a name has
 * none. */
static void add_port(struct dns_snapshot *snapshot, struct dns_name *name, const struct client_alias *alias,
                     size_t at)
{
    snapshot->ports[at] = (struct dns_port){alias->port, (uint8_t)alias->protocol};
    name->n_ports++;
    if (alias->protocol == UDP)
        name->has_address6 = false;
}

static void zones_add_names(const struct engine *engine, struct dns_snapshot *snapshot, size_t n_aliases)
{
    size_t n = 0;

    for (size_t i = 0; i < n_aliases; i++) {
        const struct client_alias *alias = &snapshot->aliases[i];
        uint32_t number;

        if (n > 0 && strcmp(snapshot->names[n - 1].name, alias->dns_name) == 0) {
            add_port(snapshot, &snapshot->names[n - 1], alias, i);
            continue;
        }
        if (engine_address(engine, alias->dns_name, &number) < 0)
            continue;
        snapshot->names[n] =
            (struct dns_name){.name = alias->dns_name,
                              .address = alias_range_address(engine_alias_range(engine), number),
                              .address6 = alias_range_address6(engine_alias_range(engine), number),
                              .has_address6 = true,
                              .ports = &snapshot->ports[i]};
        add_port(snapshot, &snapshot->names[n], alias, i);
        snapshot->by_address[n] = &snapshot->names[n];
        n++;
    }
    if (n > 0)
        qsort(snapshot->by_address, n, sizeof(*snapshot->by_address), zones_by_address);
    snapshot->zone = (struct dns_zone){
        .names = snapshot->names,
        .n_names = n,
        .by_address = snapshot->by_address,
        .range = {engine_alias_range(engine)->first, engine_alias_range(engine)->bits},
        .range6 = {engine_alias_range(engine)->first6, engine_alias_range(engine)->bits6},
    };
}

static int zones_compare_names(const void *key, const void *element)
{
    return strcmp(key, ((const struct dns_name *)element)->name);
}

static int zones_add_services(const struct engine *engine, struct dns_snapshot *snapshot)
{
    struct dns_zone *zone = &snapshot->zone;
    size_t n = 0;
    int r = service_names_list(catalog_namespace(engine_catalog(engine), snapshot->namespace_name),
                               &snapshot->service_names, &n);

    if (r == 0)
        r = engine_name_suffixes(engine, snapshot->namespace_name, &snapshot->suffixes);
    if (r == 0 && !(snapshot->services = calloc(n + 1, sizeof(*snapshot->services))))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct client_alias *alias = snapshot->service_names[i].alias;

        snapshot->services[i].name = snapshot->service_names[i].name;
        if (alias && zone->n_names > 0)
            snapshot->services[i].of = bsearch(alias->dns_name, zone->names, zone->n_names,
                                               sizeof(*zone->names), zones_compare_names);
    }
    zone->services = snapshot->services;
    zone->n_services = r == 0 ? n : 0;
    zone->suffixes = (const char *const *)snapshot->suffixes;
    return r;
}

static int zones_fill(const struct engine *engine, struct dns_snapshot *snapshot, const char *client)
{
    size_t n = 0;
    int r;

    empty(snapshot);
    r = engine_names(engine, snapshot->namespace_name, client, &snapshot->aliases, &n);
    if (r < 0)
        return r;
    if (n > 0)
        qsort(snapshot->aliases, n, sizeof(*snapshot->aliases), zones_by_name);
    snapshot->names = calloc(n + 1, sizeof(*snapshot->names));
    snapshot->ports = calloc(n + 1, sizeof(*snapshot->ports));
    snapshot->by_address = calloc(n + 1, sizeof(*snapshot->by_address));
    if (!snapshot->names || !snapshot->ports || !snapshot->by_address) {
        empty(snapshot);
        return -ENOMEM;
    }
    zones_add_names(engine, snapshot, n);
    r = zones_add_services(engine, snapshot);
    if (r < 0)
        empty(snapshot);
    return r;
}

static struct dns_snapshot *zones_make(struct dns_zones *zones, const char *key, const char *namespace_name)
{
    struct dns_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (!snapshot)
        return NULL;
    snapshot->key = strdup(key);
    snapshot->namespace_name = strdup(namespace_name);
    if (!snapshot->key || !snapshot->namespace_name) {
        free_snapshot(snapshot);
        return NULL;
    }
    snapshot->is_stale = true;
    HASH_ADD_KEYPTR(hh, zones->all, snapshot->key, strlen(snapshot->key), snapshot);
    return snapshot;
}

const struct dns_zone *dns_zones_last(const struct dns_snapshot *last)
{
    return last && last->names ? &last->zone : NULL;
}

const struct dns_zone *dns_zones_get(struct dns_zones *zones, const struct engine *engine,
                                     const char *namespace_name, const char *service,
                                     struct dns_snapshot **last)
{
    char key[SVC_NAMESPACE_SIZE + SVC_SERVICE_SIZE + 2];
    struct dns_snapshot *snapshot;
    const char *client;
    uint64_t now;

    if (!engine_is_steady(engine))
        return dns_zones_last(*last);
    client = engine_has_client(engine, namespace_name, service) ? service : "";
    (void)snprintf(key, sizeof(key), "%s/%s", namespace_name, client);
    HASH_FIND_STR(zones->all, key, snapshot);
    if (!snapshot)
        snapshot = zones_make(zones, key, namespace_name);
    if (!snapshot)
        return NULL;
    *last = snapshot;
    if (!snapshot->is_stale)
        return &snapshot->zone;
    now = clock_monotonic_ns();
    if (snapshot->names && now - snapshot->made_ns < snapshot->took_ns * PAUSE_FACTOR)
        return &snapshot->zone;
    if (zones_fill(engine, snapshot, client) < 0)
        return NULL;
    snapshot->made_ns = clock_monotonic_ns();
    snapshot->took_ns = snapshot->made_ns - now;
    snapshot->is_stale = false;
    return &snapshot->zone;
}

void dns_zones_mark(struct dns_zones *zones, const char *namespace_name)
{
    struct dns_snapshot *snapshot, *next;

    HASH_ITER (hh, zones->all, snapshot, next) {
        if (!namespace_name || strcmp(snapshot->namespace_name, namespace_name) == 0)
            snapshot->is_stale = true;
    }
}

void dns_zones_done(struct dns_zones *zones)
{
    struct dns_snapshot *snapshot, *next;

    HASH_ITER (hh, zones->all, snapshot, next) {
        HASH_DEL(zones->all, snapshot);
        free_snapshot(snapshot);
    }
}
