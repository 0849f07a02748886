/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/settings: what holds for each service, and what of that is its own. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/sorted.h"
#include "api/api.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "api/read/reads.h"

/* Sharing texts with the service's own, the copy is for writing only. */
static struct service_settings effective(const struct catalog *catalog, const struct service *service)
{
    struct service_settings settings = *service_get_settings(service);

    settings.ejection = *service_ejection(catalog, service);
    settings.connect_timeout_ms = service_connect_timeout_ms(catalog, service);
    return settings;
}

static cJSON *settings_service_object(const struct catalog *catalog, const struct service *service)
{
    struct service_settings settings = effective(catalog, service);
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "namespace", service->parent->name);
    (void)cJSON_AddStringToObject(object, "name", service->name);
    if (service->document)
        (void)cJSON_AddStringToObject(object, "document", service->document);
    (void)cJSON_AddItemToObject(object, "settings", service_settings_write_full(&settings));
    (void)cJSON_AddItemToObject(object, "own", service_settings_write(service_get_settings(service)));
    return object;
}

static int services_by_name(const void *a, const void *b)
{
    return strcmp((*(struct service *const *)a)->name, (*(struct service *const *)b)->name);
}

static int settings_namespaces_by_name(const void *a, const void *b)
{
    return strcmp((*(struct model_namespace *const *)a)->name, (*(struct model_namespace *const *)b)->name);
}

int read_settings(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    _cleanup_free_ struct model_namespace **namespaces =
        SORTED_ENTRIES(engine_catalog(api->engine)->namespaces, settings_namespaces_by_name);
    const char *wanted = read_wanted_namespace(api, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list;

    (void)error;
    (void)cJSON_AddItemToObject(
        answer, "global",
        service_settings_write_global(&engine_catalog(api->engine)->ejection,
                                      engine_catalog(api->engine)->connect_timeout_ms));
    list = cJSON_AddArrayToObject(answer, "services");
    for (size_t n = 0; namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct service **services = NULL;

        if (wanted && strcmp(wanted, namespaces[n]->name) != 0)
            continue;
        services = SORTED_ENTRIES(namespaces[n]->services, services_by_name);
        for (size_t s = 0; services && services[s]; s++)
            if (services[s]->is_declared)
                (void)cJSON_AddItemToArray(list,
                                           settings_service_object(engine_catalog(api->engine), services[s]));
    }
    *ret_answer = answer;
    return 0;
}
