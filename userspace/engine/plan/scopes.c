/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/scopes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/engine_internal.h"
#include "engine/plan/numbers.h"

/* FNV-1a over 64 bits, twice with different starts: equality of a handful of configurations, no secrets. */
#define FNV_PRIME  0x100000001b3ull
#define FNV_START  0xcbf29ce484222325ull
#define FNV_START2 0x9ae16a3b2f90404full

struct digest {
    uint64_t low, high;
};

static void digest_add(struct digest *digest, const char *text)
{
    for (const char *c = text; *c; c++) {
        digest->low = (digest->low ^ (unsigned char)*c) * FNV_PRIME;
        digest->high = (digest->high ^ (unsigned char)*c) * FNV_PRIME;
    }
}

static int scopes_by_identity(const void *a, const void *b)
{
    return strcmp((*(const struct route *const *)a)->identity, (*(const struct route *const *)b)->identity);
}

static void digest_route(struct digest *digest, const struct route *route)
{
    char number[16];

    digest_add(digest, route->identity);
    for (size_t i = 0; i < route->n_targets; i++) {
        digest_add(digest, " ");
        digest_add(digest, route->targets[i].service->name);
        (void)snprintf(number, sizeof(number), "=%u", route->targets[i].weight);
        digest_add(digest, number);
    }
    /* Only where it is not the usual: names given before there was a choice stay. */
    if (route->is_unhealthy_on_empty)
        digest_add(digest, " onEmpty=unhealthy");
    digest_add(digest, "\n");
}

void scope_name(const struct model_namespace *parent, const struct client *client,
                char name[static SCOPE_NAME_SIZE])
{
    struct digest digest = {FNV_START, FNV_START2};
    _cleanup_free_ const struct route **sorted = NULL;
    const struct route *route;
    size_t n = 0;

    if (!client) {
        (void)snprintf(name, SCOPE_NAME_SIZE, "%s", parent->name);
        return;
    }
    sorted = calloc(HASH_COUNT(client->routes) + 1, sizeof(*sorted));
    for (route = client->routes; sorted && route; route = route->hh.next)
        sorted[n++] = route;
    if (n)
        qsort(sorted, n, sizeof(*sorted), scopes_by_identity);
    for (size_t i = 0; i < n; i++)
        digest_route(&digest, sorted[i]);
    if (!sorted) /* no memory to compare with others: a scope of its own */
        digest_add(&digest, client->name);
    (void)snprintf(name, SCOPE_NAME_SIZE, "%s %016" PRIx64 "%016" PRIx64, parent->name, digest.high,
                   digest.low);
}

int scope_of_task(struct engine *engine, const char *namespace_name, const char *service, uint32_t *ret_scope,
                  uint32_t *ret_namespace_scope, struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    const struct client *client = parent && *service ? catalog_client(parent, service) : NULL;
    int r = numbers_scope(engine, namespace_name, ret_namespace_scope, error);

    if (r == 0 && !kept_find_scope(engine, namespace_name, service, ret_scope))
        *ret_scope = client && client->scope ? client->scope : *ret_namespace_scope;
    return r;
}

int scope_find(const struct engine *engine, const char *namespace_name, const char *service,
               uint32_t *ret_scope)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    const struct client *client = parent && *service ? catalog_client(parent, service) : NULL;

    if (kept_find_scope(engine, namespace_name, service, ret_scope))
        return 0;
    if (client && client->scope) {
        *ret_scope = client->scope;
        return 0;
    }
    return name_numbers_find(engine->scopes, namespace_name, ret_scope);
}

int scopes_of_clients(const struct model_namespace *parent, struct client ***ret_clients, size_t *ret_n)
{
    struct client **clients = calloc(HASH_COUNT(parent->clients) + 1, sizeof(*clients));
    struct client *client;
    size_t n = 0;

    if (!clients)
        return -ENOMEM;
    for (client = parent->clients; client; client = client->hh.next) {
        bool is_listed = client->scope == 0;

        for (size_t i = 0; i < n && !is_listed; i++)
            is_listed = clients[i]->scope == client->scope;
        if (!is_listed)
            clients[n++] = client;
    }
    *ret_clients = clients;
    *ret_n = n;
    return 0;
}

