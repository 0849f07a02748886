/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Canaries as the API shows them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "api/read/canaries.h"
#include "api/read/reads.h"
#include "api/api.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "engine/connections.h"

static void canaries_add_time(cJSON *object, const char *name, int64_t time)
{
    if (time)
        (void)cJSON_AddNumberToObject(object, name, (double)time / 1000);
}

static void canaries_add_names(cJSON *object, const char *namespace_name, const struct catalog_canary *entry)
{
    (void)cJSON_AddStringToObject(object, "namespace", namespace_name);
    (void)cJSON_AddStringToObject(object, "client", entry->client);
    (void)cJSON_AddStringToObject(object, "dnsName", entry->alias.dns_name);
    (void)cJSON_AddNumberToObject(object, "port", entry->alias.port);
    (void)cJSON_AddStringToObject(object, "protocol", protocol_name(entry->alias.protocol));
}

static void canaries_add_knobs(cJSON *object, const struct canary *canary)
{
    (void)cJSON_AddStringToObject(object, "from", canary->from);
    (void)cJSON_AddStringToObject(object, "to", canary->to);
    (void)cJSON_AddStringToObject(object, "strategy", canary_strategy_name(canary->strategy));
    (void)cJSON_AddNumberToObject(object, canary->strategy == CANARY_LINEAR ? "stepPercent" : "canaryPercent",
                                  canary->step / 10.0);
    (void)cJSON_AddNumberToObject(object, "intervalSeconds", canary->interval_s);
    (void)cJSON_AddNumberToObject(object, "maxFailuresPercent", canary->max_failures / 10.0);
    (void)cJSON_AddNumberToObject(object, "minConnects", canary->min_connects);
}

cJSON *canaries_object(const struct engine *engine, const char *namespace_name,
                       const struct catalog_canary *entry)
{
    const struct canary *canary = &entry->canary;
    const struct canary_outcomes totals = service_outcomes(engine, namespace_name, canary->to);
    const struct canary_outcomes outcomes = canary_step_outcomes(canary, &totals);
    cJSON *object = cJSON_CreateObject();
    cJSON *step;

    canaries_add_names(object, namespace_name, entry);
    canaries_add_knobs(object, canary);
    (void)cJSON_AddStringToObject(object, "state", canary_state_name(canary->state));
    (void)cJSON_AddNumberToObject(object, "percent", canary->share / 10.0);
    canaries_add_time(object, "startedAt", canary->started_at);
    canaries_add_time(object, "stepStartedAt", canary->step_started_at);
    canaries_add_time(object, "endedAt", canary->ended_at);
    if (canary_is_active(canary))
        (void)cJSON_AddNumberToObject(object, "nextStepInSeconds",
                                      (double)canary_remaining(canary, clock_run_ms()) / 1000);
    step = cJSON_AddObjectToObject(object, "step");
    (void)cJSON_AddNumberToObject(step, "connects", (double)(outcomes.established + outcomes.failures));
    (void)cJSON_AddNumberToObject(step, "failures", (double)outcomes.failures);
    (void)cJSON_AddNumberToObject(step, "failurePercent", canary_failure_percent(&outcomes));
    (void)cJSON_AddNumberToObject(step, "ejections", (double)outcomes.ejections);
    if (canary->reason[0])
        (void)cJSON_AddStringToObject(object, "reason", canary->reason);
    return object;
}

struct listed {
    const char *namespace_name;
    const struct catalog_canary *entry;
};

static int canaries_by_name(const void *a, const void *b)
{
    const struct listed *left = a;
    const struct listed *right = b;
    int order = strcmp(left->namespace_name, right->namespace_name);

    if (order == 0)
        order = strcmp(left->entry->identity, right->entry->identity);
    return order ? order : strcmp(left->entry->client, right->entry->client);
}

int read_canaries(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    const char *wanted = read_wanted_namespace(api, call);
    _cleanup_free_ struct listed *all = NULL;
    const struct model_namespace *parent;
    cJSON *list;
    size_t most = 0;
    size_t n = 0;

    for (parent = engine_catalog(api->engine)->namespaces; parent; parent = parent->hh.next)
        most += HASH_COUNT(parent->canaries);
    all = calloc(most + 1, sizeof(*all));
    if (!all)
        return error_set(error, ENOMEM, "out of memory");
    for (parent = engine_catalog(api->engine)->namespaces; parent; parent = parent->hh.next)
        for (const struct catalog_canary *entry = parent->canaries; entry; entry = entry->hh.next)
            if (!wanted || strcmp(wanted, parent->name) == 0)
                all[n++] = (struct listed){parent->name, entry};
    qsort(all, n, sizeof(*all), canaries_by_name);
    *ret_answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(*ret_answer, "canaries");
    for (size_t i = 0; i < n; i++)
        (void)cJSON_AddItemToArray(list, canaries_object(api->engine, all[i].namespace_name, all[i].entry));
    return 0;
}
