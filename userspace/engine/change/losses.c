/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which aliases a job reaches, and which of them it leaves without an endpoint. */
#include "engine/change/losses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/change/transaction_internal.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"

/* Of one row: clients and routes beyond these are not looked at. */
#define CLIENTS_A_ROW 64
#define ROUTES_A_ROW  64

/* An alias as the tasks of one client see it. */
struct watched_alias {
    char *key; /* three texts, each with its NUL, which the ones below point into */
    const char *namespace_name, *client, *identity;
    bool had_endpoint;
    UT_hash_handle hh;
};

/* Is there what connects over `protocol` could be sent to? *looks is how many instances may be looked at yet;
 * where they are spent, true. */
static bool losses_has_endpoint(const struct service *service, enum svc_protocol protocol,
                                bool is_unhealthy_on_empty, unsigned *looks)
{
    bool is_last_resort = is_unhealthy_on_empty || service_get_settings(service)->panic_percent > 0;

    for (const struct instance *instance = service->instances; instance; instance = instance->hh.next) {
        if (*looks == 0)
            return true;
        (*looks)--;
        if (instance->weight > 0 && (instance_is_eligible(instance, protocol) ||
                                     (is_last_resort && instance_is_last_resort(instance, protocol))))
            return true;
    }
    return false;
}

static enum svc_protocol losses_protocol(const char *identity)
{
    const char *slash = strrchr(identity, '/');

    return slash && strcmp(slash + 1, protocol_name(UDP)) == 0 ? UDP : TCP;
}

/* *ret_is_there: there is such an alias at all. */
static bool losses_leads_anywhere(const struct model_namespace *parent, const char *client_name,
                                  const char *identity, unsigned *looks, bool *ret_is_there)
{
    const struct client *client = *client_name ? catalog_client(parent, client_name) : NULL;
    const struct route *route = client ? catalog_route(parent, client, identity) : NULL;
    struct route_target single;
    size_t n = 0;
    const struct route_target *targets = catalog_alias_targets(parent, client, identity, &single, &n);

    if (!route)
        route = catalog_route(parent, NULL, identity);
    *ret_is_there = n > 0;
    for (size_t i = 0; i < n; i++)
        if (targets[i].weight > 0 && losses_has_endpoint(targets[i].service, losses_protocol(identity),
                                                         route && route->is_unhealthy_on_empty, looks))
            return true;
    return false;
}

/* ---- before ---- */

/* False: it has been watched before. Without memory nothing is: a warning is no condition of a change. */
static bool losses_watch(struct transaction *transaction, const struct model_namespace *parent,
                         const char *client, const char *identity)
{
    size_t length1 = strlen(parent->name) + 1, length2 = strlen(client) + 1;
    size_t length = length1 + length2 + strlen(identity) + 1;
    _cleanup_free_ char *key = malloc(length);
    struct watched_alias *watched = NULL;
    bool is_there;

    if (!key)
        return false;
    memcpy(key, parent->name, length1);
    memcpy(key + length1, client, length2);
    memcpy(key + length1 + length2, identity, length - length1 - length2);
    HASH_FIND(hh, transaction->watched, key, length, watched);
    if (watched || HASH_COUNT(transaction->watched) >= LOSSES_MAX || !(watched = calloc(1, sizeof(*watched))))
        return false;
    watched->key = TAKE_PTR(key);
    watched->namespace_name = watched->key;
    watched->client = watched->key + length1;
    watched->identity = watched->key + length1 + length2;
    watched->had_endpoint =
        losses_leads_anywhere(parent, client, identity, &transaction->watch_looks, &is_there) &&
        transaction->watch_looks > 0;
    HASH_ADD_KEYPTR(hh, transaction->watched, watched->key, length, watched);
    return true;
}

/* As all see it: those without a route of their own, and each client that has one. */
static void losses_watch_alias(struct transaction *transaction, const struct model_namespace *parent,
                               const char *identity)
{
    unsigned n = 0;

    if (!losses_watch(transaction, parent, "", identity))
        return;
    for (const struct client *client = parent->clients; client && n < CLIENTS_A_ROW;
         client = client->hh.next, n++)
        if (catalog_route(parent, client, identity))
            (void)losses_watch(transaction, parent, client->name, identity);
}

static void losses_watch_ways_to(struct transaction *transaction, const struct service *service)
{
    char identity[ALIAS_IDENTITY_SIZE];

    for (size_t i = 0; i < service->n_aliases; i++)
        losses_watch_alias(transaction, service->parent, alias_identity(&service->aliases[i], identity));
    for (size_t i = 0; i < service->n_routes && i < ROUTES_A_ROW; i++)
        losses_watch_alias(transaction, service->parent, service->routes[i]->identity);
}

/* Called before the row is applied. A batch has many rows of one service, so the last one is remembered. */
void transaction_watch_row(struct transaction *transaction, const char *key)
{
    const struct model_namespace *parent;
    const struct service *service;
    struct row_name name;

    if (row_parse_key(key, &name) < 0 || !name.namespace_name)
        return;
    parent = catalog_namespace(transaction->engine->catalog, name.namespace_name);
    if (!parent)
        return;
    if (name.kind == ROW_ROUTE) {
        losses_watch_alias(transaction, parent, name.last);
        if (*name.client)
            (void)losses_watch(transaction, parent, name.client, name.last);
    } else if (name.kind == ROW_INSTANCE || name.kind == ROW_SERVICE) {
        service = catalog_service(transaction->engine->catalog, name.namespace_name, name.service);
        if (service && service->number != transaction->watched_service) {
            losses_watch_ways_to(transaction, service);
            transaction->watched_service = service->number;
        }
    }
}

void transaction_forget_watched(struct transaction *transaction)
{
    struct watched_alias *watched, *next;

    HASH_ITER (hh, transaction->watched, watched, next) {
        HASH_DEL(transaction->watched, watched);
        free(watched->key);
        free(watched);
    }
    transaction->watched_service = 0;
    transaction->watch_looks = LOSSES_LOOKS;
}

/* ---- after ---- */

void transaction_tell_losses(const struct transaction *transaction,
                             void (*tell)(const struct alias_loss *loss, void *user), void *user)
{
    unsigned looks = LOSSES_LOOKS;

    for (const struct watched_alias *watched = transaction->watched; watched; watched = watched->hh.next) {
        const struct model_namespace *parent =
            catalog_namespace(transaction->engine->catalog, watched->namespace_name);
        bool is_there = false;
        struct alias_loss loss;

        if (!watched->had_endpoint ||
            (parent && losses_leads_anywhere(parent, watched->client, watched->identity, &looks, &is_there)))
            continue;
        loss = (struct alias_loss){.namespace_name = watched->namespace_name,
                                   .client = watched->client,
                                   .identity = watched->identity,
                                   .is_gone = !is_there};
        tell(&loss, user);
    }
}

const char *alias_loss_text(const struct alias_loss *loss, char text[static ALIAS_LOSS_TEXT_SIZE])
{
    const char *whose = *loss->client ? " by tasks of " : "";

    if (loss->is_gone)
        (void)snprintf(text, ALIAS_LOSS_TEXT_SIZE,
                       "client alias %s of namespace %s goes, and had endpoints: connects to it%s%s fail",
                       loss->identity, loss->namespace_name, whose, loss->client);
    else
        (void)snprintf(
            text, ALIAS_LOSS_TEXT_SIZE,
            "no endpoint of client alias %s of namespace %s is left to be drawn: connects to it%s%s "
            "are refused until there is one",
            loss->identity, loss->namespace_name, whose, loss->client);
    return text;
}
