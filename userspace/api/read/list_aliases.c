/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * GET /v1/aliases and GET /v1/routes, which share their items. An item may have as many endpoints as a table
 * has slots, so it is written in pieces: what its targets are and what share each endpoint has is found out
 * once, as the item begins.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "model/aliases.h"

struct alias_target {
    char *service;
    uint32_t service_number;
    uint32_t weight;
    double wanted, effective; /* shares */
    double in_zone;           /* of what it gets; NAN: not known */
    char *allow_from;         /* NULL: everybody may call it */
    bool is_audit;
    size_t n; /* endpoints */
};

struct alias_endpoint {
    uint32_t number;
    double share;
};

/* Of the alias whose turn it is. */
struct alias_part {
    struct alias_target *targets;
    size_t n_targets, target; /* the one whose turn it is, */
    size_t next;              /* and how many of its endpoints have had theirs */
    struct alias_endpoint *endpoints;
    size_t first; /* of the target's */
};

static void drop_alias(void *part)
{
    struct alias_part *own = part;

    for (size_t t = 0; own && t < own->n_targets; t++) {
        free(own->targets[t].service);
        free(own->targets[t].allow_from);
    }
    if (own) {
        free(own->targets);
        free(own->endpoints);
    }
    free(own);
}

static double percent(double share)
{
    return round(share * 1e8) / 1e6;
}

/* ---- what an item shows ---- */

static int note_policy(const struct service *service, struct alias_target *target)
{
    const struct service_settings *settings = service_get_settings(service);

    target->is_audit = settings->is_policy_audit;
    if (!settings->allow_from)
        return 0;
    target->allow_from = strdup(settings->allow_from);
    return target->allow_from ? 0 : -ENOMEM;
}

static int note_targets(const struct alias_view *view, const double *of_targets, const double *shares,
                        struct alias_part *part)
{
    double sum = 0;

    for (size_t t = 0; t < view->n_targets; t++)
        sum += view->targets[t].weight;
    for (size_t t = 0; t < view->n_targets; t++) {
        struct alias_target *target = &part->targets[part->n_targets++];

        *target = (struct alias_target){
            .service = strdup(view->services[t]->name),
            .service_number = view->services[t]->number,
            .weight = view->targets[t].weight,
            .wanted = sum > 0 ? view->targets[t].weight / sum : 0,
            .effective = of_targets[t],
            .in_zone = view_zones_kept(view, t, shares),
            .n = view->targets[t].n_candidates,
        };
        shares += target->n;
        if (!target->service || note_policy(view->services[t], target) < 0)
            return -ENOMEM;
    }
    return 0;
}

static void note_endpoints(const struct alias_view *view, const double *shares, struct alias_part *part)
{
    size_t n = 0;

    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++, n++)
            part->endpoints[n] =
                (struct alias_endpoint){.number = view->instances[t][c]->endpoint, .share = shares[n]};
}

static int note_view(const struct alias_view *view, struct alias_part *part)
{
    size_t n = 0;
    _cleanup_free_ double *of_targets = calloc(view->n_targets + 1, sizeof(*of_targets));
    _cleanup_free_ double *shares = NULL;
    int r;

    for (size_t t = 0; t < view->n_targets; t++)
        n += view->targets[t].n_candidates;
    shares = calloc(n + 1, sizeof(*shares));
    part->targets = calloc(view->n_targets + 1, sizeof(*part->targets));
    part->endpoints = calloc(n + 1, sizeof(*part->endpoints));
    if (!of_targets || !shares || !part->targets || !part->endpoints)
        return -ENOMEM;
    r = table_shares(view->targets, view->n_targets, false, of_targets, shares);
    if (r < 0 && r != -E2BIG)
        return r;
    if (r < 0) { /* no table could be built either */
        (void)memset(of_targets, 0, view->n_targets * sizeof(*of_targets));
        (void)memset(shares, 0, n * sizeof(*shares));
    }
    note_endpoints(view, shares, part);
    return note_targets(view, of_targets, shares, part);
}

