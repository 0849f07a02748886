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
#include <string.h>

#include "api/read/explain.h"
#include "api/read/explain_shares.h"
#include "api/read/reads.h"
#include "api/read/reason.h"
#include "base/cleanup.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "model/endpoint_names.h"
#include "tasks/task_list.h"

struct explained_target {
    char *service;
    uint32_t weight;
    bool is_panic;
    struct view_zones_told zones;
};

struct explain_rest {
    struct api *api;
    char *namespace_name;
    enum svc_protocol protocol;
    bool is_on_empty;
    struct explained_target *targets;
    size_t n_targets;
    struct explained_list list;
    size_t next;
};

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
static bool is_health_ignored(const struct explain_rest *rest, const struct explained *item,
                              const struct instance *instance)
{
    return (rest->is_on_empty || rest->targets[item->target].is_panic) && !instance->drain_until;
}

static void add_reasons_of_alias(const struct explain_rest *rest, const struct explained *item,
                                 const struct instance *instance, cJSON *reasons)
{
    const struct explained_target *target = &rest->targets[item->target];
    uint32_t panic = service_get_settings(instance->service)->panic_percent;
    char text[256];

    if (!view_zones_tell_instance(&target->zones, instance, item->zone, text, sizeof(text)) && *text)
        explain_add_text(reasons, "zone", false, text); /* what keeps it out is told by the instance */
    if (instance->protocol != rest->protocol)
        explain_add_text(reasons, "protocol", true, "not of the alias's protocol");
    if (target->weight == 0)
        explain_add_text(reasons, "targetWeight", true, "its service has weight 0 in the route");
    if (target->is_panic) {
        (void)snprintf(text, sizeof(text),
                       "panic: fewer than %u %% of the service are healthy, so health is ignored", panic);
        explain_add_text(reasons, "panic", false, text);
    }
    if (rest->is_on_empty)
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
    if (item->is_far && (list->has_near[OF_IPV4] || list->has_near[OF_IPV6]))
        explain_add_text(reasons, "networks", true,
                         "on other networks than the task, which has no way to it");
    else if (item->is_far)
        explain_add_text(reasons, "networks", false,
                         "on other networks than the task; tried, since nobody is on its own");
    if (item->is_ejected && (item->chance[OF_IPV4] > 0 || item->chance[OF_IPV6] > 0))
        explain_add_text(reasons, "allEjected", false, "all are ejected: drawn all the same");
}

static void add_reasons(const struct explain_rest *rest, const struct explained *item,
                        const struct instance *instance, cJSON *reasons)
{
    bool is_ignored = is_health_ignored(rest, item, instance);
    struct reasons found;

    add_reasons_of_alias(rest, item, instance, reasons);
    reasons_find(rest->api, instance, &found);
    for (size_t i = 0; i < found.n; i++) {
        const struct reason *reason = &found.items[i];

        explain_add_text(reasons, reason->code, reason->is_against && !(is_ignored && reason->is_of_health),
                         reason->text);
        if (reason->since)
            json_add_time(cJSON_GetArrayItem(reasons, cJSON_GetArraySize(reasons) - 1), "since",
                          reason->since);
    }
    add_reasons_of_family(&rest->list, item, reasons);
}

/* ---- writing ---- */

double explain_percent(double share)
{
    return round(share * 1e8) / 1e6;
}

static void explain_add_percents(cJSON *object, const char *member, const double share[static FAMILIES])
{
    cJSON *percents = cJSON_AddObjectToObject(object, member);

    (void)cJSON_AddNumberToObject(percents, "ipv4", explain_percent(share[OF_IPV4]));
    (void)cJSON_AddNumberToObject(percents, "ipv6", explain_percent(share[OF_IPV6]));
}

