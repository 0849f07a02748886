/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Canaries by request: start, pause, resume, promote, abort, clear. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "canaries/canaries.h"
#include "api/read/canaries.h"
#include "api/change/changes.h"
#include "model/endpoint_names.h"
#include "model/names.h"
#include "registry/rows.h"
#include "engine/connections.h"

/* ---- what a start may say ---- */

/* A percentage to one decimal. */
static int read_percent(const cJSON *body, const char *name, uint32_t minimum, uint32_t *tenths,
                        struct error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, name);
    double wanted = cJSON_IsNumber(item) ? item->valuedouble * 10 : -1;
    char *text;

    if (!item)
        return 0;
    if (wanted >= minimum && wanted <= CANARY_WHOLE && fabs(wanted - round(wanted)) < 1e-6) {
        *tenths = (uint32_t)lround(wanted);
        return 0;
    }
    text = cJSON_PrintUnformatted(item);
    (void)error_input(error, name, text ? text : "(unprintable)",
                      "a percentage from %u.%u to 100.0, in tenths", minimum / 10, minimum % 10);
    cJSON_free(text);
    return -EINVAL;
}

static int read_strategy(const cJSON *body, struct canary *canary, struct error *error)
{
    const char *text = "LINEAR";
    bool is_linear;
    int r = json_get_string(body, "strategy", false, &text, error);

    if (r < 0)
        return r;
    is_linear = strcasecmp(text, "LINEAR") == 0;
    if (!is_linear && strcasecmp(text, "CANARY") != 0)
        return error_input(error, "strategy", text, "LINEAR, CANARY");
    if (cJSON_HasObjectItem(body, is_linear ? "canaryPercent" : "stepPercent"))
        return is_linear ? error_input(error, "canaryPercent", "(given)", "stepPercent with LINEAR")
                         : error_input(error, "stepPercent", "(given)", "canaryPercent with CANARY");
    canary->strategy = is_linear ? CANARY_LINEAR : CANARY_CANARY;
    canary->step = is_linear ? CANARY_STEP_DEFAULT : CANARY_PERCENT_DEFAULT;
    canary->interval_s = is_linear ? CANARY_LINEAR_INTERVAL_S : CANARY_CANARY_INTERVAL_S;
    return is_linear ? read_percent(body, "stepPercent", CANARY_STEP_MIN, &canary->step, error)
                     : read_percent(body, "canaryPercent", CANARY_PERCENT_MIN, &canary->step, error);
}

static int read_knobs(const cJSON *body, struct canary *canary, struct error *error)
{
    uint64_t interval;
    uint64_t min_connects = CANARY_MIN_CONNECTS_DEFAULT;
    int r = read_strategy(body, canary, error);

    interval = canary->interval_s;
    canary->max_failures = CANARY_MAX_FAILURES_DEFAULT;
    if (r == 0)
        r = json_get_seconds(body, "intervalSeconds", false, 0, CANARY_INTERVAL_MAX_S, &interval, error);
    if (r == 0)
        r = read_percent(body, "maxFailuresPercent", 0, &canary->max_failures, error);
    if (r == 0)
        r = json_get_integer(body, "minConnects", false, 0, CANARY_MIN_CONNECTS_MAX, &min_connects, error);
    if (r < 0)
        return r;
    canary->interval_s = (uint32_t)interval;
    canary->min_connects = (uint32_t)min_connects;
    return 0;
}

static int canaries_read_service(const struct engine *engine, const cJSON *body, const char *field,
                                 const char *namespace_name, char ret_name[static SVC_SERVICE_SIZE],
                                 struct error *error)
{
    const char *name = NULL;
    const struct service *service;
    int r = json_get_string(body, field, true, &name, error);

    if (r == 0)
        r = model_check_service(field, name, error);
    if (r < 0)
        return r;
    service = catalog_service(engine_catalog(engine), namespace_name, name);
    if (!service || !service->is_declared)
        return change_no_service(engine, field, namespace_name, name, error);
    (void)snprintf(ret_name, SVC_SERVICE_SIZE, "%s", name);
    return 0;
}

static int read_services(const struct engine *engine, const cJSON *body, const char *namespace_name,
                         struct canary *canary, struct error *error)
{
    int r = canaries_read_service(engine, body, "from", namespace_name, canary->from, error);

    if (r == 0)
        r = canaries_read_service(engine, body, "to", namespace_name, canary->to, error);
    if (r == 0 && strcmp(canary->from, canary->to) == 0)
        r = error_input(error, "to", canary->to, "another service than from");
    return r;
}

