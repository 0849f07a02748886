/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/change/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "engine/change/job.h"
#include "model/aliases.h"
#include "model/catalog_aws.h"
#include "registry/rows.h"

/* ---- services ---- */

/* Addresses of host names go with those, which are records. */
static const struct instance *next_to_remove(const struct service *service)
{
    const struct instance *instance = service->records ? service->records : service->instances;

    while (instance && instance->external)
        instance = instance->hh.next;
    return instance;
}

/* Every instance's row, then the service's. */
int change_remove_service(struct transaction *transaction, const char *namespace_name,
                          const char *service_name, uint64_t until_ns, struct error *error)
{
    bool is_over = false;

    while (!is_over) {
        const struct service *service =
            catalog_service(transaction_catalog(transaction), namespace_name, service_name);
        const struct instance *instance = service ? next_to_remove(service) : NULL;
        struct registry_row row;
        int r;

        is_over = !instance;
        r = instance ? row_delete_instance(namespace_name, service_name, instance->id, &row)
                     : row_delete_service(namespace_name, service_name, &row);
        r = r < 0 ? error_errno(error, r, "deleting the service") : transaction_put(transaction, row, error);
        if (r < 0)
            return r;
        if (!is_over && clock_monotonic_ns() >= until_ns)
            return JOB_GO_ON;
    }
    return 0;
}

/* ---- ports of routes ---- */

/* Does the alias count when a port is looked for? */
typedef bool (*alias_filter)(const struct model_namespace *parent, const struct client *client,
                             const struct client_alias *alias);

static bool is_any(const struct model_namespace *parent, const struct client *client,
                   const struct client_alias *alias)
{
    (void)parent;
    (void)client;
    (void)alias;
    return true;
}

static bool has_route(const struct model_namespace *parent, const struct client *client,
                      const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];

    return catalog_route(parent, client, alias_identity(alias, identity)) != NULL;
}

/* The one port of a name; 0 if it has none. Several: an error that asks for it. */
static int only_port(const struct model_namespace *parent, const struct client *client, const char *dns_name,
                     enum svc_protocol protocol, alias_filter filter, uint16_t *ret_port, struct error *error)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    size_t n = 0;
    uint16_t port = 0;
    int r = parent ? alias_list_build(parent, client, &aliases, &n) : 0;

    if (r < 0)
        return error_errno(error, r, "looking for the port");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(aliases[i].dns_name, dns_name) != 0 || aliases[i].protocol != protocol ||
            !filter(parent, client, &aliases[i]))
            continue;
        if (port && port != aliases[i].port)
            return error_input(error, "port", "(missing)", "a port: %s has several, %u and %u among them",
                               dns_name, port, aliases[i].port);
        port = aliases[i].port;
    }
    *ret_port = port;
    return 0;
}

int change_route_port(const struct model_namespace *parent, const char *client_name,
                      struct client_alias *alias, bool only_routes, struct error *error)
{
    const struct client *client = parent && *client_name ? catalog_client(parent, client_name) : NULL;

    if (only_routes && *client_name && !client)
        return 0;
    return only_port(parent, client, alias->dns_name, alias->protocol, only_routes ? has_route : is_any,
                     &alias->port, error);
}

static int put_left_out(struct transaction *transaction, const struct instance *instance, struct error *error)
{
    const struct service *service = instance->service;
    char name[CATALOG_LEFT_OUT_SIZE];
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    _cleanup_free_ char *text = NULL;
    struct registry_row row;
    int r;

    (void)cJSON_AddStringToObject(json, "creator", instance->creator);
    text = json_print(json);
    r = text ? row_for_aws(AWS_LEFT_OUT,
                           catalog_left_out_name(service->parent->name, service->name, instance->id, name),
                           text, &row)
             : -ENOMEM;
    return r < 0 ? error_errno(error, r, "deregistering") : transaction_put(transaction, row, error);
}

int change_remove_instance(struct transaction *transaction, const struct instance *instance,
                           struct error *error)
{
    const struct service *service = instance->service;
    struct registry_row row;
    int r = 0;

    if (instance_is_of_container(instance))
        r = put_left_out(transaction, instance, error);
    if (r < 0)
        return r;
    r = row_delete_instance(service->parent->name, service->name, instance->id, &row);
    return r < 0 ? error_errno(error, r, "deregistering") : transaction_put(transaction, row, error);
}
