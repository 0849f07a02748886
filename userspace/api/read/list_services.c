/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/services. */
#include "api/api.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "engine/engine.h"
#include "model/endpoint_names.h"

static bool list_services_is_eligible(const struct instance *instance)
{
    return instance_is_eligible(instance, instance->protocol) && instance->weight > 0;
}

static bool is_any_eligible(const struct instance *external)
{
    for (size_t i = 0; i < external->n_addresses; i++)
        if (list_services_is_eligible(external->addresses[i]))
            return true;
    return false;
}

static cJSON *list_services_service_object(const struct service *service)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *aliases;
    const struct instance *instance;
    unsigned instances = 0;
    unsigned eligible = 0;

    (void)cJSON_AddStringToObject(object, "namespace", service->parent->name);
    (void)cJSON_AddStringToObject(object, "name", service->name);
    if (service->document)
        (void)cJSON_AddStringToObject(object, "document", service->document);
    aliases = cJSON_AddArrayToObject(object, "clientAliases");
    for (size_t i = 0; i < service->n_aliases; i++) {
        cJSON *alias = cJSON_CreateObject();

        read_alias_names(alias, &service->aliases[i]);
        (void)cJSON_AddItemToArray(aliases, alias);
    }
    if (service->settings)
        (void)cJSON_AddItemToObject(object, "settings", service_settings_write(service->settings));
    for (instance = service->instances; instance; instance = instance->hh.next) {
        instances += !instance->external;
        eligible += !instance->external && list_services_is_eligible(instance);
    }
    for (instance = service->records; instance; instance = instance->hh.next) {
        instances += instance->host != NULL;
        eligible += instance->host && is_any_eligible(instance);
    }
    (void)cJSON_AddNumberToObject(object, "instances", instances);
    (void)cJSON_AddNumberToObject(object, "eligible", eligible);
    return object;
}

static int list_services_add_service(struct api *api, const struct list_key *key, struct json_stream *json,
                                     void **part)
{
    const struct service *service =
        catalog_service(engine_catalog(api->engine), key->namespace_name, key->name);

    (void)part;
    return service && service->is_declared
               ? json_stream_take(json, NULL, list_services_service_object(service))
               : 0;
}

const struct list_kind service_list = {
    .member = "services", .note = list_note_services, .add = list_services_add_service};

int read_services(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)ret_answer;
    return list_answer(call, &service_list, user, error);
}
