/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a connect to one alias comes to: the route's targets, and each of their endpoints with its share of the
 * published tables, its chance just now, and the reasons for both. The shares are summed from the slots that
 * the programs draw from, not worked out again: what an answer explains is what happens.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/read/explain.h"
#include "api/read/reads.h"
#include "api/read/reason.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "model/endpoint_names.h"
#include "upkeep/outliers.h"

/* An endpoint that the tables have, or that a target has. */
struct explained {
    uint32_t number;
    const struct instance *instance; /* NULL: of the tables only */
    size_t target, candidate;
    bool is_ejected;
    double share[2], chance[2]; /* of sockets that connect to the IPv4 and to the IPv6 address */
};

struct explained_list {
    struct explained *items; /* by number */
    size_t n;
    bool is_all_ejected[2];
    bool has_table[2]; /* it is not empty */
};

enum {
    OF_IPV4,
    OF_IPV6,
    FAMILIES
};

static int explained_by_number(const void *a, const void *b)
{
    uint32_t left = ((const struct explained *)a)->number;
    uint32_t right = ((const struct explained *)b)->number;

    return left < right ? -1 : left > right;
}

static struct explained *find_explained(struct explained_list *list, uint32_t number)
{
    const struct explained key = {.number = number};

    return bsearch(&key, list->items, list->n, sizeof(key), explained_by_number);
}

/* ---- which there are ---- */

static void take_candidates(const struct alias_view *view, struct explained_list *list)
{
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++)
            list->items[list->n++] = (struct explained){.number = view->instances[t][c]->endpoint,
                                                        .instance = view->instances[t][c],
                                                        .target = t,
                                                        .candidate = c};
}

/* Endpoints that stay published though the registry does not account for them. */
static void take_kept(const struct kept_alias *published, struct explained_list *list)
{
    size_t n = list->n;

    for (size_t i = 0; i < published->n_kept; i++) {
        struct explained_list known = {.items = list->items, .n = n};

        if (!find_explained(&known, published->kept[i]))
            list->items[list->n++] = (struct explained){.number = published->kept[i]};
    }
    qsort(list->items, list->n, sizeof(*list->items), explained_by_number);
}

static int make_list(const struct api *api, const struct alias_view *view, const struct kept_alias *published,
                     struct explained_list *list)
{
    size_t n = published->n_kept + 1;

    for (size_t t = 0; t < view->n_targets; t++)
        n += view->targets[t].n_candidates;
    list->items = calloc(n, sizeof(*list->items));
    if (!list->items)
        return -ENOMEM;
    take_candidates(view, list);
    qsort(list->items, list->n, sizeof(*list->items), explained_by_number);
    take_kept(published, list);
    for (size_t i = 0; i < list->n; i++)
        list->items[i].is_ejected = outliers_ejected_ms(api->outliers, list->items[i].number) > 0;
    return 0;
}

/* ---- their shares ---- */

static void add_share(struct explained_list *list, uint32_t number, unsigned family, double share)
{
    struct explained *found = find_explained(list, number);

    if (found)
        found->share[family] += share;
}

/* An ejected endpoint is drawn again, so that its share falls to the others; where all are ejected the table
 * is taken as it is. */
static void find_chances(struct explained_list *list, unsigned family)
{
    double left = 0;
    double all = 0;

    for (size_t i = 0; i < list->n; i++) {
        all += list->items[i].share[family];
        left += list->items[i].is_ejected ? 0 : list->items[i].share[family];
    }
    list->has_table[family] = all > 0;
    list->is_all_ejected[family] = all > 0 && left <= 0;
    for (size_t i = 0; i < list->n; i++) {
        struct explained *item = &list->items[i];

        if (list->is_all_ejected[family])
            item->chance[family] = item->share[family];
        else if (!item->is_ejected && left > 0)
            item->chance[family] = item->share[family] / left;
    }
}

static void find_shares(struct explained_list *list, unsigned family, const struct svc_slot *slots,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        double part = slots[i].threshold / 4294967296.0;

        add_share(list, slots[i].endpoint_a, family, part / count);
        add_share(list, slots[i].endpoint_b, family, (1 - part) / count);
    }
    find_chances(list, family);
}

/* ---- reasons of this alias ---- */

