/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Making and ending the engine, its start up to the adoption of what is pinned, and questions to it. Long by the questions,
 * which are short and need all of the struct. */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/change/jobs.h"
#include "engine/history/history.h"
#include "engine/plan/scopes.h"
#include "model/service_names.h"
#include "registry/rows.h"

#define MAX_SCOPES (1u << 24)

int engine_new(const struct engine_settings *settings, struct engine **ret_engine)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    int r = engine ? 0 : -ENOMEM;

    if (r < 0)
        return r;
    engine->settings = *settings;
    engine->catalog = catalog_new();
    engine->instances = calloc((size_t)settings->max_endpoints + 1, sizeof(struct instance *));
    if (!engine->catalog || !engine->instances)
        r = -ENOMEM;
    if (r == 0)
        r = catalog_set_host_zone(engine->catalog, settings->zone);
    if (r == 0)
        r = jobs_init(engine, settings->base);
    if (r == 0)
        r = name_numbers_new(&engine->scopes, 1, MAX_SCOPES);
    if (r == 0 && settings->history_rows)
        r = history_new(settings->history_rows, &engine->history);
    if (r == 0)
        r = name_numbers_new(&engine->addresses, 1, settings->alias_range.addresses);
    if (r == 0)
        r = name_numbers_new(&engine->endpoints, 1, settings->max_endpoints);
    if (r < 0) {
        engine_free(&engine);
        return r;
    }
    *ret_engine = engine;
    return 0;
}

void engine_free(struct engine **engine)
{
    struct engine *self = *engine;

    if (!self)
        return;
    jobs_free(self);
    publisher_free(&self->publisher);
    numbers_free(&self->unsaved);
    kept_done(&self->kept);
    registry_guard_done(&self->guard);
    if (self->owns_registry)
        (void)registry_close(&self->registry);
    free(self->instances);
    history_free(&self->history);
    name_numbers_free(&self->scopes);
    name_numbers_free(&self->addresses);
    name_numbers_free(&self->endpoints);
    catalog_free(&self->catalog);
    free(self);
    *engine = NULL;
}

/* ---- start ---- */

struct load {
    struct engine *engine;
    struct error error; /* of the first row that could not be read */
    unsigned failed;
    bool is_again; /* the first one came upon damage */
};

static int on_row(const char *key, const char *value, void *user)
{
    struct load *load = user;
    struct error error = {0};
    int r;

    if (registry_guard_row(load->engine, key, value))
        return 0;
    if (history_take_row(load->engine->history, key, value))
        return 0;
    r = row_apply(load->engine->catalog, key, value, &error);
    if (r == 0 && !load->is_again)
        r = followers_row(load->engine, key, value);
    /* One row that cannot be read does not take the rest down; it stays as it is and is said. */
    if (r < 0 && load->failed++ == 0)
        load->error = error;
    if (r < 0 && r != -ENOMEM)
        r = registry_guard_unreadable(load->engine, key, value, &error);
    return r == -ENOMEM ? r : 0;
}

int engine_open_registry(struct engine *engine, const char *state_dir, struct error *error)
{
    int r = registry_guard_open(engine, state_dir, error);

    engine->owns_registry = r == 0;
    return r;
}

uint64_t engine_rows(const struct engine *engine)
{
    return registry_count(engine->registry);
}

/*
 * Above the times in microseconds that earlier versions gave out, below what a double holds exactly. To the
 * registry's revision R belong two numbers: 2R for what came with it, 2R + 1 for what was tried since and may
 * have been taken back.
 */
#define INSTANCES_REVISION_BASE (UINT64_C(1) << 52)

void engine_number_instances(struct engine *engine, uint64_t revision, bool is_written)
{
    engine->catalog->instances_revision =
        INSTANCES_REVISION_BASE + 2 * (revision + engine->guard.ahead) + (is_written ? 0 : 1);
}

/* Nobody has been told more of what the registry holds: no clock is asked, which may have been set back. */
void engine_number_loaded(struct engine *engine)
{
    struct catalog *catalog = engine->catalog;

    engine_number_instances(engine, registry_revision(engine->registry), false);
    for (struct model_namespace *parent = catalog->namespaces; parent; parent = parent->hh.next)
        for (struct service *service = parent->services; service; service = service->hh.next)
            service->instances_revision = catalog->instances_revision;
}