bool scope_is_used(const struct model_namespace *parent, uint32_t number)
{
    const struct client *client;

    for (client = parent ? parent->clients : NULL; client; client = client->hh.next)
        if (client->scope == number)
            return true;
    return false;
}

/* Gives the number another name. */
static int rename_scope(struct engine *engine, const char *old_name, const char *new_name)
{
    uint32_t number;
    int r = name_numbers_retire(engine->scopes, old_name, &number);

    if (r < 0)
        return r;
    name_numbers_reuse(engine->scopes, number);
    return name_numbers_adopt(engine->scopes, new_name, number);
}

int scope_change_begin(struct engine *engine, const char *namespace_name, const char *client_name,
                       struct scope_change *ret_change)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    const struct client *client = parent ? catalog_client(parent, client_name) : NULL;
    struct scope_change change = {.namespace_name = strdup(namespace_name), .client = strdup(client_name)};
    char name[SCOPE_NAME_SIZE];

    if (client && client->scope) {
        scope_name(parent, client, name);
        change.old_name = strdup(name);
        change.old_number = client->scope;
    }
    if (!change.namespace_name || !change.client || (change.old_number && !change.old_name)) {
        scope_change_done(&change);
        return -ENOMEM;
    }
    *ret_change = change;
    return 0;
}

int scope_change_plan(struct engine *engine, struct scope_change *change, struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, change->namespace_name);
    struct client *client = parent ? catalog_client(parent, change->client) : NULL;
    char name[SCOPE_NAME_SIZE];
    int r = 0;

    if (!client)
        return 0;
    scope_name(parent, client, name);
    change->new_name = strdup(name);
    if (!change->new_name)
        return error_errno(error, ENOMEM, "numbering the scope of %s", change->client);
    client->scope = 0;
    if (name_numbers_find(engine->scopes, name, &change->new_number) < 0) {
        if (change->old_number && !scope_is_used(parent, change->old_number)) {
            r = rename_scope(engine, change->old_name, name);
            change->is_renamed = r == 0;
            change->new_number = change->old_number;
        } else {
            r = name_numbers_take(engine->scopes, name, &change->new_number);
            change->is_new = r == 0;
        }
    }
    if (r < 0)
        return error_errno(error, r, "numbering the scope of %s", change->client);
    client->scope = change->new_number;
    if (change->new_number != change->old_number)
        numbers_remember_client(engine, change->namespace_name, change->client, change->new_number);
    return 0;
}

void scope_change_undo(struct engine *engine, const struct scope_change *change)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, change->namespace_name);
    struct client *client = parent ? catalog_client(parent, change->client) : NULL;
    uint32_t number;

    if (change->is_renamed)
        (void)rename_scope(engine, change->new_name, change->old_name);
    else if (change->is_new && name_numbers_retire(engine->scopes, change->new_name, &number) == 0)
        name_numbers_reuse(engine->scopes, number);
    if (change->new_number && change->new_number != change->old_number)
        numbers_forget_client(engine, change->namespace_name, change->client);
    if (client)
        client->scope = change->old_number;
}

void scope_change_done(struct scope_change *change)
{
    free(change->namespace_name);
    free(change->client);
    free(change->old_name);
    free(change->new_name);
    *change = (struct scope_change){0};
}

int scopes_number_clients(struct engine *engine, struct error *error)
{
    struct model_namespace *parent;
    struct client *client;

    for (parent = engine->catalog->namespaces; parent; parent = parent->hh.next)
        for (client = parent->clients; client; client = client->hh.next) {
            char name[SCOPE_NAME_SIZE];
            bool is_known;
            uint32_t number;
            int r;

            scope_name(parent, client, name);
            is_known = name_numbers_find(engine->scopes, name, &number) == 0;
            r = name_numbers_take(engine->scopes, name, &client->scope);
            if (r < 0)
                return error_errno(error, r, "numbering the scope of %s", client->name);
            if (!is_known)
                numbers_remember_client(engine, parent->name, client->name, client->scope);
        }
    return 0;
}
