/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/ejections.h"

#include "base/json.h"
#include "base/log.h"
#include "api/change/changes.h"
#include "api/api.h"
#include "engine/engine.h"
#include "events/instance_events.h"
#include "upkeep/outliers.h"
#include "upkeep/spill.h"
#include "model/endpoint_names.h"

#define MAX_EJECTION_S 86400

static int ejections_find(const struct api *api, const cJSON *body, const char *const known[],
                          const struct instance **ret_instance, struct error *error)
{
    const char *namespace_name = NULL;
    int r = json_check_members(body, known, error);

    return r < 0 ? r : change_find_instance(api->engine, body, &namespace_name, ret_instance, error);
}

static int not_judged(int r, const struct instance *instance, struct error *error)
{
    return r < 0 ? error_errno(error, r, "endpoint %s has no record to change", instance_id(instance)) : 0;
}

static int eject(struct api *api, const struct instance *instance, uint64_t seconds, struct error *error)
{
    char name[ENDPOINT_NAME_SIZE];
    int r = not_judged(outliers_eject(api->outliers, instance->endpoint, (uint32_t)seconds * 1000), instance,
                       error);

    if (r < 0)
        return r;
    spill_note(api->spill, instance->endpoint);
    log_info("%s is ejected by hand for %llu s", endpoint_name(instance, name), (unsigned long long)seconds);
    instance_event(api->events, EVENT_EJECTED, instance, "ejected for %llu s by hand",
                   (unsigned long long)seconds);
    return 0;
}

int handle_eject(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"service", "id", "namespace", "forSeconds", NULL};
    struct api *api = user;
    const struct instance *instance = NULL;
    uint64_t seconds;
    int r = ejections_find(api, call->body, known, &instance, error);

    if (r < 0)
        return r;
    seconds = service_ejection(engine_catalog(api->engine), instance->service)->base_ms / 1000;
    r = json_get_seconds(call->body, "forSeconds", false, 1, MAX_EJECTION_S, &seconds, error);
    if (r == 0 && !instance->host)
        r = eject(api, instance, seconds, error);
    for (size_t i = 0; i < instance->n_addresses && r == 0; i++)
        r = eject(api, instance->addresses[i], seconds, error);
    if (r < 0)
        return r;
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(*ret_answer, "forSeconds", (double)seconds);
    return 0;
}

static int uneject(struct api *api, const struct instance *instance, bool *was_ejected, struct error *error)
{
    char name[ENDPOINT_NAME_SIZE];
    bool was = outliers_ejected_ms(api->outliers, instance->endpoint) > 0;
    int r = not_judged(outliers_clear(api->outliers, instance->endpoint), instance, error);

    if (r < 0)
        return r;
    spill_note(api->spill, instance->endpoint);
    log_info("%s is back by hand", endpoint_name(instance, name));
    if (was)
        instance_event(api->events, EVENT_RETURNED, instance, "drawn again, by hand");
    *was_ejected = *was_ejected || was;
    return 0;
}

int handle_uneject(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"service", "id", "namespace", NULL};
    struct api *api = user;
    const struct instance *instance = NULL;
    bool was_ejected = false;
    int r = ejections_find(api, call->body, known, &instance, error);

    if (r < 0)
        return r;
    if (!instance->host)
        r = uneject(api, instance, &was_ejected, error);
    for (size_t i = 0; i < instance->n_addresses && r == 0; i++)
        r = uneject(api, instance->addresses[i], &was_ejected, error);
    if (r < 0)
        return r;
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddBoolToObject(*ret_answer, "wasEjected", was_ejected);
    return 0;
}
