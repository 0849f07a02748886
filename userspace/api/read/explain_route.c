/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Of GET /v1/explain: the route that holds for whoever would connect, and its targets. */
#include "api/read/explain.h"
#include "api/read/policy_word.h"
#include "engine/plan/tables.h"
#include "upkeep/policies.h"

/* The one that holds: the client's own, else everybody's; NULL: the alias leads to its service. */
static const struct route *route_of(const struct explain_who *who, const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct route *own =
        who->client ? catalog_route(who->parent, who->client, alias_identity(alias, identity)) : NULL;

    return own ? own : catalog_route(who->parent, NULL, alias_identity(alias, identity));
}

static bool has_zones(const struct alias_view *view, size_t t)
{
    for (size_t c = 0; c < view->targets[t].n_candidates; c++)
        if (view->instances[t][c]->zone)
            return true;
    return false;
}

/* Where nobody has said a word of zones there is none about them. */
static void add_zones(const struct alias_view *view, size_t t, cJSON *target)
{
    struct view_zones_told told;
    char text[256];

    if (view_zones_look(view, t, &told) < 0 || (told.outcome == VIEW_ZONE_UNKNOWN && !has_zones(view, t)))
        return;
    view_zones_tell(view, t, &told, text, sizeof(text));
    (void)cJSON_AddStringToObject(target, "zone", text);
}

/* What else than weights and health decides; of the first target's service, as the tables have it. */
static void add_choice(const struct alias_view *view, const struct client_alias *alias, cJSON *route)
{
    const struct service_settings *settings =
        view->n_targets > 0 ? service_get_settings(view->services[0]) : &service_settings_default;

    if (settings->affinity != AFFINITY_NONE)
        (void)cJSON_AddStringToObject(route, "affinity",
                                      settings->affinity == AFFINITY_TASK ? "task" : "process");
    else if (settings->balance != BALANCE_WEIGHTED && alias->protocol == TCP)
        (void)cJSON_AddStringToObject(
            route, "balance", settings->balance == BALANCE_LEAST_TIME ? "leastTime" : "leastConnections");
}

void explain_add_route(const struct explain_who *who, const struct client_alias *alias,
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
    add_choice(view, alias, object);
    targets = cJSON_AddArrayToObject(object, "targets");
    for (size_t t = 0; t < view->n_targets; t++)
        sum += view->targets[t].weight;
    for (size_t t = 0; t < view->n_targets; t++) {
        cJSON *target = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(target, "service", view->services[t]->name);
        (void)cJSON_AddNumberToObject(target, "weight", view->targets[t].weight);
        (void)cJSON_AddNumberToObject(target, "wantedPercent",
                                      explain_percent(sum > 0 ? view->targets[t].weight / sum : 0));
        add_zones(view, t, target);
        (void)cJSON_AddItemToArray(targets, target);
    }
}

/* The first target of the view that says so; NULL. */
static const struct service *target_that_says(const struct alias_view *view, const struct caller *caller,
                                              enum svc_policy_verdict verdict)
{
    for (size_t t = 0; t < view->n_targets; t++)
        if (view->targets[t].weight > 0 && policies_verdict(view->services[t], caller) == verdict)
            return view->services[t];
    return NULL;
}

static bool has_policy(const struct alias_view *view)
{
    for (size_t t = 0; t < view->n_targets; t++)
        if (view->targets[t].weight > 0 && service_get_settings(view->services[t])->allow_from)
            return true;
    return false;
}

bool explain_add_policy(const struct explain_who *who, const struct alias_view *view, cJSON *answer)
{
    const struct caller caller = {who->namespace_name, who->service};
    const struct service *refusing = target_that_says(view, &caller, POLICY_REFUSED);
    const struct service *auditing = target_that_says(view, &caller, POLICY_AUDITED);
    const struct service *service = refusing ? refusing : auditing;

    if (!has_policy(view))
        return false;
    if (!service) {
        explain_add_outcome(answer, "policy", "allowed", "it may call all that the route leads to");
        return false;
    }
    explain_add_outcome(answer, "policy", refusing ? "refused" : "audited", "%s allows %.300s alone%s",
                        service->name, service_get_settings(service)->allow_from,
                        refusing ? "" : "; its policyMode is audit, so others are only counted and told");
    if (refusing)
        explain_add_outcome(answer, "connect", "refused",
                            "by the policy of %s, with EACCES (EPERM before Linux 5.18)", service->name);
    return refusing != NULL;
}
