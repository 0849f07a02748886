/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The catalog: namespaces, services, instances, clients and documents, and the links between them. What is
 * taken away is taken out of all that led to it, which needs all of them in sight.
 */
#include "model/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "model/catalog_aws.h"
#include "model/catalog_external.h"

const char *protocol_name(enum svc_protocol protocol)
{
    return protocol == UDP ? "udp" : "tcp";
}

const char *health_name(enum svc_health health)
{
    static const char *const names[] = {
        [UNHEALTHY] = "UNHEALTHY", [HEALTHY] = "HEALTHY", [UNKNOWN] = "UNKNOWN", [DRAINING] = "DRAINING"};

    return names[health];
}

/* As checks have found them; one that is leaving says nothing. */
static enum svc_health best_of_addresses(const struct instance *external)
{
    enum svc_health best = UNHEALTHY;
    bool has_any = false;

    for (size_t i = 0; i < external->n_addresses; i++) {
        const struct instance *address = external->addresses[i];

        if (address->is_leaving)
            continue;
        has_any = true;
        if (address->observed == HEALTHY || (address->observed == UNKNOWN && best == UNHEALTHY))
            best = address->observed;
    }
    return has_any ? best : HEALTHY;
}

bool instance_is_of_container(const struct instance *instance)
{
    return instance->creator &&
           strncmp(instance->creator, INSTANCE_OF_CONTAINER, strlen(INSTANCE_OF_CONTAINER)) == 0;
}

void instance_say_health(struct instance *instance, enum svc_health health)
{
    instance->health = health;
    if (instance_is_of_container(instance))
        instance->health_by_hand = health == HEALTHY ? WORD_HEALTHY : WORD_UNHEALTHY;
}

enum svc_health instance_health(const struct instance *instance)
{
    if (instance->drain_until)
        return DRAINING;
    if (instance->health != HEALTHY)
        return instance->health;
    return instance->host ? best_of_addresses(instance) : instance->observed;
}

const char *alias_identity(const struct client_alias *alias, char identity[static ALIAS_IDENTITY_SIZE])
{
    (void)snprintf(identity, ALIAS_IDENTITY_SIZE, "%s:%u/%s", alias->dns_name, alias->port,
                   protocol_name(alias->protocol));
    return identity;
}

struct catalog *catalog_new(void)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));

    if (catalog)
        catalog_reset_global_settings(catalog);
    return catalog;
}

/* ---- finding ---- */

struct model_namespace *catalog_namespace(const struct catalog *catalog, const char *name)
{
    struct model_namespace *found;

    HASH_FIND_STR(catalog->namespaces, name, found);
    return found;
}

struct service *catalog_service(const struct catalog *catalog, const char *namespace_name, const char *name)
{
    const struct model_namespace *parent = catalog_namespace(catalog, namespace_name);
    struct service *found = NULL;

    if (parent)
        HASH_FIND_STR(parent->services, name, found);
    return found;
}

struct instance *catalog_instance(const struct service *service, const char *id)
{
    struct instance *found;

    HASH_FIND_STR(service->instances, id, found);
    return found;
}

struct route *catalog_route(const struct model_namespace *parent, const struct client *client,
                            const char *identity)
{
    struct route *found;

    HASH_FIND_STR(client ? client->routes : parent->routes, identity, found);
    return found;
}

struct client *catalog_client(const struct model_namespace *parent, const char *name)
{
    struct client *found;

    HASH_FIND_STR(parent->clients, name, found);
    return found;
}

struct alias_owner *catalog_alias_owner(const struct model_namespace *parent, const char *identity)
{
    struct alias_owner *found;

    HASH_FIND_STR(parent->owners, identity, found);
    return found;
}

/* ---- making ---- */

struct model_namespace *catalog_make_namespace(struct catalog *catalog, const char *name)
{
    struct model_namespace *made = catalog_namespace(catalog, name);

    if (made)
        return made;
    made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->name = strdup(name);
    if (!made->name) {
        free(made);
        return NULL;
    }
    made->catalog = catalog;
    HASH_ADD_KEYPTR(hh, catalog->namespaces, made->name, strlen(made->name), made);
    catalog_identify_namespace(made, NULL);
    return made;
}

struct service *catalog_make_service(struct catalog *catalog, const char *namespace_name, const char *name)
{
    struct model_namespace *parent = catalog_make_namespace(catalog, namespace_name);
    struct service *made = NULL;

    if (!parent)
        return NULL;
    HASH_FIND_STR(parent->services, name, made);
    if (made)
        return made;
    made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->name = strdup(name);
    if (!made->name) {
        free(made);
        return NULL;
    }
    made->parent = parent;
    made->number = ++catalog->last_service_number;
    made->instances_revision = catalog->instances_revision;
    HASH_ADD_KEYPTR(hh, parent->services, made->name, strlen(made->name), made);
    catalog_identify_service(made, NULL);
    return made;
}

