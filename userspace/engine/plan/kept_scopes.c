/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The scopes with routes of their own that only the pins know of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/change/transaction_internal.h"
#include "engine/plan/kept.h"

int kept_add_scope(struct engine *engine, const char *namespace_name, const char *client, uint32_t number)
{
    struct kept_scopes *scopes = &engine->kept;
    struct kept_scope *larger = realloc(scopes->items, (scopes->n + 1) * sizeof(*larger));
    struct kept_scope *scope;

    if (!larger)
        return -ENOMEM;
    scopes->items = larger;
    scope = &larger[scopes->n++];
    *scope = (struct kept_scope){strdup(namespace_name), strdup(client), number};
    return scope->namespace_name && scope->client ? 0 : -ENOMEM;
}

static struct kept_scope *find_scope(const struct engine *engine, const char *namespace_name,
                                     const char *client)
{
    for (size_t i = 0; i < engine->kept.n; i++)
        if (strcmp(engine->kept.items[i].namespace_name, namespace_name) == 0 &&
            strcmp(engine->kept.items[i].client, client) == 0)
            return &engine->kept.items[i];
    return NULL;
}

bool kept_find_scope(const struct engine *engine, const char *namespace_name, const char *client,
                     uint32_t *ret_scope)
{
    const struct kept_scope *scope = find_scope(engine, namespace_name, client);

    if (scope)
        *ret_scope = scope->number;
    return scope != NULL;
}

static void free_scope(struct kept_scope *scope)
{
    free(scope->namespace_name);
    free(scope->client);
}

void kept_release_clients(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;

    for (size_t i = 0; i < transaction->n_scopes && !transaction->is_own; i++) {
        struct kept_scope *scope =
            find_scope(engine, transaction->scopes[i].namespace_name, transaction->scopes[i].client);

        if (!scope)
            continue;
        free_scope(scope);
        *scope = engine->kept.items[--engine->kept.n];
    }
}

void kept_done(struct kept_scopes *scopes)
{
    for (size_t i = 0; i < scopes->n; i++)
        free_scope(&scopes->items[i]);
    free(scopes->items);
    *scopes = (struct kept_scopes){0};
}