static int make_part(const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, void **ret_part)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    struct alias_part *part = calloc(1, sizeof(*part));
    int r = part ? alias_view_build(parent, client, alias, &view) : -ENOMEM;

    if (r == 0)
        r = note_view(&view, part);
    if (r < 0) {
        drop_alias(part);
        return r;
    }
    *ret_part = part;
    return 0;
}

/* ---- writing it ---- */

/* The route that an alias follows: the client's own, else everybody's; NULL. */
static const struct route *effective_route(const struct model_namespace *parent, const struct client *client,
                                           const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct route *route;

    (void)alias_identity(alias, identity);
    route = client ? catalog_route(parent, client, identity) : NULL;
    return route ? route : catalog_route(parent, NULL, identity);
}

static int open_item(struct api *api, const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, struct json_stream *json)
{
    const struct route *route = effective_route(parent, client, alias);
    char text[IP_ADDRESS_TEXT_SIZE];
    uint32_t number;

    (void)json_stream_open_object(json, NULL);
    (void)json_stream_add_string(json, "namespace", parent->name);
    (void)json_stream_add_string(json, "client", client ? client->name : "");
    (void)json_stream_add_string(json, "dnsName", alias->dns_name);
    (void)json_stream_add_number(json, "port", alias->port);
    (void)json_stream_add_string(json, "protocol", protocol_name(alias->protocol));
    if (engine_address(api->engine, alias->dns_name, &number) == 0) {
        struct ip_address address = alias_range_address(&api->settings.alias_range, number);
        struct ip_address address6 = alias_range_address6(&api->settings.alias_range, number);

        (void)json_stream_add_string(json, "address", ip_address_format(&address, text));
        (void)json_stream_add_string(json, "address6", ip_address_format(&address6, text));
    }
    (void)json_stream_add_string(json, "origin", route ? "route" : "service");
    (void)json_stream_add_string(json, "onEmpty",
                                 route && route->is_unhealthy_on_empty ? "unhealthy" : "refuse");
    return json_stream_open_array(json, "targets");
}

static int open_target(const struct alias_target *target, struct json_stream *json)
{
    (void)json_stream_open_object(json, NULL);
    (void)json_stream_add_string(json, "service", target->service);
    (void)json_stream_add_number(json, "weight", target->weight);
    (void)json_stream_add_number(json, "wantedPercent", percent(target->wanted));
    (void)json_stream_add_number(json, "effectivePercent", percent(target->effective));
    if (!isnan(target->in_zone))
        (void)json_stream_add_number(json, "inZonePercent", percent(target->in_zone));
    if (target->allow_from) {
        (void)json_stream_add_string(json, "allowFrom", target->allow_from);
        (void)json_stream_add_string(json, "policyMode", target->is_audit ? "audit" : "enforce");
    }
    return json_stream_open_array(json, "endpoints");
}

/* The number may have become another one's meanwhile. */
static int write_endpoint(struct api *api, const struct alias_target *target,
                          const struct alias_endpoint *endpoint, struct json_stream *json)
{
    const struct instance *instance = engine_instance(api->engine, endpoint->number);
    cJSON *item;

    if (!instance || instance->service->number != target->service_number)
        return 0;
    item = read_instance(instance);
    (void)cJSON_AddNumberToObject(item, "effectivePercent", percent(endpoint->share));
    return json_stream_take(json, NULL, item);
}

/* Returns as list_kind.add() does. */
static int write_piece(struct api *api, struct alias_part *part, struct json_stream *json)
{
    const struct alias_target *target = &part->targets[part->target];

    if (part->target == part->n_targets) {
        (void)json_stream_close(json);
        return json_stream_close(json);
    }
    if (part->next == 0)
        (void)open_target(target, json);
    if (part->next < target->n)
        (void)write_endpoint(api, target, &part->endpoints[part->first + part->next], json);
    if (++part->next >= target->n) {
        (void)json_stream_close(json);
        (void)json_stream_close(json);
        part->first += target->n;
        part->target++;
        part->next = 0;
    }
    return 1;
}

/* ---- the lists ---- */

static int note_alias(struct list_names *names, const char *client, const struct client_alias *alias)
{
    return list_names_note(names, client, alias->dns_name, alias->port, (uint8_t)alias->protocol);
}

