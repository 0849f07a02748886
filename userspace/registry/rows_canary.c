/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The row of a canary:
 *   {"from", "to", "strategy": "LINEAR"|"CANARY", "stepTenths", "intervalSeconds", "maxFailuresTenths",
 *    "minConnects", "state", "shareTenths", "startedAtMs", "stepStartedAtMs", "pausedAtMs", "endedAtMs",
 *    "base": {"established", "failures", "ejections"}, "counted": {same}, "before": [{"service": "from"|"to",
 *    "weight"}], "onEmpty", "reason"}
 * Numbers are whole, times milliseconds since 1970; `before` is missing if the alias
 * had no route of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/names.h"
#include "registry/rows_internal.h"

#define MAX_WEIGHT 65535
#define MAX_EXACT  (1ull << 53)

/* ---- writing ---- */

static void rows_canary_add_outcomes(cJSON *json, const char *name, const struct canary_outcomes *outcomes)
{
    cJSON *object = cJSON_AddObjectToObject(json, name);

    (void)cJSON_AddNumberToObject(object, "established", (double)outcomes->established);
    (void)cJSON_AddNumberToObject(object, "failures", (double)outcomes->failures);
    (void)cJSON_AddNumberToObject(object, "ejections", (double)outcomes->ejections);
}

static void add_before(cJSON *json, const struct canary *canary)
{
    cJSON *list = canary->n_before ? cJSON_AddArrayToObject(json, "before") : NULL;

    for (size_t i = 0; i < canary->n_before; i++) {
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "service", canary->before[i].is_to ? "to" : "from");
        (void)cJSON_AddNumberToObject(item, "weight", canary->before[i].weight);
        (void)cJSON_AddItemToArray(list, item);
    }
}

static void rows_canary_add_time(cJSON *json, const char *name, int64_t time)
{
    if (time)
        (void)cJSON_AddNumberToObject(json, name, (double)time);
}

int row_for_canary(const char *namespace_name, const struct catalog_canary *entry,
                   struct registry_row *ret_row)
{
    const struct canary *canary = &entry->canary;
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "from", canary->from);
    (void)cJSON_AddStringToObject(json, "to", canary->to);
    (void)cJSON_AddStringToObject(json, "strategy", canary_strategy_name(canary->strategy));
    (void)cJSON_AddNumberToObject(json, "stepTenths", canary->step);
    (void)cJSON_AddNumberToObject(json, "intervalSeconds", canary->interval_s);
    (void)cJSON_AddNumberToObject(json, "maxFailuresTenths", canary->max_failures);
    (void)cJSON_AddNumberToObject(json, "minConnects", canary->min_connects);
    (void)cJSON_AddStringToObject(json, "state", canary_state_name(canary->state));
    (void)cJSON_AddNumberToObject(json, "shareTenths", canary->share);
    rows_canary_add_time(json, "startedAtMs", canary->started_at);
    rows_canary_add_time(json, "stepStartedAtMs", canary->step_started_at);
    rows_canary_add_time(json, "pausedAtMs", canary->paused_at);
    rows_canary_add_time(json, "endedAtMs", canary->ended_at);
    rows_canary_add_outcomes(json, "base", &canary->base);
    rows_canary_add_outcomes(json, "counted", &canary->counted);
    add_before(json, canary);
    if (canary->is_unhealthy_on_empty)
        (void)cJSON_AddStringToObject(json, "onEmpty", "unhealthy");
    if (canary->reason[0])
        (void)cJSON_AddStringToObject(json, "reason", canary->reason);
    return row_make_in(ret_row, json, false, "canaries", namespace_name, entry->client, entry->identity);
}

int row_delete_canary(const char *namespace_name, const char *client, const char *identity,
                      struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "canaries", namespace_name, client, identity);
}

/* ---- reading ---- */

static int rows_canary_read_service(const cJSON *json, const char *name,
                                    char ret_text[static SVC_SERVICE_SIZE], struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(json, name, true, &text, error);

    if (r == 0)
        r = model_check_service(name, text, error);
    if (r == 0)
        (void)snprintf(ret_text, SVC_SERVICE_SIZE, "%s", text);
    return r;
}

static int rows_canary_read_number(const cJSON *json, const char *name, uint64_t minimum, uint64_t maximum,
                                   uint32_t *ret_number, struct error *error)
{
    uint64_t number = 0;
    int r = json_get_integer(json, name, true, minimum, maximum, &number, error);

    if (r == 0)
        *ret_number = (uint32_t)number;
    return r;
}

static int read_time(const cJSON *json, const char *name, bool is_required, int64_t *ret_time,
                     struct error *error)
{
    uint64_t number = 0;
    int r = json_get_integer(json, name, is_required, 1, MAX_EXACT, &number, error);

    if (r == 0)
        *ret_time = (int64_t)number;
    return r;
}

