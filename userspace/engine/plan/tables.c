/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/endpoint_names.h"
#include "routing/table_affine.h"
#include "routing/table_groups.h"
#include "routing/target_weights.h"

_Static_assert(INSTANCE_RAMP_PARTS == TABLE_WEIGHT_PARTS, "slow start counts in the parts that tables take");

/* Weights in sixteenths, which slow start takes some of; a weight never falls to 0 by it. */
static uint32_t weight_now(const struct instance *instance)
{
    uint32_t parts =
        TABLE_WEIGHT_PARTS - (instance->ramp < TABLE_WEIGHT_PARTS ? instance->ramp : TABLE_WEIGHT_PARTS - 1);

    return instance->weight * parts;
}

bool tables_service_is_panic(const struct service *service, enum svc_protocol protocol)
{
    uint32_t percent = service_get_settings(service)->panic_percent;
    const struct instance *instance;
    size_t healthy = 0;
    size_t all = 0;

    for (instance = service->instances; percent > 0 && instance; instance = instance->hh.next) {
        if (instance->weight == 0 || !instance_is_last_resort(instance, protocol))
            continue;
        all++;
        healthy += instance_is_eligible(instance, protocol);
    }
    return healthy * 100 < all * percent;
}

/* Then every candidate that does not drain is taken. Returns whether it is so. */
static bool panic_if_few(const struct service *service, enum svc_protocol protocol,
                         struct instance *const *instances, struct table_candidate *candidates, size_t n)
{
    if (!tables_service_is_panic(service, protocol))
        return false;
    for (size_t i = 0; i < n; i++)
        candidates[i].is_eligible = instance_is_last_resort(instances[i], protocol);
    return true;
}

/* The addresses of one host name share its weight: a number that they have in common, the
 * lowest of theirs. */
static uint32_t group_of(const struct instance *instance)
{
    const struct instance *external = instance->external;
    uint32_t lowest = external ? UINT32_MAX : 0;

    for (size_t i = 0; external && i < external->n_addresses; i++)
        if (external->addresses[i]->endpoint < lowest)
            lowest = external->addresses[i]->endpoint;
    return lowest;
}

static int tables_by_endpoint(const void *a, const void *b)
{
    uint32_t left = (*(struct instance *const *)a)->endpoint;
    uint32_t right = (*(struct instance *const *)b)->endpoint;

    return left < right ? -1 : left > right;
}

/* Mostly they are in order: they are numbered as they are registered, and there may be very many. */
static bool is_sorted(struct instance *const *instances, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (instances[i]->endpoint < instances[i - 1]->endpoint)
            return false;
    return true;
}

/* Sorted so that a table's bytes depend on what is registered, not on the order it arrived in. */
static int fill_target(const struct service *service, enum svc_protocol protocol, struct alias_view *view,
                       size_t t)
{
    size_t n = HASH_COUNT(service->instances);
    struct instance **instances = calloc(n + 1, sizeof(struct instance *));
    struct table_candidate *candidates = calloc(n + 1, sizeof(*candidates));
    struct instance *instance, *next;
    size_t i = 0;

    view->instances[t] = instances;
    view->candidates[t] = candidates;
    view->targets[t].candidates = candidates;
    view->targets[t].n_candidates = n;
    if (!instances || !candidates)
        return -ENOMEM;
    HASH_ITER (hh, service->instances, instance, next) {
        instances[i++] = instance;
    }
    if (!is_sorted(instances, n))
        qsort(instances, n, sizeof(struct instance *), tables_by_endpoint);
    for (i = 0; i < n; i++)
        candidates[i] = (struct table_candidate){
            .endpoint = instances[i]->endpoint,
            .address = instances[i]->address,
            .port = instances[i]->port,
            .networks = instances[i]->networks,
            .weight = weight_now(instances[i]),
            .is_eligible = instance_is_eligible(instances[i], protocol),
            .is_present = instance_is_last_resort(instances[i], protocol),
            .is_ejected = instances[i]->is_ejected,
            .group = group_of(instances[i]),
        };
    view->is_panic[t] = panic_if_few(service, protocol, instances, candidates, n);
    return view_zones_fill(view, t);
}

/* Does the route of the alias ask for unhealthy endpoints rather than a refusal? */
static bool is_unhealthy_on_empty(const struct model_namespace *parent, const struct client *client,
                                  const char *identity)
{
    const struct route *route = client ? catalog_route(parent, client, identity) : NULL;

    if (!route)
        route = catalog_route(parent, NULL, identity);
    return route && route->is_unhealthy_on_empty;
}

static void take_unhealthy_if_empty(struct alias_view *view, enum svc_protocol protocol)
{
    for (size_t t = 0; t < view->n_targets; t++)
        if (view->targets[t].weight > 0)
            for (size_t c = 0; c < view->targets[t].n_candidates; c++)
                if (view->targets[t].candidates[c].is_eligible && view->targets[t].candidates[c].weight > 0)
                    return;
    view->is_on_empty = true;
    for (size_t t = 0; t < view->n_targets; t++) {
        for (size_t c = 0; c < view->targets[t].n_candidates; c++)
            view->candidates[t][c].is_eligible = instance_is_last_resort(view->instances[t][c], protocol);
        view_zones_panic(view, t);
    }
}

