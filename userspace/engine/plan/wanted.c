/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/daemon.h"
#include "engine/plan/kept.h"
#include "upkeep/probes.h"
#include "engine/plan/scopes.h"
#include "engine/plan/tables.h"
#include <svcconnect/decision.h>

void wanted_list_done(struct wanted_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        wanted_alias_done(&list->items[i]);
    free(list->items);
    *list = (struct wanted_list){0};
}

int want_alias(struct daemon *daemon, const char *namespace_name, const struct client *client,
               const struct client_alias *alias, struct wanted_alias *ret_wanted, struct error *error)
{
    const struct model_namespace *parent = catalog_namespace(daemon->catalog, namespace_name);
    char identity[ALIAS_IDENTITY_SIZE];
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
    r = client ? 0 : numbers_scope(daemon, namespace_name, &ret_wanted->scope, error);
    if (r < 0)
        return r;
    if (parent)
        (void)catalog_alias_targets(parent, client, alias_identity(alias, identity), &single, &n_targets);
    ret_wanted->exists = n_targets > 0;
    if (!ret_wanted->exists)
        return 0;
    r = numbers_address(daemon, alias->dns_name, &number, error);
    if (r < 0)
        return r;
    ret_wanted->address = config_alias_address(&daemon->config, number);
    ret_wanted->address6 = config_alias_address6(&daemon->config, number);
    r = wanted_tables_build(parent, client, ret_wanted);
    if (r == -E2BIG)
        return error_set(error, ENOSPC, "%s: more than %u eligible endpoints in one table",
                         alias_identity(alias, identity), SVC_MAX_TABLE_SLOTS);
    return r < 0 ? error_errno(error, r, "building the table of %s", alias->dns_name) : 0;
}

/* ---- everything ---- */

int wanted_list_grow(struct wanted_list *list, size_t more)
{
    struct wanted_alias *larger = realloc(list->items, (list->n + more + 1) * sizeof(*larger));

    if (!larger)
        return -ENOMEM;
    list->items = larger;
    return 0;
}

int want_scope(struct daemon *daemon, const struct model_namespace *parent, const struct client *client,
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
        r = want_alias(daemon, parent->name, client, &aliases[i], &list->items[list->n++], error);
        if (r < 0)
            return r;
    }
    return 0;
}

