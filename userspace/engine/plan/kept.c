/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/change/transaction_internal.h"
#include "model/aliases.h"
#include "model/endpoint_names.h"
#include "engine/plan/scopes.h"
#include "engine/plan/tables.h"
#include "registry/rows.h"
#include "routing/table_merge.h"

/* ---- start ---- */

/* A number that nobody may be given: no name of ours has such a character. -EBUSY: somebody
 * has it already. */
static void reserve(struct name_numbers *numbers, uint32_t number)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "\x01kept %u", number);
    (void)name_numbers_adopt(numbers, name, number);
}

/* Has the catalog the same scope for the client? */
static bool is_accounted_for(const struct engine *engine, const struct svc_task *task)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, task->namespace);
    const struct client *client = parent ? catalog_client(parent, task->service) : NULL;
    char name[SCOPE_NAME_SIZE];
    uint32_t number;

    if (!client)
        return false;
    scope_name(parent, client, name);
    return name_numbers_find(engine->scopes, name, &number) == 0 && number == task->scope;
}

static int kept_on_task(uint64_t cgroup_id, const struct svc_task *entry, void *user)
{
    struct engine *engine = user;
    struct svc_task task = *entry;
    uint32_t scope, namespace_scope, known;

    task.namespace[sizeof(task.namespace) - 1] = '\0';
    task.service[sizeof(task.service) - 1] = '\0';
    if (datapath_get_scope(engine->datapath, cgroup_id, &scope, &namespace_scope) < 0)
        return 0;
    (void)name_numbers_adopt(engine->scopes, task.namespace, namespace_scope);
    if (task.scope == namespace_scope || !task.service[0] || is_accounted_for(engine, &task) ||
        kept_find_scope(engine, task.namespace, task.service, &known))
        return 0;
    reserve(engine->scopes, task.scope);
    return kept_add_scope(engine, task.namespace, task.service, task.scope);
}

static int kept_on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    struct engine *engine = user;

    if (alias->client[0])
        reserve(engine->scopes, key->scope);
    return 0;
}

static int kept_on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    struct engine *engine = user;

    (void)endpoint;
    reserve(engine->endpoints, number);
    return 0;
}

int kept_adopt(struct engine *engine, struct error *error)
{
    int r;

    if (!registry_guard_is_degraded(&engine->guard))
        return 0;
    r = datapath_each_task(engine->datapath, kept_on_task, engine);
    if (r == 0)
        r = datapath_each_alias(engine->datapath, kept_on_alias, engine);
    if (r == 0)
        r = datapath_each_endpoint(engine->datapath, kept_on_endpoint, engine);
    return r < 0 ? error_errno(error, r, "reading the pinned maps") : 0;
}

int kept_choose(struct engine *engine, struct wanted_list *wanted, struct error *error)
{
    int r = registry_guard_is_degraded(&engine->guard)
                ? publisher_keep(engine->publisher, wanted->items, &wanted->n)
                : 0;

    return r < 0 ? error_errno(error, r, "keeping what is published") : 0;
}

void kept_forget(struct engine *engine)
{
    kept_done(&engine->kept);
    publisher_forget_kept(engine->publisher);
}

/* ---- changes ---- */

/* Did somebody set or clear the route of just this alias? */
static bool names_route(const struct transaction *transaction, const struct wanted_alias *wanted)
{
    char identity[ALIAS_IDENTITY_SIZE];

    (void)alias_identity(&wanted->alias, identity);
    for (size_t i = 0; i < transaction->n_rows && !transaction->is_own; i++) {
        struct row_name name;

        if (row_parse_key(transaction->rows[i].key, &name) == 0 && name.kind == ROW_ROUTE &&
            strcmp(name.namespace_name, wanted->namespace_name) == 0 && strcmp(name.last, identity) == 0 &&
            (!*name.client || *wanted->client))
            return true;
    }
    return false;
}

/* Somebody changes the instance itself: what the catalog says of it then holds. */
static bool names_endpoint(const struct transaction *transaction, uint32_t number)
{
    struct touched *touched, *next;

    if (transaction->is_own)
        return false;
    HASH_ITER (hh, transaction->instances, touched, next) {
        char name[ENDPOINT_NAME_SIZE];
        uint32_t found;

        (void)endpoint_name_of(touched->namespace_name, touched->service, touched->instance, name);
        if (name_numbers_find(transaction->engine->endpoints, name, &found) == 0 && found == number)
            return true;
    }
    return false;
}