/* ---- what it starts from ---- */

static int leads_elsewhere(const struct catalog_canary *entry, const char *service, struct error *error)
{
    char text[SVC_SERVICE_SIZE + ALIAS_IDENTITY_SIZE + 32];

    (void)snprintf(text, sizeof(text), "%s leads to %s", entry->identity, service);
    (void)error_refused(
        error, EBUSY, "from", text,
        "an alias that leads to from alone, or to from and to; svcconnect route set makes it so");
    return -EBUSY;
}

/* What the tasks meant reach now must be `from`, beside which there may be `to`. */
static int canaries_check_targets(const struct route_target *targets, size_t n,
                                  const struct catalog_canary *entry, struct error *error)
{
    bool has_from = false;

    if (n == 0) {
        (void)error_refused(error, ENOENT, "dnsName", entry->identity,
                            "a client alias that leads to a service (svcconnect aliases lists them)");
        return -ENOENT;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = targets[i].service->name;

        if (strcmp(name, entry->canary.from) == 0)
            has_from = has_from || targets[i].weight > 0;
        else if (strcmp(name, entry->canary.to) != 0)
            return leads_elsewhere(entry, name, error);
    }
    return has_from ? 0 : leads_elsewhere(entry, entry->canary.to, error);
}

/* Of the route that a start takes over; what else could be in it was refused by canaries_check_targets(). */
static void remember_route(const struct route *route, struct canary *canary)
{
    for (size_t i = 0; route && i < route->n_targets && i < CANARY_TARGETS; i++)
        canary->before[canary->n_before++] =
            (struct canary_target){.is_to = strcmp(route->targets[i].service->name, canary->to) == 0,
                                   .weight = route->targets[i].weight};
    canary->is_unhealthy_on_empty = route && route->is_unhealthy_on_empty;
}

static int check_place(const struct engine *engine, const char *namespace_name, struct catalog_canary *entry,
                       struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(engine_catalog(engine), namespace_name);
    const struct client *client = *entry->client ? catalog_client(parent, entry->client) : NULL;
    const struct catalog_canary *other = catalog_canary(parent, entry->client, entry->identity);
    const struct route_target *targets;
    struct route_target single;
    size_t n = 0;
    int r;

    if (other && canary_is_active(&other->canary)) {
        (void)error_refused(
            error, EBUSY, "dnsName", entry->identity,
            "an alias without a canary; this one's is %s (svcconnect canary abort %s:%u ends it)",
            canary_state_name(other->canary.state), entry->alias.dns_name, entry->alias.port);
        return -EBUSY;
    }
    targets = catalog_alias_targets(parent, client, entry->identity, &single, &n);
    r = canaries_check_targets(targets, n, entry, error);
    if (r == 0 && (client || !*entry->client))
        remember_route(catalog_route(parent, client, entry->identity), &entry->canary);
    return r;
}

/* The one an alias and client have, or would have. */
static int canaries_read_entry(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                               struct catalog_canary *ret_entry, struct error *error)
{
    struct route_name name;
    int r = change_route_name(engine, body, &name, error);

    if (r < 0)
        return r;
    *ret_entry = (struct catalog_canary){.alias = name.alias};
    (void)snprintf(ret_entry->client, sizeof(ret_entry->client), "%s", name.client);
    alias_identity(&ret_entry->alias, ret_entry->identity);
    *ret_namespace = name.namespace_name;
    return 0;
}

static void warn_without_instance(const struct engine *engine, const char *namespace_name,
                                  const struct canary *canary, cJSON *answer)
{
    const struct service *service = catalog_service(engine_catalog(engine), namespace_name, canary->to);
    cJSON *warnings = cJSON_GetObjectItemCaseSensitive(answer, "warnings");
    const struct instance *instance;
    char text[SVC_SERVICE_SIZE * 2 + 80];

    for (instance = service->instances; instance; instance = instance->hh.next)
        if (instance_is_eligible(instance, instance->protocol) && instance->weight > 0)
            return;
    (void)snprintf(text, sizeof(text), "%s has no healthy instance; until it has, all goes to %s", canary->to,
                   canary->from);
    (void)cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
}