struct instance *catalog_new_instance(struct service *service, const char *id)
{
    struct instance *made = calloc(1, sizeof(*made));

    if (!made)
        return NULL;
    made->id = strdup(id);
    if (!made->id) {
        free(made);
        return NULL;
    }
    made->service = service;
    made->observed = HEALTHY;
    return made;
}

struct instance *catalog_make_instance(struct catalog *catalog, struct service *service, const char *id)
{
    struct instance *made = catalog_instance(service, id);

    if (made)
        return made;
    made = catalog_new_instance(service, id);
    if (!made)
        return NULL;
    HASH_ADD_KEYPTR(hh, service->instances, made->id, strlen(made->id), made);
    catalog->n_instances++;
    return made;
}

/* ---- client aliases of services ---- */

static void disown_aliases(struct service *service)
{
    char identity[ALIAS_IDENTITY_SIZE];

    for (size_t i = 0; i < service->n_aliases; i++) {
        struct alias_owner *owner =
            catalog_alias_owner(service->parent, alias_identity(&service->aliases[i], identity));

        if (owner && owner->service == service) {
            HASH_DEL(service->parent->owners, owner);
            free(owner);
        }
    }
}

/* An alias that another service has already stays with that one: writers keep (dnsName, port) unique. */
static int own_aliases(struct service *service)
{
    for (size_t i = 0; i < service->n_aliases; i++) {
        struct alias_owner *owner = calloc(1, sizeof(*owner));

        if (!owner)
            return -ENOMEM;
        owner->alias = service->aliases[i];
        owner->service = service;
        alias_identity(&owner->alias, owner->identity);
        if (catalog_alias_owner(service->parent, owner->identity))
            free(owner);
        else
            HASH_ADD_STR(service->parent->owners, identity, owner);
    }
    return 0;
}

int catalog_declare_service(struct catalog *catalog, struct service *service,
                            const struct client_alias *aliases, size_t n_aliases, const char *document)
{
    struct client_alias *copy = calloc(n_aliases ? n_aliases : 1, sizeof(*copy));
    char *document_copy = document ? strdup(document) : NULL;

    if (!copy || (document && !document_copy)) {
        free(copy);
        free(document_copy);
        return -ENOMEM;
    }
    free(service->document);
    service->document = document_copy;
    if (n_aliases)
        memcpy(copy, aliases, n_aliases * sizeof(*copy));
    disown_aliases(service);
    free(service->aliases);
    service->aliases = copy;
    service->n_aliases = n_aliases;
    if (!service->is_declared)
        catalog->n_services++;
    service->is_declared = true;
    return own_aliases(service);
}

/* ---- removing ---- */

static void free_service(struct service *service)
{
    catalog_forget_service(service);
    catalog_forget_settings(service);
    free(service->document);
    free(service->routes);
    free(service->aliases);
    free(service->name);
    free(service);
}

void catalog_drop_if_forgotten(struct service *service)
{
    if (service->is_declared || service->instances || service->records || service->n_routes > 0)
        return;
    HASH_DEL(service->parent->services, service);
    free_service(service);
}

void catalog_remove_instance(struct catalog *catalog, struct instance *instance)
{
    struct service *service = instance->service;

    if (instance->external)
        catalog_unlink_address(instance);
    HASH_DEL(service->instances, instance);
    catalog_free_instance(instance);
    catalog->n_instances--;
    catalog_drop_if_forgotten(service);
}

void catalog_undeclare_service(struct catalog *catalog, struct service *service)
{
    disown_aliases(service);
    free(service->aliases);
    service->aliases = NULL;
    service->n_aliases = 0;
    catalog_forget_settings(service);
    (void)catalog_set_service_aws(service, NULL, NULL);
    free(service->document);
    service->document = NULL;
    if (service->is_declared)
        catalog->n_services--;
    service->is_declared = false;
    catalog_drop_if_forgotten(service);
}

/* ---- routes ---- */

static int add_reference(struct service *service, struct route *route)
{
    if (ARRAY_MAKE_ROOM(service->routes, service->n_routes) < 0)
        return -ENOMEM;
    service->routes[service->n_routes++] = route;
    return 0;
}

static void drop_references(struct route *route)
{
    for (size_t t = 0; t < route->n_targets; t++) {
        struct service *service = route->targets[t].service;

        for (size_t i = 0; i < service->n_routes; i++)
            if (service->routes[i] == route) {
                service->routes[i] = service->routes[--service->n_routes];
                break;
            }
        catalog_drop_if_forgotten(service);
    }
    free(route->targets);
    route->targets = NULL;
    route->n_targets = 0;
}