int engine_load(struct engine *engine, struct registry *registry, struct error *error)
{
    struct load load = {.engine = engine};
    int r;

    if (registry)
        engine->registry = registry;
    r = registry_load(engine->registry, "", on_row, &load, error);
    if (r == -EUCLEAN && engine->owns_registry) {
        load = (struct load){.engine = engine, .is_again = true};
        r = registry_guard_replace(engine, error);
        if (r == 0)
            r = registry_load(engine->registry, "", on_row, &load, error);
    }
    if (r == 0)
        engine_number_loaded(engine);
    if (r == 0)
        r = followers_loaded(engine, error);
    if (r == 0)
        r = registry_follow(engine->registry, error);
    if (r == 0 && (r = jobs_listen(engine, engine->settings.base)) < 0)
        r = error_errno(error, r, "starting");
    if (r == 0 && load.failed)
        log_warning("registry %s: %u rows cannot be read, leaving them alone; the first: %s",
                    registry_location(engine->registry), load.failed, load.error.message);
    return r;
}

static void doubt_all(struct engine *engine)
{
    struct model_namespace *parent;
    struct service *service;
    struct instance *instance;

    for (parent = engine->catalog->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance; instance = instance->hh.next)
                followers_doubt(engine, instance);
}

static int on_host_row(const char *key, const char *value, void *user)
{
    numbers_adopt_row(user, key, value);
    return 0;
}

static bool is_address_wanted(const char *dns_name, const struct ip_address *address, void *user)
{
    const struct engine *engine = user;
    struct ip_address wanted;
    uint32_t number;

    if (name_numbers_find(engine->addresses, dns_name, &number) < 0)
        return registry_guard_is_degraded(&engine->guard);
    wanted = alias_range_address(&engine->settings.alias_range, number);
    return ip_address_equal(&wanted, address);
}

/* As many endpoints as the settings say by now. */
static int size_endpoints(struct engine *engine)
{
    name_numbers_free(&engine->endpoints);
    free(engine->instances);
    engine->instances = calloc((size_t)engine->settings.max_endpoints + 1, sizeof(struct instance *));
    return engine->instances ? name_numbers_new(&engine->endpoints, 1, engine->settings.max_endpoints)
                             : -ENOMEM;
}

int engine_judge(struct engine *engine, struct datapath_config *config, struct datapath **datapath,
                 struct error *error)
{
    int r = registry_guard_settle(engine, config, datapath, error);

    if (r == 0 && size_endpoints(engine) < 0)
        r = error_errno(error, ENOMEM, "starting");
    return r;
}

/* What is pinned and what the registry says of this host, in that order. */
int engine_adopt(struct engine *engine, struct datapath *datapath, struct error *error)
{
    int r;

    engine->datapath = datapath;
    doubt_all(engine);
    r = numbers_adopt_kernel(engine, error);
    if (r == 0)
        r = registry_load(engine->registry, "host/", on_host_row, engine, error);
    if (r == 0)
        r = kept_adopt(engine, error);
    if (r == 0 && (r = publisher_new(datapath, datapath_services(engine->settings.max_aliases),
                                     engine->settings.max_slots, engine->endpoints, engine->scopes,
                                     &engine->publisher)) < 0)
        r = error_errno(error, r, "starting");
    if (r == 0 && datapath_origin(datapath) == DATAPATH_ADOPTED)
        r = publisher_adopt(engine->publisher, is_address_wanted, engine, &engine->adopted, error);
    return r;
}

void engine_end_grace(struct engine *engine)
{
    publisher_end_grace(engine->publisher);
}

/* ---- reading ---- */

const struct history *engine_history(const struct engine *engine)
{
    return engine->history;
}

struct catalog *engine_catalog(const struct engine *engine)
{
    return engine->catalog;
}

const struct alias_range *engine_alias_range(const struct engine *engine)
{
    return &engine->settings.alias_range;
}

const struct check_ranges *engine_aws_checks(const struct engine *engine)
{
    static const struct check_ranges usual = {0};

    return engine->settings.aws_checks ? engine->settings.aws_checks : &usual;
}

struct settings_rights engine_host_rights(const struct engine *engine)
{
    return engine->settings.host_rights;
}

uint32_t engine_max_endpoints(const struct engine *engine)
{
    return engine->settings.max_endpoints;
}

struct instance *engine_instance(const struct engine *engine, uint32_t number)
{
    /* While rows are put, undone or applied again the pointer may be of one that has gone. */
    if (number > engine->settings.max_endpoints || !engine_is_steady(engine))
        return NULL;
    return engine->instances[number];
}