void withdraw_scope(struct daemon *daemon, uint32_t scope)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    _cleanup_(wanted_list_done) struct wanted_list list = {0};
    struct publication *publication = NULL;
    size_t n = 0;

    /* Without memory the aliases stay published: nobody sees them, and the next start removes them. */
    if (publisher_list_scope(daemon->publisher, scope, &aliases, &n) < 0 || wanted_list_grow(&list, n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        list.items[list.n++] = (struct wanted_alias){.scope = scope, .alias = aliases[i]};
    if (publisher_prepare(daemon->publisher, list.items, list.n, false, &publication, NULL) == 0)
        (void)publisher_commit(daemon->publisher, &publication);
    publisher_retire_scope(daemon->publisher, scope);
}

static int want_namespace(struct daemon *daemon, const struct model_namespace *parent,
                          struct wanted_list *list, struct error *error)
{
    _cleanup_free_ struct client **clients = NULL;
    size_t n = 0;
    int r = want_scope(daemon, parent, NULL, list, error);

    if (r == 0 && (r = scopes_of_clients(parent, &clients, &n)) < 0)
        return error_errno(error, r, "listing scopes");
    for (size_t i = 0; i < n && r == 0; i++)
        r = want_scope(daemon, parent, clients[i], list, error);
    return r;
}

struct stale_endpoint {
    uint32_t number;
    char *name;
};

/* What the kernel's `endpoints` needs, found in one walk; entries are written afterwards, not under the walk.
 */
struct endpoint_plan {
    struct daemon *daemon;
    struct instance **by_number; /* registered ones whose entry is not right yet */
    bool *is_registered;
    struct stale_endpoint *stale;
    size_t n_stale;
    bool is_old_map; /* the walk reads another map than the one in use */
};

static void endpoint_plan_done(struct endpoint_plan *plan)
{
    free(plan->by_number);
    free(plan->is_registered);
    for (size_t i = 0; i < plan->n_stale; i++)
        free(plan->stale[i].name);
    free(plan->stale);
}

static int number_instances(struct endpoint_plan *plan, struct error *error)
{
    struct daemon *daemon = plan->daemon;
    struct model_namespace *parent, *next_parent;
    struct service *service, *next_service;
    struct instance *instance, *next_instance;

    HASH_ITER (hh, daemon->catalog->namespaces, parent, next_parent)
        HASH_ITER (hh, parent->services, service, next_service)
            HASH_ITER (hh, service->instances, instance, next_instance) {
                int r = numbers_endpoint(daemon, instance, error);

                if (r < 0)
                    return r;
                plan->by_number[instance->endpoint] = instance;
                daemon->instances[instance->endpoint] = instance;
                plan->is_registered[instance->endpoint] = true;
            }
    return 0;
}

static int on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    struct endpoint_plan *plan = user;
    struct svc_endpoint wanted;

    if (number == 0 || number > plan->daemon->config.max_endpoints)
        return 0;
    if (!plan->is_registered[number]) {
        char name[ENDPOINT_NAME_SIZE];

        (void)entry_instance(plan->daemon->catalog, endpoint, name);
        plan->stale[plan->n_stale].number = number;
        plan->stale[plan->n_stale].name = strdup(name);
        if (!plan->stale[plan->n_stale].name)
            return -ENOMEM;
        plan->n_stale++;
    } else if (!plan->is_old_map && plan->by_number[number]) {
        endpoint_entry(plan->by_number[number], &wanted);
        if (memcmp(&wanted, endpoint, sizeof(wanted)) == 0)
            plan->by_number[number] = NULL;
    }
    return 0;
}

static int plan_endpoints(struct endpoint_plan *plan, struct error *error)
{
    size_t n = (size_t)plan->daemon->config.max_endpoints + 1;
    int r;

    plan->by_number = calloc(n, sizeof(struct instance *));
    plan->is_registered = calloc(n, sizeof(*plan->is_registered));
    plan->stale = calloc(n, sizeof(*plan->stale));
    plan->is_old_map = datapath_origin(plan->daemon->datapath) == DATAPATH_MIGRATED;
    if (!plan->by_number || !plan->is_registered || !plan->stale)
        return error_errno(error, ENOMEM, "starting");
    r = number_instances(plan, error);
    if (r == 0 && datapath_each_endpoint(plan->daemon->datapath, on_endpoint, plan) < 0)
        r = error_set(error, EIO, "reading the pinned endpoints");
    return r;
}

static int write_endpoints(const struct endpoint_plan *plan, struct error *error)
{
    int r;

    datapath_hold(plan->daemon->datapath);
    for (uint32_t number = 1; number <= plan->daemon->config.max_endpoints; number++) {
        struct svc_endpoint entry;

        if (!plan->by_number[number])
            continue;
        endpoint_entry(plan->by_number[number], &entry);
        r = datapath_put_endpoint(plan->daemon->datapath, number, &entry);
        if (r < 0) {
            (void)datapath_release(plan->daemon->datapath);
            return error_errno(error, r, "writing endpoint %u", number);
        }
    }
    r = datapath_release(plan->daemon->datapath);
    return r < 0 ? error_errno(error, r, "writing endpoints") : 0;
}

static void remove_stale(const struct endpoint_plan *plan)
{
    for (size_t i = 0; i < plan->n_stale; i++) {
        uint32_t number;

        (void)datapath_delete_endpoint(plan->daemon->datapath, plan->stale[i].number);
        /* Entries of addresses of a name that is none any more look alike: the name may be of another number.
         */
        if (name_numbers_find(plan->daemon->endpoints, plan->stale[i].name, &number) == 0 &&
            number == plan->stale[i].number &&
            name_numbers_retire(plan->daemon->endpoints, plan->stale[i].name, &number) == 0)
            publisher_retire_endpoint(plan->daemon->publisher, number);
    }
}

