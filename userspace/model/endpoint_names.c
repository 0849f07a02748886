/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names, entries and eligibility of endpoints. */
#include "model/endpoint_names.h"

#include <stdio.h>

#include "model/catalog_aws.h"

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

const char *endpoint_name(const struct instance *instance, char name[static ENDPOINT_NAME_SIZE])
{
    (void)snprintf(name, ENDPOINT_NAME_SIZE, "%s/%s/%s", instance->service->parent->name,
                   instance->service->name, instance->id);
    return name;
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
    (void)snprintf(name, ENDPOINT_NAME_SIZE, "%.*s/%.*s/%s", SVC_NAMESPACE_SIZE, entry->namespace,
                   SVC_SERVICE_SIZE, entry->service, id);
    return service ? catalog_instance(service, id) : NULL;
}