int engine_address(const struct engine *engine, const char *dns_name, uint32_t *ret_number)
{
    return name_numbers_find(engine->addresses, dns_name, ret_number);
}

int engine_scope(struct engine *engine, const char *namespace_name, uint32_t *ret_scope, struct error *error)
{
    return numbers_scope(engine, namespace_name, ret_scope, error);
}

int engine_scope_of_task(struct engine *engine, const char *namespace_name, const char *service,
                         uint32_t *ret_scope, uint32_t *ret_namespace_scope, struct error *error)
{
    return scope_of_task(engine, namespace_name, service, ret_scope, ret_namespace_scope, error);
}

int engine_find_scope(const struct engine *engine, const char *namespace_name, const char *service,
                      uint32_t *ret_scope)
{
    return scope_find(engine, namespace_name, service, ret_scope);
}

int engine_find_published(const struct engine *engine, uint32_t scope, const struct client_alias *alias,
                          struct kept_alias *ret_published)
{
    return publisher_find(engine->publisher, scope, alias, ret_published);
}

int numbers_save(struct engine *engine, struct error *error)
{
    uint64_t revision;
    int r;

    if (engine->unsaved.n == 0)
        return 0;
    r = registry_commit(engine->registry, engine->unsaved.rows, engine->unsaved.n, &revision, error);
    if (r == 0)
        numbers_free(&engine->unsaved);
    return r;
}

int engine_names(const struct engine *engine, const char *namespace_name, const char *client,
                 struct client_alias **ret_aliases, size_t *ret_n)
{
    return kept_list_names(engine, namespace_name, client, ret_aliases, ret_n);
}

int engine_find_name(const struct engine *engine, uint32_t scope, const char *name, size_t length,
                     struct engine_name *ret_name)
{
    struct published_name found;
    int r = publisher_find_name(engine->publisher, scope, name, length, &found);

    if (r == 0)
        *ret_name = (struct engine_name){found.name, found.address, found.address6, found.next};
    return r;
}

/* Both of its addresses have the number that its name has. */
int engine_find_address(const struct engine *engine, uint32_t scope, const struct ip_address *address,
                        struct engine_name *ret_name)
{
    const struct alias_range *range = &engine->settings.alias_range;
    const char *name;
    uint32_t number;

    if (alias_range_number(range, address, &number) < 0 && alias_range_number6(range, address, &number) < 0)
        return -ENOENT;
    name = name_numbers_name(engine->addresses, number);
    return name ? engine_find_name(engine, scope, name, strlen(name), ret_name) : -ENOENT;
}

const struct client_alias *engine_next_alias(struct engine_name *name)
{
    return publisher_next_of_name(&name->next);
}

int engine_name_suffixes(const struct engine *engine, const char *namespace_name, char ***ret_suffixes)
{
    const struct engine_settings *settings = &engine->settings;

    return name_suffixes_make(settings->name_suffixes ? settings->name_suffixes : NAME_SUFFIXES_USUAL,
                              settings->region ? settings->region : NAME_REGION_USUAL, namespace_name,
                              ret_suffixes);
}

bool engine_has_client(const struct engine *engine, const char *namespace_name, const char *client)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, namespace_name);
    uint32_t scope;

    return *client && ((parent && catalog_client(parent, client)) ||
                       kept_find_scope(engine, namespace_name, client, &scope));
}

bool engine_is_degraded(const struct engine *engine)
{
    return registry_guard_is_degraded(&engine->guard);
}

bool engine_trouble(const struct engine *engine, char *ret_text, size_t size)
{
    return registry_guard_trouble(engine, ret_text, size) || fleet_is_lost(engine, ret_text, size);
}

void engine_describe_registry(const struct engine *engine, cJSON *registry)
{
    (void)cJSON_AddStringToObject(registry, "path", registry_location(engine->registry));
    (void)cJSON_AddNumberToObject(registry, "revision", (double)registry_revision(engine->registry));
    registry_guard_describe(engine, registry);
    fleet_describe(engine, registry);
}

struct engine_figures engine_figures(const struct engine *engine)
{
    return (struct engine_figures){
        .revision = registry_revision(engine->registry),
        .adopted = engine->adopted,
        .aliases = publisher_aliases(engine->publisher),
        .slots_used = publisher_slots_used(engine->publisher),
        .addresses_used = name_numbers_used(engine->addresses),
        .endpoints_used = name_numbers_used(engine->endpoints),
        .kept_aliases = publisher_kept_aliases(engine->publisher),
    };
}
