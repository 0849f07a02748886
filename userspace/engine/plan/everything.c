/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The start: everything in the catalog is numbered, compared with what the kernel holds, and published. */
#include "engine/engine_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/scopes.h"
#include "engine/plan/wanted.h"
#include "model/endpoint_names.h"

static int want_namespace(struct engine *engine, const struct model_namespace *parent,
                          struct wanted_list *list, struct error *error)
{
    _cleanup_free_ struct client **clients = NULL;
    size_t n = 0;
    int r = want_scope(engine, parent, NULL, list, error);

    if (r == 0 && (r = scopes_of_clients(parent, &clients, &n)) < 0)
        return error_errno(error, r, "listing scopes");
    for (size_t i = 0; i < n && r == 0; i++)
        r = want_scope(engine, parent, clients[i], list, error);
    return r;
}

struct stale_endpoint {
    uint32_t number;
    char *name;
};

/* What the kernel's `endpoints` needs, found in one walk; entries are written afterwards, not
 * under the walk. */
struct endpoint_plan {
    struct engine *engine;
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
    struct engine *engine = plan->engine;
    struct model_namespace *parent, *next_parent;
    struct service *service, *next_service;
    struct instance *instance, *next_instance;

    HASH_ITER (hh, engine->catalog->namespaces, parent, next_parent)
        HASH_ITER (hh, parent->services, service, next_service)
            HASH_ITER (hh, service->instances, instance, next_instance) {
                int r = numbers_endpoint(engine, instance, error);

                if (r < 0)
                    return r;
                plan->by_number[instance->endpoint] = instance;
                engine->instances[instance->endpoint] = instance;
                plan->is_registered[instance->endpoint] = true;
            }
    return 0;
}

static int everything_on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    struct endpoint_plan *plan = user;
    struct svc_endpoint wanted;

    if (number == 0 || number > plan->engine->settings.max_endpoints)
        return 0;
    if (!plan->is_registered[number]) {
        char name[ENDPOINT_NAME_SIZE];

        (void)entry_instance(plan->engine->catalog, endpoint, name);
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
    size_t n = (size_t)plan->engine->settings.max_endpoints + 1;
    int r;

    plan->by_number = calloc(n, sizeof(struct instance *));
    plan->is_registered = calloc(n, sizeof(*plan->is_registered));
    plan->stale = calloc(n, sizeof(*plan->stale));
    plan->is_old_map = datapath_origin(plan->engine->datapath) == DATAPATH_MIGRATED;
    if (!plan->by_number || !plan->is_registered || !plan->stale)
        return error_errno(error, ENOMEM, "starting");
    r = number_instances(plan, error);
    if (r == 0 && datapath_each_endpoint(plan->engine->datapath, everything_on_endpoint, plan) < 0)
        r = error_set(error, EIO, "reading the pinned endpoints");
    return r;
}

static int write_endpoints(const struct endpoint_plan *plan, struct error *error)
{
    int r;

    datapath_hold(plan->engine->datapath);
    for (uint32_t number = 1; number <= plan->engine->settings.max_endpoints; number++) {
        struct svc_endpoint entry;

        if (!plan->by_number[number])
            continue;
        endpoint_entry(plan->by_number[number], &entry);
        r = datapath_put_endpoint(plan->engine->datapath, number, &entry);
        if (r < 0) {
            (void)datapath_release(plan->engine->datapath);
            return error_errno(error, r, "writing endpoint %u", number);
        }
    }
    r = datapath_release(plan->engine->datapath);
    return r < 0 ? error_errno(error, r, "writing endpoints") : 0;
}

static void remove_stale(const struct endpoint_plan *plan)
{
    for (size_t i = 0; i < plan->n_stale; i++) {
        uint32_t number;

        (void)datapath_delete_endpoint(plan->engine->datapath, plan->stale[i].number);
        /* Entries of addresses of a name that is none any more look alike: the name may be of
         * another number. */
        if (name_numbers_find(plan->engine->endpoints, plan->stale[i].name, &number) == 0 &&
            number == plan->stale[i].number &&
            name_numbers_retire(plan->engine->endpoints, plan->stale[i].name, &number) == 0)
            publisher_retire_endpoint(plan->engine->publisher, number);
    }
}

/* Every instance is what it was; from now on changes are noticed. */
static void begin_care(struct engine *engine)
{
    for (uint32_t number = 1; number <= engine->settings.max_endpoints; number++)
        if (engine->instances[number])
            followers_put(engine, engine->instances[number]);
}

static int want_everything(struct engine *engine, struct wanted_list *wanted, struct error *error)
{
    struct model_namespace *parent, *next;
    int r = scopes_number_clients(engine, error);

    HASH_ITER (hh, engine->catalog->namespaces, parent, next) {
        if (r == 0)
            r = want_namespace(engine, parent, wanted, error);
    }
    return r;
}

/* What is published and not among the wanted goes, with `is_everything`. */
static int everything_publish(struct engine *engine, const struct wanted_list *wanted, bool is_everything,
                              struct error *error)
{
    struct publication *publication = NULL;
    int r =
        publisher_prepare(engine->publisher, wanted->items, wanted->n, is_everything, &publication, error);

    if (r < 0)
        return r;
    r = publisher_commit(engine->publisher, &publication);
    return r < 0 ? error_errno(error, r, "publishing") : 0;
}

int engine_publish(struct engine *engine, struct error *error)
{
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    _cleanup_(endpoint_plan_done) struct endpoint_plan plan = {.engine = engine};
    struct publication *publication = NULL;
    bool is_degraded = registry_guard_is_degraded(&engine->guard);
    int r = plan_endpoints(&plan, error);

    if (r == 0)
        r = want_everything(engine, &wanted, error);
    if (r == 0)
        r = kept_choose(engine, &wanted, error);
    if (r == 0)
        r = publisher_prepare(engine->publisher, wanted.items, wanted.n, false, &publication, error);
    if (r == 0)
        r = numbers_save(engine, error);
    if (r == 0)
        r = write_endpoints(&plan, error);
    if (r == 0)
        r = followers_begin(engine, error);
    if (r < 0) {
        publisher_abort(engine->publisher, &publication);
        return r;
    }
    r = publisher_commit(engine->publisher, &publication);
    if (r < 0)
        return error_errno(error, r, "publishing");
    /* A task may still be in a scope that goes: it moves before anything is taken away. */
    r = followers_moved(engine, error);
    if (r == 0 && !is_degraded)
        r = everything_publish(engine, &wanted, true, error);
    if (r < 0)
        return r;
    if (!is_degraded)
        remove_stale(&plan);
    registry_guard_published(engine, registry_revision(engine->registry));
    begin_care(engine);
    publisher_begin_grace(engine->publisher);
    return 0;
}

int engine_republish(struct engine *engine, struct error *error)
{
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    _cleanup_(endpoint_plan_done) struct endpoint_plan plan = {.engine = engine};
    int r = plan_endpoints(&plan, error);

    if (r == 0)
        r = want_everything(engine, &wanted, error);
    if (r == 0)
        r = numbers_save(engine, error);
    if (r == 0)
        r = everything_publish(engine, &wanted, false, error);
    if (r < 0)
        return r;
    followers_scopes_changed(engine, NULL);
    r = everything_publish(engine, &wanted, true, error);
    if (r < 0)
        return r;
    remove_stale(&plan);
    followers_republished(engine);
    publisher_begin_grace(engine->publisher);
    return 0;
}