int alias_view_build(const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, struct alias_view *ret_view)
{
    char identity[ALIAS_IDENTITY_SIZE];
    struct route_target single;
    size_t n = 0;
    const struct route_target *targets =
        catalog_alias_targets(parent, client, alias_identity(alias, identity), &single, &n);

    *ret_view = (struct alias_view){0};
    ret_view->targets = calloc(n + 1, sizeof(*ret_view->targets));
    ret_view->candidates = calloc(n + 1, sizeof(struct table_candidate *));
    ret_view->instances = calloc(n + 1, sizeof(struct instance **));
    ret_view->services = calloc(n + 1, sizeof(struct service *));
    ret_view->is_panic = calloc(n + 1, sizeof(*ret_view->is_panic));
    ret_view->zone_outcomes = calloc(n + 1, sizeof(*ret_view->zone_outcomes));
    ret_view->zones = calloc(n + 1, sizeof(struct view_zones *));
    if (!ret_view->targets || !ret_view->candidates || !ret_view->instances || !ret_view->services ||
        !ret_view->is_panic || !ret_view->zone_outcomes || !ret_view->zones)
        return -ENOMEM;
    for (size_t t = 0; t < n; t++) {
        int r;

        ret_view->n_targets = t + 1;
        ret_view->services[t] = targets[t].service;
        ret_view->targets[t].weight = targets[t].weight;
        r = fill_target(targets[t].service, alias->protocol, ret_view, t);
        if (r < 0)
            return r;
    }
    if (is_unhealthy_on_empty(parent, client, identity))
        take_unhealthy_if_empty(ret_view, alias->protocol);
    return 0;
}

void alias_view_done(struct alias_view *view)
{
    for (size_t t = 0; t < view->n_targets; t++) {
        free(view->candidates[t]);
        free(view->instances[t]);
        free(view->zones[t]);
    }
    free(view->targets);
    free(view->candidates);
    free(view->instances);
    free(view->services);
    free(view->is_panic);
    free(view->zone_outcomes);
    free(view->zones);
    *view = (struct alias_view){0};
}

static bool has_ipv6(const struct alias_view *view)
{
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; view->targets[t].weight > 0 && c < view->targets[t].n_candidates; c++)
            if (candidate_is_drawn(&view->targets[t].candidates[c], false) &&
                !ip_address_is_v4(&view->targets[t].candidates[c].address))
                return true;
    return false;
}

static void leave_only_ipv6(struct alias_view *view)
{
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++)
            if (ip_address_is_v4(&view->candidates[t][c].address))
                view->candidates[t][c].is_eligible = view->candidates[t][c].is_present = false;
}

/* A route to several services has the first one's. TCP knows no stickiness: tables are equal
 * whatever it is. */
static void set_manner(struct wanted_alias *wanted, const struct service_settings *settings)
{
    wanted->stickiness_ms = wanted->alias.protocol == UDP ? settings->udp_stickiness_ms : 0;
    wanted->flags = settings->is_peer_alias ? SVC_SERVICE_PEER_ALIAS : 0;
    if (settings->affinity)
        wanted->flags |=
            settings->affinity == AFFINITY_TASK ? SVC_SERVICE_AFFINITY_TASK : SVC_SERVICE_AFFINITY_PROCESS;
    else if (settings->balance != BALANCE_WEIGHTED && wanted->alias.protocol == TCP)
        wanted->flags |= SVC_SERVICE_LEAST;
}

static int build_view_table(const struct alias_view *view, const struct wanted_alias *wanted, bool only_v4,
                            struct svc_slot **ret_slots, uint32_t *ret_count)
{
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count;
    int r = table_build(view->targets, view->n_targets, only_v4, &slots, &count);

    if (r == 0 && wanted->flags & (SVC_SERVICE_AFFINITY_TASK | SVC_SERVICE_AFFINITY_PROCESS))
        r = table_make_affine(&slots, &count);
    if (r == 0 && wanted->flags & SVC_SERVICE_LEAST)
        r = table_mark_groups(view->targets, view->n_targets, slots, count);
    if (r < 0)
        return r;
    *ret_slots = TAKE_PTR(slots);
    *ret_count = count;
    return 0;
}

int wanted_tables_build(const struct model_namespace *parent, const struct client *client,
                        struct wanted_alias *wanted)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    int r = alias_view_build(parent, client, &wanted->alias, &view);

    if (r == 0 && view.n_targets > 0)
        set_manner(wanted, service_get_settings(view.services[0]));
    if (r == 0)
        r = build_view_table(&view, wanted, true, &wanted->slots4, &wanted->count4);
    if (r < 0)
        return r;
    /* IPv6 endpoints where there are any, else the IPv4 ones, which such a socket may reach as well. */
    if (has_ipv6(&view)) {
        leave_only_ipv6(&view);
        return build_view_table(&view, wanted, false, &wanted->slots6, &wanted->count6);
    }
    wanted->slots6 = wanted->slots4;
    wanted->count6 = wanted->count4;
    return 0;
}

void wanted_alias_done(struct wanted_alias *wanted)
{
    if (wanted->slots6 != wanted->slots4)
        free(wanted->slots6);
    free(wanted->slots4);
    free(wanted->kept);
    wanted->kept = NULL;
    wanted->n_kept = 0;
    wanted->slots4 = wanted->slots6 = NULL;
}