static cJSON *describe_explained(const struct explain_rest *rest, const struct explained *item,
                                 const struct instance *instance)
{
    cJSON *object = instance ? read_instance(instance) : cJSON_CreateObject();
    cJSON *reasons;

    if (instance)
        (void)cJSON_AddStringToObject(object, "service", instance->service->name);
    (void)cJSON_AddNumberToObject(object, "endpoint", item->number);
    (void)cJSON_AddBoolToObject(object, "drawn", item->chance[OF_IPV4] > 0 || item->chance[OF_IPV6] > 0);
    explain_add_percents(object, "sharePercent", item->share);
    explain_add_percents(object, "chancePercent", item->chance);
    reasons = cJSON_AddArrayToObject(object, "reasons");
    if (instance)
        add_reasons(rest, item, instance, reasons);
    else
        explain_add_text(reasons, "kept", false, "stays as published: the registry does not account for it");
    return object;
}

size_t explain_rest_left(const struct explain_rest *rest)
{
    return (rest->list.n < EXPLAIN_MOST ? rest->list.n : EXPLAIN_MOST) - rest->next;
}

cJSON *explain_rest_next(struct explain_rest *rest)
{
    const struct explained *item = &rest->list.items[rest->next++];
    const struct service *service = NULL;
    const struct instance *instance = NULL;

    if (item->id)
        service = catalog_service(engine_catalog(rest->api->engine), rest->namespace_name,
                                  rest->targets[item->target].service);
    if (service)
        instance = catalog_instance(service, item->id);
    return item->id && !instance ? NULL : describe_explained(rest, item, instance);
}

void explain_rest_free(struct explain_rest *rest)
{
    if (!rest)
        return;
    explained_list_done(&rest->list);
    for (size_t t = 0; t < rest->n_targets; t++)
        free(rest->targets[t].service);
    free(rest->targets);
    free(rest->namespace_name);
    free(rest);
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

/* What of the view is needed for the endpoints later. */
static int keep_view(const struct alias_view *view, struct explain_rest *rest)
{
    rest->is_on_empty = view->is_on_empty;
    rest->targets = calloc(view->n_targets + 1, sizeof(*rest->targets));
    if (!rest->targets)
        return -ENOMEM;
    for (size_t t = 0; t < view->n_targets; t++) {
        char *service = strdup(view->services[t]->name);

        if (!service)
            return -ENOMEM;
        rest->targets[rest->n_targets] = (struct explained_target){
            .service = service, .weight = view->targets[t].weight, .is_panic = view->is_panic[t]};
        if (view_zones_look(view, t, &rest->targets[rest->n_targets++].zones) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int explain_rest_new(struct api *api, const struct explain_who *who, enum svc_protocol protocol,
                            const struct alias_view *view, const struct kept_alias *published,
                            struct explain_rest **ret_rest)
{
    struct explain_rest *rest = calloc(1, sizeof(*rest));
    uint32_t networks = who->task ? datapath_networks(api->datapath, who->task->cgroup.id) : 0;

    if (!rest)
        return -ENOMEM;
    rest->api = api;
    rest->protocol = protocol;
    rest->namespace_name = strdup(who->namespace_name);
    if (!rest->namespace_name || keep_view(view, rest) < 0 ||
        explained_list_make(api, view, published, &rest->list) < 0) {
        explain_rest_free(rest);
        return -ENOMEM;
    }
    explained_list_share(&rest->list, OF_IPV4, published->slots4, published->count4, networks);
    explained_list_share(&rest->list, OF_IPV6, published->slots6, published->count6, networks);
    *ret_rest = rest;
    return 0;
}

int explain_add_alias(struct api *api, const struct explain_who *who, const struct client_alias *alias,
                      cJSON *answer, struct explain_rest **ret_rest)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    struct kept_alias published = {0};
    int r = alias_view_build(who->parent, who->client, alias, &view);

    if (r < 0)
        return r;
    if (engine_find_published(api->engine, who->scope, alias, &published) < 0)
        published = (struct kept_alias){0};
    r = explain_rest_new(api, who, alias->protocol, &view, &published, ret_rest);
    if (r < 0)
        return r;
    explain_add_route(who, alias, &view, answer);
    if (!explain_add_policy(who, &view, answer))
        add_connect(&(*ret_rest)->list, answer);
    (void)cJSON_AddNumberToObject(answer, "endpointsInAll", (double)(*ret_rest)->list.n);
    return 0;
}