static struct client_alias alias_of(const struct list_key *key)
{
    struct client_alias alias = {.port = key->port, .protocol = key->protocol};

    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", key->name);
    return alias;
}

static int list_aliases_note_aliases(struct list_names *names, const struct model_namespace *parent,
                                     const struct list_key *last, size_t most)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct client_alias alias = last ? alias_of(last) : (struct client_alias){0};
    const struct alias_owner *owner =
        last ? catalog_alias_owner(parent, alias_identity(&alias, identity)) : NULL;
    const struct route *route = last && !owner ? catalog_route(parent, NULL, identity) : NULL;
    bool is_behind_owners = route != NULL;
    size_t n = 0;
    int r = 0;

    owner = owner ? owner->hh.next : last ? NULL : parent->owners;
    for (; owner && n < most && r == 0; owner = owner->hh.next, n++)
        r = note_alias(names, "", &owner->alias);
    if (r < 0 || owner)
        return r < 0 ? r : 1;
    route = is_behind_owners ? route->hh.next : parent->routes;
    for (; route && n < most && r == 0; route = route->hh.next)
        if (!catalog_alias_owner(parent, route->identity)) {
            r = note_alias(names, "", &route->alias);
            n++;
        }
    return r < 0 ? r : route != NULL;
}

/* Where the routes go on behind one. */
static const struct route *behind(const struct model_namespace *parent, const struct client *client,
                                  const struct list_key *last)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct client_alias alias = alias_of(last);
    const struct route *route = catalog_route(parent, client, alias_identity(&alias, identity));

    return route ? route->hh.next : NULL;
}

static int note_routes(struct list_names *names, const struct model_namespace *parent,
                       const struct list_key *last, size_t most)
{
    const struct client *client = last && *last->client ? catalog_client(parent, last->client) : NULL;
    const struct route *route = last ? behind(parent, client, last) : parent->routes;
    size_t n = 0;
    int r = 0;

    for (;;) {
        for (; route && n < most && r == 0; route = route->hh.next, n++)
            r = note_alias(names, client ? client->name : "", &route->alias);
        if (r < 0 || route)
            return r < 0 ? r : 1;
        client = client ? client->hh.next : parent->clients;
        if (!client)
            return 0;
        route = client->routes;
    }
}

/* An item is begun only of an alias that is there, or of a route that was set for just this client. */
static bool is_there(const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, bool only_route)
{
    char identity[ALIAS_IDENTITY_SIZE];

    (void)alias_identity(alias, identity);
    return catalog_route(parent, client, identity) || (!only_route && catalog_alias_owner(parent, identity));
}

static int add_item(struct api *api, const struct list_key *key, bool only_route, struct json_stream *json,
                    void **part)
{
    const struct model_namespace *parent;
    const struct client *client;
    struct client_alias alias;
    int r;

    if (*part)
        return write_piece(api, *part, json);
    alias = alias_of(key);
    parent = catalog_namespace(engine_catalog(api->engine), key->namespace_name);
    client = parent && *key->client ? catalog_client(parent, key->client) : NULL;
    if (!parent || (*key->client && !client) || !is_there(parent, client, &alias, only_route))
        return 0;
    r = make_part(parent, client, &alias, part);
    if (r == 0)
        r = open_item(api, parent, client, &alias, json);
    return r < 0 ? r : 1;
}

static int list_aliases_add_alias(struct api *api, const struct list_key *key, struct json_stream *json,
                                  void **part)
{
    return add_item(api, key, false, json, part);
}

static int add_route(struct api *api, const struct list_key *key, struct json_stream *json, void **part)
{
    return add_item(api, key, true, json, part);
}

const struct list_kind alias_list = {.member = "aliases",
                                     .note = list_aliases_note_aliases,
                                     .add = list_aliases_add_alias,
                                     .drop = drop_alias};
const struct list_kind route_list = {
    .member = "routes", .note = note_routes, .add = add_route, .drop = drop_alias};

int read_aliases(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)ret_answer;
    return list_answer(call, &alias_list, user, error);
}

int read_routes(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)ret_answer;
    return list_answer(call, &route_list, user, error);
}