/* Every instance is what it was; from now on changes are noticed. */
static void begin_care(struct daemon *daemon)
{
    for (uint32_t number = 1; number <= daemon->config.max_endpoints; number++) {
        struct instance *instance = daemon->instances[number];

        if (!instance)
            continue;
        slow_start_put(daemon, instance);
        probes_put(daemon, instance);
        drains_put(daemon, instance);
    }
}

static int save_numbers(struct daemon *daemon, struct error *error)
{
    uint64_t revision;
    int r = daemon->unsaved.n > 0
                ? registry_commit(daemon->registry, daemon->unsaved.rows, daemon->unsaved.n, &revision, error)
                : 0;

    if (r == 0)
        numbers_saved(daemon);
    return r;
}

static int want_everything(struct daemon *daemon, struct wanted_list *wanted, struct error *error)
{
    struct model_namespace *parent, *next;
    int r = scopes_number_clients(daemon, error);

    HASH_ITER (hh, daemon->catalog->namespaces, parent, next) {
        if (r == 0)
            r = want_namespace(daemon, parent, wanted, error);
    }
    return r;
}

/* What is published and not among the wanted goes, with `is_everything`. */
static int publish(struct daemon *daemon, const struct wanted_list *wanted, bool is_everything,
                   struct error *error)
{
    struct publication *publication = NULL;
    int r =
        publisher_prepare(daemon->publisher, wanted->items, wanted->n, is_everything, &publication, error);

    if (r < 0)
        return r;
    r = publisher_commit(daemon->publisher, &publication);
    return r < 0 ? error_errno(error, r, "publishing") : 0;
}

int publish_everything(struct daemon *daemon, struct error *error)
{
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    _cleanup_(endpoint_plan_done) struct endpoint_plan plan = {.daemon = daemon};
    struct publication *publication = NULL;
    bool is_degraded = registry_guard_is_degraded(&daemon->guard);
    int r = plan_endpoints(&plan, error);

    if (r == 0)
        r = want_everything(daemon, &wanted, error);
    if (r == 0)
        r = kept_choose(daemon, &wanted, error);
    if (r == 0)
        r = publisher_prepare(daemon->publisher, wanted.items, wanted.n, false, &publication, error);
    if (r == 0)
        r = save_numbers(daemon, error);
    if (r == 0)
        r = write_endpoints(&plan, error);
    if (r == 0)
        r = outliers_adopt(daemon, error);
    if (r < 0) {
        publisher_abort(daemon->publisher, &publication);
        return r;
    }
    r = publisher_commit(daemon->publisher, &publication);
    if (r < 0)
        return error_errno(error, r, "publishing");
    /* A task may still be in a scope that goes: it moves before anything is taken away. */
    r = task_list_adopt(daemon, error);
    if (r == 0 && !is_degraded)
        r = publish(daemon, &wanted, true, error);
    if (r < 0)
        return r;
    if (!is_degraded)
        remove_stale(&plan);
    registry_guard_published(daemon, registry_revision(daemon->registry));
    begin_care(daemon);
    publisher_begin_grace(daemon->publisher);
    return 0;
}

int republish_everything(struct daemon *daemon, struct error *error)
{
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    _cleanup_(endpoint_plan_done) struct endpoint_plan plan = {.daemon = daemon};
    int r = plan_endpoints(&plan, error);

    if (r == 0)
        r = want_everything(daemon, &wanted, error);
    if (r == 0)
        r = save_numbers(daemon, error);
    if (r == 0)
        r = publish(daemon, &wanted, false, error);
    if (r < 0)
        return r;
    task_list_rescope_all(daemon);
    r = publish(daemon, &wanted, true, error);
    if (r < 0)
        return r;
    remove_stale(&plan);
    outliers_forget_strangers(daemon);
    publisher_begin_grace(daemon->publisher);
    return 0;
}
