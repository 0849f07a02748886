/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a row reaches: the aliases whose tables, the instances whose entries, the clients whose scopes may
 * change. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/engine_internal.h"
#include "engine/change/transaction_internal.h"
#include "model/catalog_aws.h"
#include "registry/rows.h"

/* Three texts one after the other, each with its NUL; the key is all of them. */
static int touch(struct touched **set, const char *first, const char *second, const char *third,
                 struct touched **ret_touched)
{
    size_t length1 = strlen(first) + 1;
    size_t length2 = strlen(second) + 1;
    size_t length = length1 + length2 + strlen(third) + 1;
    struct touched *touched = NULL;
    char *name = malloc(length);

    if (!name)
        return -ENOMEM;
    memcpy(name, first, length1);
    memcpy(name + length1, second, length2);
    memcpy(name + length1 + length2, third, length - length1 - length2);
    HASH_FIND(hh, *set, name, length, touched);
    if (touched) {
        free(name);
    } else {
        touched = calloc(1, sizeof(*touched));
        if (!touched) {
            free(name);
            return -ENOMEM;
        }
        touched->name = name;
        touched->namespace_name = name;
        touched->service = name + length1;
        touched->instance = name + length1 + length2;
        HASH_ADD_KEYPTR(hh, *set, touched->name, length, touched);
    }
    *ret_touched = touched;
    return 0;
}

static int touch_alias(struct transaction *transaction, const char *namespace_name,
                       const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    struct touched *touched;
    int r = touch(&transaction->aliases, namespace_name, alias_identity(alias, identity), "", &touched);

    if (r == 0)
        touched->alias = *alias;
    return r;
}

static int touch_service_aliases(struct transaction *transaction, const struct service *service)
{
    int r = 0;

    for (size_t i = 0; service && i < service->n_aliases && r == 0; i++)
        r = touch_alias(transaction, service->parent->name, &service->aliases[i]);
    return r;
}