static struct client *make_client(struct model_namespace *parent, const char *name)
{
    struct client *client = catalog_client(parent, name);

    if (client)
        return client;
    client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->name = strdup(name);
    if (!client->name) {
        free(client);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, parent->clients, client->name, strlen(client->name), client);
    return client;
}

static void free_client(struct client *client)
{
    free(client->name);
    free(client);
}

/* The hash a client's routes are in, the namespace's own for "". NULL: no such client. */
static struct route **routes_of(struct model_namespace *parent, const char *client_name)
{
    struct client *client;

    if (!*client_name)
        return &parent->routes;
    client = catalog_client(parent, client_name);
    return client ? &client->routes : NULL;
}

static int fill_route(struct route *route, struct route_target *targets, size_t n_targets)
{
    route->targets = targets;
    for (size_t i = 0; i < n_targets; i++) {
        if (add_reference(targets[i].service, route) < 0) {
            drop_references(route);
            return -ENOMEM;
        }
        route->n_targets = i + 1;
    }
    return 0;
}

int catalog_set_route(struct model_namespace *parent, const char *client_name,
                      const struct client_alias *alias, struct route_target *targets, size_t n_targets)
{
    struct route *route = calloc(1, sizeof(*route));
    struct route **routes;
    struct route *old;

    if (!route) {
        free(targets);
        return -ENOMEM;
    }
    route->alias = *alias;
    alias_identity(alias, route->identity);
    /* References of the new route are in place first: a service that both name is not
     * forgotten in between. */
    if (fill_route(route, targets, n_targets) < 0 || (*client_name && !make_client(parent, client_name))) {
        drop_references(route);
        free(route);
        return -ENOMEM;
    }
    routes = routes_of(parent, client_name);
    HASH_FIND_STR(*routes, route->identity, old);
    if (old) {
        HASH_DEL(*routes, old);
        drop_references(old);
        free(old);
    }
    HASH_ADD_STR(*routes, identity, route);
    return 0;
}

void catalog_remove_route(struct model_namespace *parent, const char *client_name, struct route *route)
{
    struct route **routes = routes_of(parent, client_name);

    HASH_DEL(*routes, route);
    drop_references(route);
    free(route);
    if (*client_name && !*routes) {
        struct client *client = catalog_client(parent, client_name);

        HASH_DEL(parent->clients, client);
        free_client(client);
    }
}

const struct route_target *catalog_alias_targets(const struct model_namespace *parent,
                                                 const struct client *client, const char *identity,
                                                 struct route_target *single, size_t *ret_n_targets)
{
    const struct route *route = client ? catalog_route(parent, client, identity) : NULL;
    const struct alias_owner *owner;

    if (!route)
        route = catalog_route(parent, NULL, identity);
    if (route) {
        *ret_n_targets = route->n_targets;
        return route->targets;
    }
    owner = catalog_alias_owner(parent, identity);
    *ret_n_targets = owner ? 1 : 0;
    if (!owner)
        return NULL;
    *single = (struct route_target){.service = owner->service, .weight = 1};
    return single;
}

/* ---- the whole ---- */

static void free_routes(struct route **routes)
{
    struct route *route, *next;

    HASH_ITER (hh, *routes, route, next) {
        HASH_DEL(*routes, route);
        free(route->targets);
        free(route);
    }
}

static void free_namespace(struct model_namespace *parent)
{
    struct client *client, *next_client;
    struct alias_owner *owner, *next_owner;
    struct service *service, *next_service;

    free_routes(&parent->routes);
    HASH_ITER (hh, parent->clients, client, next_client) {
        HASH_DEL(parent->clients, client);
        free_routes(&client->routes);
        free_client(client);
    }
    HASH_ITER (hh, parent->owners, owner, next_owner) {
        HASH_DEL(parent->owners, owner);
        free(owner);
    }
    HASH_ITER (hh, parent->services, service, next_service) {
        struct instance *instance, *next_instance;

        HASH_ITER (hh, service->instances, instance, next_instance) {
            HASH_DEL(service->instances, instance);
            catalog_free_instance(instance);
        }
        HASH_DEL(parent->services, service);
        free_service(service);
    }
    catalog_free_documents(parent);
    catalog_free_canaries(parent);
    catalog_forget_namespace(parent);
    free(parent->name);
    free(parent);
}

void catalog_free(struct catalog **catalog)
{
    struct model_namespace *parent, *next;

    if (!*catalog)
        return;
    HASH_ITER (hh, (*catalog)->namespaces, parent, next) {
        HASH_DEL((*catalog)->namespaces, parent);
        free_namespace(parent);
    }
    catalog_free_aws_records(*catalog);
    catalog_forget_zones(*catalog);
    free(*catalog);
    *catalog = NULL;
}