static void explain_add_text(cJSON *reasons, const char *code, bool is_against, const char *text)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "code", code);
    (void)cJSON_AddStringToObject(object, "text", text);
    (void)cJSON_AddBoolToObject(object, "against", is_against);
    (void)cJSON_AddItemToArray(reasons, object);
}

/* Is health looked over for the want of healthy ones? */
static bool is_health_ignored(const struct alias_view *view, const struct explained *item)
{
    return (view->is_on_empty || view->is_panic[item->target]) && !item->instance->drain_until;
}

static void add_reasons_of_alias(const struct alias_view *view, const struct explained *item,
                                 enum svc_protocol protocol, cJSON *reasons)
{
    uint32_t panic = service_get_settings(view->services[item->target])->panic_percent;
    char text[160];

    if (item->instance->protocol != protocol)
        explain_add_text(reasons, "protocol", true, "not of the alias's protocol");
    if (view->targets[item->target].weight == 0)
        explain_add_text(reasons, "targetWeight", true, "its service has weight 0 in the route");
    if (view->is_panic[item->target]) {
        (void)snprintf(text, sizeof(text),
                       "panic: fewer than %u %% of the service are healthy, so health is ignored", panic);
        explain_add_text(reasons, "panic", false, text);
    }
    if (view->is_on_empty)
        explain_add_text(reasons, "onEmpty", false,
                         "nobody is healthy, and the route takes the unhealthy then");
}

/* What a family's sockets are not given though nothing else is against it. */
static void add_reasons_of_family(const struct explained_list *list, const struct explained *item,
                                  cJSON *reasons)
{
    if (item->share[OF_IPV4] > 0 && item->share[OF_IPV6] <= 0 && list->has_table[OF_IPV6])
        explain_add_text(reasons, "family", false,
                         "IPv6 sockets are given IPv6 endpoints while there are any");
    if (item->share[OF_IPV6] > 0 && item->share[OF_IPV4] <= 0)
        explain_add_text(reasons, "family", false, "an IPv4 socket cannot reach it");
    if (item->is_ejected && (item->chance[OF_IPV4] > 0 || item->chance[OF_IPV6] > 0))
        explain_add_text(reasons, "allEjected", false, "all are ejected: drawn all the same");
}

static void add_reasons(const struct api *api, const struct alias_view *view,
                        const struct explained_list *list, const struct explained *item,
                        enum svc_protocol protocol, cJSON *reasons)
{
    bool is_ignored = is_health_ignored(view, item);
    struct reasons found;

    add_reasons_of_alias(view, item, protocol, reasons);
    reasons_find(api, item->instance, &found);
    for (size_t i = 0; i < found.n; i++) {
        const struct reason *reason = &found.items[i];

        explain_add_text(reasons, reason->code, reason->is_against && !(is_ignored && reason->is_of_health),
                         reason->text);
        if (reason->since)
            json_add_time(cJSON_GetArrayItem(reasons, cJSON_GetArraySize(reasons) - 1), "since",
                          reason->since);
    }
    add_reasons_of_family(list, item, reasons);
}

/* ---- writing ---- */

static double explain_percent(double share)
{
    return round(share * 1e8) / 1e6;
}

static void explain_add_percents(cJSON *object, const char *member, const double share[static FAMILIES])
{
    cJSON *percents = cJSON_AddObjectToObject(object, member);

    (void)cJSON_AddNumberToObject(percents, "ipv4", explain_percent(share[OF_IPV4]));
    (void)cJSON_AddNumberToObject(percents, "ipv6", explain_percent(share[OF_IPV6]));
}

static cJSON *describe_explained(const struct api *api, const struct alias_view *view,
                                 const struct explained_list *list, const struct explained *item,
                                 enum svc_protocol protocol)
{
    cJSON *object = item->instance ? read_instance(item->instance) : cJSON_CreateObject();
    cJSON *reasons;

    if (item->instance)
        (void)cJSON_AddStringToObject(object, "service", item->instance->service->name);
    (void)cJSON_AddNumberToObject(object, "endpoint", item->number);
    (void)cJSON_AddBoolToObject(object, "drawn", item->chance[OF_IPV4] > 0 || item->chance[OF_IPV6] > 0);
    explain_add_percents(object, "sharePercent", item->share);
    explain_add_percents(object, "chancePercent", item->chance);
    reasons = cJSON_AddArrayToObject(object, "reasons");
    if (item->instance)
        add_reasons(api, view, list, item, protocol, reasons);
    else
        explain_add_text(reasons, "kept", false, "stays as published: the registry does not account for it");
    return object;
}