/* The first time only: what counts is what the client had before the transaction. */
static int touch_client(struct transaction *transaction, const char *namespace_name, const char *client)
{
    struct scope_change *larger;
    int r;

    for (size_t i = 0; i < transaction->n_scopes; i++)
        if (strcmp(transaction->scopes[i].namespace_name, namespace_name) == 0 &&
            strcmp(transaction->scopes[i].client, client) == 0)
            return 0;
    larger = realloc(transaction->scopes, (transaction->n_scopes + 1) * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    transaction->scopes = larger;
    r = scope_change_begin(transaction->engine, namespace_name, client, &larger[transaction->n_scopes]);
    if (r == 0)
        transaction->n_scopes++;
    return r;
}

/* The first time only: what the instance had before the change. */
static int touch_instance(struct transaction *transaction, const struct service *service,
                          const char *namespace_name, const char *service_name, const char *id)
{
    const struct instance *instance = service ? catalog_instance(service, id) : NULL;
    unsigned before = HASH_COUNT(transaction->instances);
    struct touched *touched;
    int r = touch(&transaction->instances, namespace_name, service_name, id, &touched);

    if (r == 0 && touched->job != transaction->n_jobs) {
        touched->job = transaction->n_jobs;
        touched->next_of_job = transaction->touched_by_job;
        transaction->touched_by_job = touched;
    }
    if (r == 0 && instance)
        touched->is_endpoint = true;
    if (r == 0 && instance && HASH_COUNT(transaction->instances) > before)
        touched->before =
            (struct touched_state){instance->ramp_since_ms, instance->ramp, instance->was_eligible};
    return r;
}

/* All aliases that lead to the service: its own, and those of routes. */
static int touch_ways_to(struct transaction *transaction, const struct service *service)
{
    int r = touch_service_aliases(transaction, service);

    for (size_t i = 0; service && i < service->n_routes && r == 0; i++)
        r = touch_alias(transaction, service->parent->name, &service->routes[i]->alias);
    return r;
}

/* Of an instance that is a host name: they are endpoints of their own. */
static int touch_addresses(struct transaction *transaction, const struct service *service, const char *id)
{
    const struct instance *record = catalog_record(service, id);
    int r = 0;

    for (size_t i = 0; record && i < record->n_addresses && r == 0; i++)
        r = touch_instance(transaction, service, service->parent->name, service->name,
                           record->addresses[i]->id);
    return r;
}

/* Where a document came from decides whether its commands are run; few have one, so that is asked first. */
static int touch_refused(struct transaction *transaction, const struct model_namespace *parent,
                         const char *document)
{
    const struct service *service = parent->services;
    int r = 0;

    if (!followers_depend_on_documents(transaction->engine))
        return 0;
    for (; service; service = service->hh.next) {
        const struct instance *instance = service->instances;

        if (!service->document || strcmp(service->document, document) != 0)
            continue;
        for (; instance && r == 0; instance = instance->hh.next)
            r = touch_instance(transaction, service, parent->name, service->name, instance->id);
    }
    return r;
}

int transaction_fill_external(const struct transaction *transaction, const char *key)
{
    struct row_name name;

    if (row_parse_key(key, &name) < 0 || name.kind != ROW_INSTANCE)
        return 0;
    return followers_fill(transaction->engine, name.namespace_name, name.service, name.last);
}

/* Called before and after a row is applied: what it reaches may differ. */
int transaction_touch_row(struct transaction *transaction, const char *key)
{
    const struct catalog *catalog = transaction->engine->catalog;
    const struct model_namespace *parent;
    const struct service *service = NULL;
    const struct route *route;
    struct row_name name;
    int r = row_parse_key(key, &name);

    parent = r == 0 && name.namespace_name ? catalog_namespace(catalog, name.namespace_name) : NULL;
    if (r == 0 && name.kind == ROW_ROUTE && *name.client)
        r = touch_client(transaction, name.namespace_name, name.client);
    if (!parent || r < 0)
        return r;
    if (name.service)
        service = catalog_service(catalog, name.namespace_name, name.service);
    switch (name.kind) {
    case ROW_SERVICE:
        return touch_service_aliases(transaction, service);
    case ROW_INSTANCE:
        r = touch_instance(transaction, service, name.namespace_name, name.service, name.last);
        if (r == 0 && service)
            r = touch_addresses(transaction, service, name.last);
        return r < 0 ? r : touch_ways_to(transaction, service);
    case ROW_DOCUMENT:
        return touch_refused(transaction, parent, name.last);
    case ROW_ROUTE:
        route = row_find_route(parent, &name);
        return route ? touch_alias(transaction, parent->name, &route->alias) : 0;
    default:
        return 0;
    }
}

/* The declared service that a ROW_SERVICE's key names; NULL, for any other row too. */
const struct service *transaction_service_of_row(const struct transaction *transaction, const char *key)
{
    struct row_name name;

    if (row_parse_key(key, &name) < 0 || name.kind != ROW_SERVICE)
        return NULL;
    return catalog_service(transaction->engine->catalog, name.namespace_name, name.service);
}

/* Settings are in the entries of every instance and in the tables of every alias that leads to them. */
static int touch_everything_of(struct transaction *transaction, const struct service *service)
{
    const struct instance *instance;
    int r = 0;

    for (instance = service->instances; instance && r == 0; instance = instance->hh.next)
        r = touch_instance(transaction, service, service->parent->name, service->name, instance->id);
    for (size_t i = 0; i < service->n_routes && r == 0; i++)
        r = touch_alias(transaction, service->parent->name, &service->routes[i]->alias);
    return r;
}

/* `before`: what the service that the row names had. */
int transaction_touch_settings(struct transaction *transaction, const char *key,
                               const struct service_settings *before)
{
    const struct service *service = transaction_service_of_row(transaction, key);

    if (!service || service_settings_equal(before, service_get_settings(service)))
        return 0;
    return touch_everything_of(transaction, service);
}

int transaction_touch_name(struct transaction *transaction, const char *namespace_name,
                           const char *service_name, const char *id, bool has_ways)
{
    const struct service *service =
        catalog_service(transaction->engine->catalog, namespace_name, service_name);
    int r = touch_instance(transaction, service, namespace_name, service_name, id);

    return r < 0 || !has_ways ? r : touch_ways_to(transaction, service);
}

int transaction_touch_instance(struct transaction *transaction, const struct instance *instance)
{
    const struct service *service = instance->service;
    int r = touch_instance(transaction, service, service->parent->name, service->name, instance->id);

    if (r == 0)
        r = touch_service_aliases(transaction, service);
    for (size_t i = 0; i < service->n_routes && r == 0; i++)
        r = touch_alias(transaction, service->parent->name, &service->routes[i]->alias);
    return r;
}
