/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the engine's files share. Private to engine/. */
#pragma once

#include "datapath/datapath.h"
#include "engine/engine.h"
#include "engine/guard/guard.h"
#include "engine/plan/kept.h"
#include "engine/plan/numbers.h"
#include "engine/publish/publisher.h"
#include "registry/registry.h"

#define ENGINE_MAX_FOLLOWERS 20

struct engine {
    struct engine_settings settings;
    struct registry *registry;
    bool owns_registry;
    struct registry_guard guard;
    struct kept_scopes kept;   /* while the guard is degraded */
    struct datapath *datapath; /* not owned */
    struct catalog *catalog;
    struct name_numbers *scopes;    /* by namespace */
    struct name_numbers *addresses; /* by dns name */
    struct name_numbers *endpoints; /* by "namespace/service/instance" */
    struct unsaved_numbers unsaved;
    struct publisher *publisher;
    struct history *history; /* NULL: none is kept */
    struct jobs *jobs;
    struct instance **instances; /* by endpoint number: settings.max_endpoints + 1 */
    unsigned adopted;            /* aliases taken over at the start */
    struct {
        const struct engine_follower *functions;
        void *user;
    } followers[ENGINE_MAX_FOLLOWERS];
    unsigned n_followers;
};

/* fleet.c: a registry that hosts share, and cannot be reached; its part of `status`. */
bool fleet_is_lost(const struct engine *engine, char *ret_text, size_t size);
void fleet_describe(const struct engine *engine, cJSON *registry);

/* plan/everything.c: later, when what was kept at the start is to go: what is not in the catalog goes, tasks
 * move first. */
int engine_republish(struct engine *engine, struct error *error);

/* followers.c: each calls all that have the function; those that may fail end with the first that does. */
int followers_guard(struct engine *engine, const char *key, struct error *error);
int followers_fill(struct engine *engine, const char *namespace_name, const char *service, const char *id);
void followers_plan(struct engine *engine, struct instance *instance);
int followers_policy(struct engine *engine, const struct service *const *services, size_t n,
                     uint32_t *ret_number, struct error *error);
void followers_put(struct engine *engine, struct instance *instance);
void followers_removed(struct engine *engine, const char *namespace_name, uint32_t number);
void followers_settled(struct engine *engine, const char *namespace_name, const char *service,
                       const char *id);
void followers_scopes_changed(struct engine *engine, const char *namespace_name);
void followers_names_changed(struct engine *engine, const char *namespace_name);
void followers_service_changed(struct engine *engine, const char *namespace_name, const char *service);
void followers_settings_changed(struct engine *engine);
void followers_doubt(struct engine *engine, struct instance *instance);
void followers_found(struct engine *engine, struct instance *instance, uint32_t number,
                     const struct svc_endpoint *entry);
void followers_unregistered(struct engine *engine, uint32_t number);
bool followers_depend_on_documents(struct engine *engine);
void followers_republished(struct engine *engine);
void followers_changed(struct engine *engine, uint64_t first, uint64_t last);
void followers_lost(struct engine *engine, const char *namespace_name, const char *sentence,
                    const struct actor *by);
int followers_row(struct engine *engine, const char *key, const char *value);
int followers_loaded(struct engine *engine, struct error *error);
int followers_begin(struct engine *engine, struct error *error);
int followers_moved(struct engine *engine, struct error *error);

/*
 * Which InstancesRevision services get from now on: of what `revision` of the registry has brought, or of what
 * is tried after it. It grows with every change that is committed, also over restarts.
 */
void engine_number_instances(struct engine *engine, uint64_t revision, bool is_written);
/* The same for all services as they were loaded. */
void engine_number_loaded(struct engine *engine);