static int read_outcomes(const cJSON *json, const char *name, struct canary_outcomes *ret_outcomes,
                         struct error *error)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, name);
    struct canary_outcomes outcomes = {0};
    int r;

    if (!cJSON_IsObject(object))
        return error_input(error, name, object ? "(no object)" : "(missing)", "an object");
    r = json_get_integer(object, "established", true, 0, MAX_EXACT, &outcomes.established, error);
    if (r == 0)
        r = json_get_integer(object, "failures", true, 0, MAX_EXACT, &outcomes.failures, error);
    if (r == 0)
        r = json_get_integer(object, "ejections", true, 0, MAX_EXACT, &outcomes.ejections, error);
    if (r == 0)
        *ret_outcomes = outcomes;
    else
        error_prefix_field(error, name);
    return r;
}

static int read_before(const cJSON *json, struct canary *canary, struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "before");
    const cJSON *item;

    if (list && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CANARY_TARGETS))
        return error_input(error, "before", "(not such a list)", "a list of at most %d targets",
                           CANARY_TARGETS);
    cJSON_ArrayForEach (item, list) {
        struct canary_target *target = &canary->before[canary->n_before];
        const char *service = NULL;
        int r = json_get_string(item, "service", true, &service, error);

        if (r == 0 && strcmp(service, "from") != 0 && strcmp(service, "to") != 0)
            r = error_input(error, "service", service, "from, to");
        if (r == 0)
            r = rows_canary_read_number(item, "weight", 0, MAX_WEIGHT, &target->weight, error);
        if (r < 0) {
            error_prefix_field(error, "before");
            return r;
        }
        target->is_to = strcmp(service, "to") == 0;
        canary->n_before++;
    }
    return 0;
}

static int read_names(const cJSON *json, struct canary *canary, struct error *error)
{
    const char *strategy = NULL;
    const char *state = NULL;
    const char *reason = "";
    const char *on_empty = "refuse";
    int r = rows_canary_read_service(json, "from", canary->from, error);

    if (r == 0)
        r = rows_canary_read_service(json, "to", canary->to, error);
    if (r == 0)
        r = json_get_string(json, "strategy", true, &strategy, error);
    if (r == 0 && canary_strategy_parse(strategy, &canary->strategy) < 0)
        r = error_input(error, "strategy", strategy, "LINEAR, CANARY");
    if (r == 0)
        r = json_get_string(json, "state", true, &state, error);
    if (r == 0 && canary_state_parse(state, &canary->state) < 0)
        r = error_input(error, "state", state, "RUNNING, PAUSED, SUCCEEDED, ABORTED, ROLLED_BACK");
    if (r == 0)
        r = json_get_string(json, "reason", false, &reason, error);
    if (r == 0)
        r = json_get_string(json, "onEmpty", false, &on_empty, error);
    if (r == 0 && strcmp(on_empty, "refuse") != 0 && strcmp(on_empty, "unhealthy") != 0)
        r = error_input(error, "onEmpty", on_empty, "refuse, unhealthy");
    if (r == 0 && strcmp(canary->from, canary->to) == 0)
        r = error_input(error, "to", canary->to, "another service than from");
    if (r < 0)
        return r;
    canary->is_unhealthy_on_empty = strcmp(on_empty, "unhealthy") == 0;
    (void)snprintf(canary->reason, sizeof(canary->reason), "%s", reason);
    return 0;
}

static int read_numbers(const cJSON *json, struct canary *canary, struct error *error)
{
    bool is_over = !canary_is_active(canary);
    int r =
        rows_canary_read_number(json, "stepTenths", CANARY_PERCENT_MIN, CANARY_WHOLE, &canary->step, error);

    if (r == 0)
        r = rows_canary_read_number(json, "intervalSeconds", 0, CANARY_INTERVAL_MAX_S, &canary->interval_s,
                                    error);
    if (r == 0)
        r = rows_canary_read_number(json, "maxFailuresTenths", 0, CANARY_WHOLE, &canary->max_failures, error);
    if (r == 0)
        r = rows_canary_read_number(json, "minConnects", 0, CANARY_MIN_CONNECTS_MAX, &canary->min_connects,
                                    error);
    if (r == 0)
        r = rows_canary_read_number(json, "shareTenths", 0, CANARY_WHOLE, &canary->share, error);
    if (r == 0)
        r = read_time(json, "startedAtMs", true, &canary->started_at, error);
    if (r == 0)
        r = read_time(json, "stepStartedAtMs", true, &canary->step_started_at, error);
    if (r == 0)
        r = read_time(json, "pausedAtMs", canary->state == CANARY_PAUSED, &canary->paused_at, error);
    if (r == 0)
        r = read_time(json, "endedAtMs", is_over, &canary->ended_at, error);
    return r;
}

int row_apply_canary(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error)
{
    struct model_namespace *parent;
    struct client_alias alias;
    struct canary canary = {0};
    int r = row_parse_identity(name->last, &alias);

    if (r < 0)
        return error_input(error, "alias", name->last, "dnsName:port/protocol in lower case");
    r = read_names(json, &canary, error);
    if (r == 0)
        r = read_numbers(json, &canary, error);
    if (r == 0)
        r = read_outcomes(json, "base", &canary.base, error);
    if (r == 0)
        r = read_outcomes(json, "counted", &canary.counted, error);
    if (r == 0)
        r = read_before(json, &canary, error);
    if (r < 0)
        return r;
    parent = catalog_make_namespace(catalog, name->namespace_name);
    return parent ? catalog_set_canary(parent, name->client, &alias, &canary) : -ENOMEM;
}
