/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/engine_internal.h"
#include "engine/plan/scopes.h"
#include "engine/plan/tables.h"
#include "model/endpoint_names.h"
#include "model/aliases.h"
#include <svcconnect/decision.h>

void wanted_list_done(struct wanted_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        wanted_alias_done(&list->items[i]);
    for (size_t i = 0; i < list->n_texts; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->items);
    *list = (struct wanted_list){0};
}

/* Who may call the alias: those whom every service allows that a connect may be led to. */
static int want_policy(struct engine *engine, const struct route_target *targets, size_t n,
                       struct wanted_alias *wanted, struct error *error)
{
    _cleanup_free_ const struct service **services = NULL;
    uint32_t number = 0;
    size_t n_services = 0;
    int r;

    for (size_t t = 0; t < n; t++)
        n_services += service_get_settings(targets[t].service)->allow_from && targets[t].weight > 0;
    if (n_services == 0)
        return 0;
    services = calloc(n_services, sizeof(*services));
    if (!services)
        return error_errno(error, ENOMEM, "planning who may call %s", wanted->alias.dns_name);
    n_services = 0;
    for (size_t t = 0; t < n; t++)
        if (service_get_settings(targets[t].service)->allow_from && targets[t].weight > 0)
            services[n_services++] = targets[t].service;
    r = followers_policy(engine, services, n_services, &number, error);
    if (r == 0)
        wanted->flags |= number << SVC_POLICY_SHIFT;
    return r;
}

int want_alias(struct engine *engine, const char *namespace_name, const struct client *client,
               const struct client_alias *alias, struct wanted_alias *ret_wanted, struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    char identity[ALIAS_IDENTITY_SIZE];
    const struct route_target *targets = NULL;
    struct route_target single;
    size_t n_targets = 0;
    uint32_t number = 0;
    int r;

    *ret_wanted = (struct wanted_alias){
        .namespace_name = namespace_name,
        .client = client ? client->name : "",
        .alias = *alias,
        .scope = client ? client->scope : 0,
    };
    r = client ? 0 : numbers_scope(engine, namespace_name, &ret_wanted->scope, error);
    if (r < 0)
        return r;
    if (parent)
        targets = catalog_alias_targets(parent, client, alias_identity(alias, identity), &single, &n_targets);
    ret_wanted->exists = n_targets > 0;
    if (!ret_wanted->exists)
        return 0;
    r = numbers_address(engine, alias->dns_name, &number, error);
    if (r < 0)
        return r;
    ret_wanted->address = alias_range_address(&engine->settings.alias_range, number);
    ret_wanted->address6 = alias_range_address6(&engine->settings.alias_range, number);
    r = wanted_tables_build(parent, client, ret_wanted);
    if (r == -E2BIG)
        return error_set(error, ENOSPC, "%s: more than %u eligible endpoints in one table",
                         alias_identity(alias, identity), SVC_MAX_TABLE_SLOTS);
    return r < 0 ? error_errno(error, r, "building the table of %s", alias->dns_name)
                 : want_policy(engine, targets, n_targets, ret_wanted, error);
}

int wanted_list_grow(struct wanted_list *list, size_t more)
{
    size_t capacity = list->capacity ? list->capacity : 8;
    struct wanted_alias *larger;

    while (capacity < list->n + more)
        capacity *= 2;
    if (capacity == list->capacity)
        return 0;
    larger = realloc(list->items, capacity * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    list->items = larger;
    list->capacity = capacity;
    return 0;
}

/* The list's own copy, or one of the last two if that says the same. NULL: no memory. */
static const char *own_text(struct wanted_list *list, const char *text)
{
    char **larger;
    char *copy;

    if (!*text)
        return "";
    for (size_t back = 1; back <= 2 && back <= list->n_texts; back++)
        if (strcmp(list->texts[list->n_texts - back], text) == 0)
            return list->texts[list->n_texts - back];
    larger = list->n_texts & (list->n_texts - 1)
                 ? list->texts
                 : realloc(list->texts, (list->n_texts ? list->n_texts * 2 : 1) * sizeof(char *));
    if (!larger)
        return NULL;
    list->texts = larger;
    copy = strdup(text);
    if (copy)
        list->texts[list->n_texts++] = copy;
    return copy;
}

int wanted_list_note(struct wanted_list *list, const char *namespace_name, const struct client *client,
                     const struct client_alias *alias)
{
    struct wanted_alias noted = {
        .namespace_name = own_text(list, namespace_name),
        .client = own_text(list, client ? client->name : ""),
        .alias = *alias,
    };
    int r = noted.namespace_name && noted.client ? wanted_list_grow(list, 1) : -ENOMEM;

    if (r == 0)
        list->items[list->n++] = noted;
    return r;
}

int wanted_list_note_scope(struct wanted_list *list, const struct model_namespace *parent,
                           const struct client *client)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    size_t n = 0;
    int r = alias_list_build(parent, client, &aliases, &n);

    for (size_t i = 0; i < n && r == 0; i++)
        r = wanted_list_note(list, parent->name, client, &aliases[i]);
    return r;
}

int want_noted(struct engine *engine, struct wanted_alias *noted, struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, noted->namespace_name);
    const struct client *client = parent && *noted->client ? catalog_client(parent, noted->client) : NULL;
    const char *client_name = noted->client;
    int r = want_alias(engine, noted->namespace_name, client, &noted->alias, noted, error);

    noted->client = client_name;
    return r;
}

int want_scope(struct engine *engine, const struct model_namespace *parent, const struct client *client,
               struct wanted_list *list, struct error *error)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    size_t n = 0;
    int r = alias_list_build(parent, client, &aliases, &n);

    if (r == 0)
        r = wanted_list_grow(list, n);
    if (r < 0)
        return error_errno(error, r, "listing aliases");
    for (size_t i = 0; i < n; i++) {
        r = want_alias(engine, parent->name, client, &aliases[i], &list->items[list->n++], error);
        if (r < 0)
            return r;
    }
    return 0;
}

void withdraw_scope(struct engine *engine, uint32_t scope)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    _cleanup_(wanted_list_done) struct wanted_list list = {0};
    struct publication *publication = NULL;
    size_t n = 0;

    /* Without memory the aliases stay published: nobody sees them, and the next start removes them. */
    if (publisher_list_scope(engine->publisher, scope, &aliases, &n) < 0 || wanted_list_grow(&list, n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        list.items[list.n++] = (struct wanted_alias){.scope = scope, .alias = aliases[i]};
    if (publisher_prepare(engine->publisher, list.items, list.n, false, &publication, NULL) == 0)
        (void)publisher_commit(engine->publisher, &publication);
    publisher_retire_scope(engine->publisher, scope);
}