/* The one that holds: the client's own, else everybody's; NULL: the alias leads to its service. */
static const struct route *route_of(const struct explain_who *who, const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct route *own =
        who->client ? catalog_route(who->parent, who->client, alias_identity(alias, identity)) : NULL;

    return own ? own : catalog_route(who->parent, NULL, alias_identity(alias, identity));
}

static void explain_add_route(const struct explain_who *who, const struct client_alias *alias,
                              const struct alias_view *view, cJSON *answer)
{
    const struct route *route = route_of(who, alias);
    char identity[ALIAS_IDENTITY_SIZE];
    bool is_own = route && who->client &&
                  catalog_route(who->parent, who->client, alias_identity(alias, identity)) == route;
    cJSON *object = cJSON_AddObjectToObject(answer, "route");
    cJSON *targets;
    double sum = 0;

    (void)cJSON_AddStringToObject(object, "origin", route ? "route" : "service");
    (void)cJSON_AddStringToObject(object, "client", is_own ? who->service : "");
    (void)cJSON_AddStringToObject(object, "onEmpty",
                                  route && route->is_unhealthy_on_empty ? "unhealthy" : "refuse");
    targets = cJSON_AddArrayToObject(object, "targets");
    for (size_t t = 0; t < view->n_targets; t++)
        sum += view->targets[t].weight;
    for (size_t t = 0; t < view->n_targets; t++) {
        cJSON *target = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(target, "service", view->services[t]->name);
        (void)cJSON_AddNumberToObject(target, "weight", view->targets[t].weight);
        (void)cJSON_AddNumberToObject(target, "wantedPercent",
                                      explain_percent(sum > 0 ? view->targets[t].weight / sum : 0));
        (void)cJSON_AddItemToArray(targets, target);
    }
}

static void add_endpoints(const struct api *api, const struct alias_view *view,
                          const struct explained_list *list, enum svc_protocol protocol, cJSON *answer)
{
    cJSON *endpoints = cJSON_AddArrayToObject(answer, "endpoints");

    (void)cJSON_AddNumberToObject(answer, "endpointsInAll", (double)list->n);
    for (size_t i = 0; i < list->n && i < EXPLAIN_MOST; i++)
        (void)cJSON_AddItemToArray(endpoints, describe_explained(api, view, list, &list->items[i], protocol));
}

static void add_connect(const struct explained_list *list, cJSON *answer)
{
    if (!list->has_table[OF_IPV4] && !list->has_table[OF_IPV6])
        explain_add_outcome(answer, "connect", "refused",
                            "no endpoint can be drawn: a connect is refused at once");
    else if (!list->has_table[OF_IPV4])
        explain_add_outcome(answer, "connect", "connects",
                            "to an IPv6 endpoint by an IPv6 socket; an IPv4 socket is refused at once");
    else if (list->is_all_ejected[OF_IPV4])
        explain_add_outcome(answer, "connect", "connects",
                            "all endpoints are ejected: one of them is drawn all the same");
    else
        explain_add_outcome(answer, "connect", "connects", "to one of the endpoints, by their chances");
}

int explain_add_alias(struct api *api, const struct explain_who *who, const struct client_alias *alias,
                      cJSON *answer)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    struct kept_alias published = {0};
    struct explained_list list = {0};
    int r = alias_view_build(who->parent, who->client, alias, &view);

    if (r < 0)
        return r;
    if (engine_find_published(api->engine, who->scope, alias, &published) < 0)
        published = (struct kept_alias){0};
    r = make_list(api, &view, &published, &list);
    if (r < 0)
        return r;
    find_shares(&list, OF_IPV4, published.slots4, published.count4);
    find_shares(&list, OF_IPV6, published.slots6, published.count6);
    explain_add_route(who, alias, &view, answer);
    add_connect(&list, answer);
    add_endpoints(api, &view, &list, alias->protocol, answer);
    free(list.items);
    return 0;
}