static int kept_copy_kept(const struct transaction *transaction, const struct kept_alias *kept,
                          struct wanted_alias *wanted)
{
    wanted->is_kept = true;
    wanted->kept = malloc((kept->n_kept + 1) * sizeof(*wanted->kept));
    if (!wanted->kept)
        return -ENOMEM;
    for (size_t i = 0; i < kept->n_kept; i++)
        if (!names_endpoint(transaction, kept->kept[i]))
            wanted->kept[wanted->n_kept++] = kept->kept[i];
    wanted->is_kept = wanted->n_kept > 0;
    return 0;
}

static int merge_tables(const struct kept_alias *kept, struct wanted_alias *wanted)
{
    bool is_one = wanted->slots4 == wanted->slots6 && kept->slots4 == kept->slots6;
    struct svc_slot *slots4 = NULL;
    struct svc_slot *slots6 = NULL;
    uint32_t count4 = 0;
    uint32_t count6 = 0;
    int r = table_merge(kept->slots4, kept->count4, wanted->kept, wanted->n_kept, wanted->slots4,
                        wanted->count4, &slots4, &count4);

    if (r == 0 && !is_one)
        r = table_merge(kept->slots6, kept->count6, wanted->kept, wanted->n_kept, wanted->slots6,
                        wanted->count6, &slots6, &count6);
    if (r < 0) {
        free(slots4);
        return r;
    }
    if (wanted->slots6 != wanted->slots4)
        free(wanted->slots6);
    free(wanted->slots4);
    wanted->slots4 = slots4;
    wanted->count4 = count4;
    wanted->slots6 = is_one ? slots4 : slots6;
    wanted->count6 = is_one ? count4 : count6;
    return 0;
}

int kept_merge(struct transaction *transaction, uint32_t from, struct wanted_alias *wanted,
               bool *ret_is_dropped, struct error *error)
{
    struct kept_alias kept;
    int r;

    *ret_is_dropped = false;
    if (publisher_find_kept(transaction->engine->publisher, from, &wanted->alias, &kept) < 0 ||
        names_route(transaction, wanted))
        return 0;
    if (!wanted->exists) {
        *ret_is_dropped = transaction->is_own;
        return 0;
    }
    r = kept_copy_kept(transaction, &kept, wanted);
    if (r == 0 && wanted->is_kept) {
        kept_keep_policy(transaction, &kept, wanted);
        r = merge_tables(&kept, wanted);
    }
    if (r == -E2BIG)
        return error_set(
            error, ENOSPC,
            "%s: too many endpoints in one table, with those that are kept because the registry is "
            "not the right one",
            wanted->alias.dns_name);
    return r < 0 ? error_errno(error, r, "preparing a change") : 0;
}

static bool is_same_alias(const struct client_alias *a, const struct client_alias *b)
{
    return a->port == b->port && a->protocol == b->protocol && strcmp(a->dns_name, b->dns_name) == 0;
}

int kept_want(struct transaction *transaction, const char *namespace_name, const struct client_alias *alias,
              struct wanted_list *list, struct error *error)
{
    struct engine *engine = transaction->engine;
    int r = 0;

    for (size_t i = 0; i < engine->kept.n && r == 0; i++) {
        const struct kept_scope *scope = &engine->kept.items[i];
        struct kept_alias kept;
        bool is_wanted = false;

        for (size_t k = 0; k < list->n; k++)
            is_wanted |= list->items[k].scope == scope->number && is_same_alias(&list->items[k].alias, alias);
        if (is_wanted || strcmp(scope->namespace_name, namespace_name) != 0 ||
            publisher_find_kept(engine->publisher, scope->number, alias, &kept) == 0)
            continue;
        if (wanted_list_grow(list, 1) < 0)
            return error_errno(error, ENOMEM, "preparing a change");
        r = want_alias(engine, namespace_name, NULL, alias, &list->items[list->n], error);
        list->items[list->n].scope = scope->number;
        list->items[list->n++].client = scope->client;
    }
    return r;
}

static struct svc_slot *copy_slots(const struct svc_slot *slots, uint32_t count, int *r)
{
    struct svc_slot *copy = count ? malloc(count * sizeof(*copy)) : NULL;

    if (copy)
        memcpy(copy, slots, count * sizeof(*copy));
    else if (count)
        *r = -ENOMEM;
    return copy;
}