int change_start_canary(struct transaction *transaction, const cJSON *body, cJSON *answer,
                        struct error *error)
{
    static const char *const known[] = {
        "dnsName",  "port",        "client",        "namespace",       "from",        "to",
        "strategy", "stepPercent", "canaryPercent", "intervalSeconds", "minConnects", "maxFailuresPercent",
        NULL};
    struct engine *engine = transaction_engine(transaction);
    struct canary_outcomes totals;
    struct catalog_canary entry;
    const char *namespace_name = NULL;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = canaries_read_entry(engine, body, &namespace_name, &entry, error);
    if (r == 0)
        r = read_services(engine, body, namespace_name, &entry.canary, error);
    if (r == 0)
        r = read_knobs(body, &entry.canary, error);
    if (r == 0)
        r = check_place(engine, namespace_name, &entry, error);
    if (r < 0)
        return r;
    totals = service_outcomes(engine, namespace_name, entry.canary.to);
    canary_start(&entry.canary, clock_run_ms(), &totals);
    r = canaries_put(transaction, namespace_name, &entry, error);
    if (r < 0)
        return r;
    warn_without_instance(engine, namespace_name, &entry.canary, answer);
    (void)cJSON_AddItemToObject(answer, "canary", canaries_object(engine, namespace_name, &entry));
    return 0;
}

/* ---- what is done with one that is there ---- */

static int act_pause(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    (void)totals;
    return canary_pause(canary, now);
}

static int act_promote(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    (void)totals;
    return canary_promote(canary, now);
}

static int act_abort(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    (void)totals;
    return canary_abort(canary, now);
}

static const struct {
    const char *name;
    int (*act)(struct canary *canary, int64_t now, const struct canary_outcomes *totals);
} actions[] = {
    {"pause", act_pause}, {"resume", canary_resume}, {"promote", act_promote},
    {"abort", act_abort}, {"clear", NULL},
};

static int read_action(const cJSON *body, size_t *ret_action, struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(body, "action", true, &text, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        if (strcmp(actions[i].name, text) == 0) {
            *ret_action = i;
            return 0;
        }
    return error_input(error, "action", text, "pause, resume, promote, abort, clear");
}

static int refuse_action(const char *action, const struct canary *canary, struct error *error)
{
    static const char *const allowed[] = {
        [CANARY_RUNNING] = "pause, promote or abort",
        [CANARY_PAUSED] = "resume, promote or abort",
        [CANARY_SUCCEEDED] = "clear",
        [CANARY_ABORTED] = "clear",
        [CANARY_ROLLED_BACK] = "clear",
    };

    (void)error_refused(error, EBUSY, "action", action, "%s: the canary is %s", allowed[canary->state],
                        canary_state_name(canary->state));
    return -EBUSY;
}

static int clear(struct transaction *transaction, const char *namespace_name,
                 const struct catalog_canary *entry, struct error *error)
{
    struct registry_row row;
    int r;

    if (canary_is_active(&entry->canary))
        return refuse_action("clear", &entry->canary, error);
    r = row_delete_canary(namespace_name, entry->client, entry->identity, &row);
    return r < 0 ? error_errno(error, r, "clearing a canary") : transaction_put(transaction, row, error);
}

static int find_entry(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                      struct catalog_canary *ret_entry, struct error *error)
{
    const struct model_namespace *parent;
    const struct catalog_canary *found;
    struct catalog_canary named;
    int r = canaries_read_entry(engine, body, ret_namespace, &named, error);

    if (r < 0)
        return r;
    parent = catalog_namespace(engine_catalog(engine), *ret_namespace);
    found = parent ? catalog_canary(parent, named.client, named.identity) : NULL;
    if (!found) {
        (void)error_refused(error, ENOENT, "dnsName", named.identity,
                            "an alias with a canary (svcconnect canary status lists them)");
        return -ENOENT;
    }
    *ret_entry = *found;
    return 0;
}

int change_canary(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"dnsName", "port", "client", "namespace", "action", NULL};
    struct engine *engine = transaction_engine(transaction);
    struct canary_outcomes totals;
    struct catalog_canary entry;
    const char *namespace_name = NULL;
    size_t action = 0;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = read_action(body, &action, error);
    if (r == 0)
        r = find_entry(engine, body, &namespace_name, &entry, error);
    if (r < 0)
        return r;
    if (!actions[action].act)
        return clear(transaction, namespace_name, &entry, error);
    totals = service_outcomes(engine, namespace_name, entry.canary.to);
    if (actions[action].act(&entry.canary, clock_run_ms(), &totals) < 0)
        return refuse_action(actions[action].name, &entry.canary, error);
    r = canaries_put(transaction, namespace_name, &entry, error);
    if (r == 0)
        (void)cJSON_AddItemToObject(answer, "canary", canaries_object(engine, namespace_name, &entry));
    return r;
}
