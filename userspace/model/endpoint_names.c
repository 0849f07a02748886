/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names, entries and eligibility of endpoints. */
#include "model/endpoint_names.h"

#include <stdio.h>

#include "model/catalog_aws.h"
#include "model/names.h"

bool instance_is_eligible(const struct instance *instance, enum svc_protocol protocol)
{
    return instance->health == HEALTHY && !instance->is_held_back && !instance->drain_until &&
           instance->protocol == protocol;
}

bool instance_is_last_resort(const struct instance *instance, enum svc_protocol protocol)
{
    return !instance->drain_until && instance->protocol == protocol;
}

void endpoint_entry(const struct instance *instance, struct svc_endpoint *ret_entry)
{
    *ret_entry = (struct svc_endpoint){
        .port = instance->port,
        .protocol = instance->protocol,
        .health = instance_health(instance),
        .weight = instance->weight,
    };
    (void)snprintf(ret_entry->namespace, sizeof(ret_entry->namespace), "%s", instance->service->parent->name);
    (void)snprintf(ret_entry->service, sizeof(ret_entry->service), "%s", instance->service->name);
    (void)snprintf(ret_entry->instance, sizeof(ret_entry->instance), "%s", instance_id(instance));
    (void)ip_address_format(&instance->address, ret_entry->address);
}

const char *endpoint_name_of(const char *namespace_name, const char *service, const char *id,
                             char name[static ENDPOINT_NAME_SIZE])
{
    char part[MODEL_NAMESPACE_MAX + 1];

    (void)snprintf(name, ENDPOINT_NAME_SIZE, "%s/%s/%s", model_namespace_part(namespace_name, part), service,
                   id);
    return name;
}

const char *endpoint_name(const struct instance *instance, char name[static ENDPOINT_NAME_SIZE])
{
    return endpoint_name_of(instance->service->parent->name, instance->service->name, instance->id, name);
}

/* The entry of an address has its record's id and the address beside it. */
struct instance *entry_instance(const struct catalog *catalog, const struct svc_endpoint *entry,
                                char name[static ENDPOINT_NAME_SIZE])
{
    const struct service *service = catalog_service(catalog, entry->namespace, entry->service);
    const struct instance *record = service ? catalog_record(service, entry->instance) : NULL;
    char key[EXTERNAL_KEY_SIZE];
    struct ip_address address;
    const char *id = entry->instance;

    if (record && record->host && ip_address_parse(entry->address, &address) == 0)
        id = external_key(record->id, &address, key);
    (void)endpoint_name_of(entry->namespace, entry->service, id, name);
    return service ? catalog_instance(service, id) : NULL;
}