/* As it is, in another scope. */
static int want_copy(struct transaction *transaction, const struct scope_change *change,
                     const struct client_alias *alias, const struct kept_alias *kept,
                     struct wanted_alias *ret_wanted)
{
    bool is_one = kept->slots4 == kept->slots6;
    int r = 0;

    *ret_wanted = (struct wanted_alias){
        .scope = change->new_number,
        .namespace_name = change->namespace_name,
        .client = change->client,
        .alias = *alias,
        .exists = true,
        .address = kept->address,
        .address6 = kept->address6,
        .count4 = kept->count4,
        .count6 = kept->count6,
        .stickiness_ms = kept->service->stickiness_ms,
        .flags = kept->service->flags,
    };
    ret_wanted->slots4 = copy_slots(kept->slots4, kept->count4, &r);
    ret_wanted->slots6 = is_one ? ret_wanted->slots4 : copy_slots(kept->slots6, kept->count6, &r);
    if (r == 0)
        r = kept_copy_kept(transaction, kept, ret_wanted);
    ret_wanted->is_kept = true;
    return r;
}

int kept_want_scope(struct transaction *transaction, const struct scope_change *change,
                    struct wanted_list *list, struct error *error)
{
    struct engine *engine = transaction->engine;
    _cleanup_free_ struct client_alias *aliases = NULL;
    uint32_t from = change->old_number;
    size_t n = 0;
    int r;

    if (!registry_guard_is_degraded(&engine->guard))
        return 0;
    if (!kept_find_scope(engine, change->namespace_name, change->client, &from) && from == 0 &&
        name_numbers_find(engine->scopes, change->namespace_name, &from) < 0)
        return 0;
    r = publisher_list_kept(engine->publisher, from, &aliases, &n);
    if (r == 0)
        r = wanted_list_grow(list, n);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct kept_alias kept;
        bool is_dropped;
        size_t k = 0;

        while (k < list->n && (list->items[k].scope != change->new_number ||
                               !is_same_alias(&list->items[k].alias, &aliases[i])))
            k++;
        if (k < list->n) {
            r = kept_merge(transaction, from, &list->items[k], &is_dropped, error);
            if (r < 0)
                return r;
        } else if (publisher_find_kept(engine->publisher, from, &aliases[i], &kept) == 0) {
            r = want_copy(transaction, change, &aliases[i], &kept, &list->items[list->n++]);
        }
    }
    return r < 0 ? error_errno(error, r, "preparing a change") : 0;
}

/* ---- names ---- */

/* The scope whose names a client's tasks know. */
static int scope_of(const struct engine *engine, const char *namespace_name, const struct client *known,
                    const char *client, uint32_t *ret_scope)
{
    if (kept_find_scope(engine, namespace_name, client, ret_scope))
        return 0;
    if (!known || !known->scope)
        return name_numbers_find(engine->scopes, namespace_name, ret_scope);
    *ret_scope = known->scope;
    return 0;
}

int kept_list_names(const struct engine *engine, const char *namespace_name, const char *client,
                    struct client_alias **ret_aliases, size_t *ret_n)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    const struct client *known = parent && *client ? catalog_client(parent, client) : NULL;
    _cleanup_free_ struct client_alias *aliases = NULL;
    _cleanup_free_ struct client_alias *kept = NULL;
    struct client_alias *both;
    size_t n = 0;
    size_t n_kept = 0;
    uint32_t scope;
    int r = parent ? alias_list_build(parent, known, &aliases, &n) : 0;

    if (r == 0 && registry_guard_is_degraded(&engine->guard) &&
        scope_of(engine, namespace_name, known, client, &scope) == 0)
        r = publisher_list_kept(engine->publisher, scope, &kept, &n_kept);
    if (r < 0)
        return r;
    both = realloc(aliases, (n + n_kept + 1) * sizeof(*both));
    if (!both)
        return -ENOMEM;
    aliases = NULL;
    for (size_t i = 0; i < n_kept; i++) {
        char identity[ALIAS_IDENTITY_SIZE];
        struct route_target single;
        size_t n_targets = 0;

        if (parent)
            (void)catalog_alias_targets(parent, known, alias_identity(&kept[i], identity), &single,
                                        &n_targets);
        if (n_targets == 0)
            both[n++] = kept[i];
    }
    *ret_aliases = both;
    *ret_n = n;
    return 0;
}
