/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calling the followers. */
#include "engine/engine_internal.h"

#include <errno.h>

/* Calls `function`, which takes something, of every follower that has it. */
#define EACH_FOLLOWER(engine, function, ...)                                                                 \
    for (unsigned i = 0; i < (engine)->n_followers; i++)                                                     \
        if ((engine)->followers[i].functions->function)                                                      \
    (engine)->followers[i].functions->function((engine)->followers[i].user, __VA_ARGS__)

/* The same until one fails, which is returned. */
#define UNTIL_ONE_FAILS(engine, function, ...)                                                               \
    int r = 0;                                                                                               \
                                                                                                             \
    for (unsigned i = 0; i < (engine)->n_followers && r == 0; i++)                                           \
        if ((engine)->followers[i].functions->function)                                                      \
            r = (engine)->followers[i].functions->function((engine)->followers[i].user, __VA_ARGS__);        \
    return r

int engine_follow(struct engine *engine, const struct engine_follower *follower, void *user)
{
    if (engine->n_followers == ENGINE_MAX_FOLLOWERS)
        return -ENOSPC;
    engine->followers[engine->n_followers].functions = follower;
    engine->followers[engine->n_followers++].user = user;
    return 0;
}

void followers_changed(struct engine *engine, uint64_t first, uint64_t last)
{
    EACH_FOLLOWER(engine, changed, first, last);
}

void followers_lost(struct engine *engine, const char *namespace_name, const char *sentence,
                    const struct actor *by)
{
    EACH_FOLLOWER(engine, lost, namespace_name, sentence, by);
}

int followers_guard(struct engine *engine, const char *key, struct error *error)
{
    UNTIL_ONE_FAILS(engine, guard, key, error);
}

int followers_fill(struct engine *engine, const char *namespace_name, const char *service, const char *id)
{
    UNTIL_ONE_FAILS(engine, fill, namespace_name, service, id);
}

int followers_begin(struct engine *engine, struct error *error)
{
    UNTIL_ONE_FAILS(engine, begin, error);
}

int followers_moved(struct engine *engine, struct error *error)
{
    UNTIL_ONE_FAILS(engine, moved, error);
}

int followers_policy(struct engine *engine, const struct service *const *services, size_t n,
                     uint32_t *ret_number, struct error *error)
{
    UNTIL_ONE_FAILS(engine, policy, services, n, ret_number, error);
}

void followers_put(struct engine *engine, struct instance *instance)
{
    EACH_FOLLOWER(engine, put, instance);
}

void followers_plan(struct engine *engine, struct instance *instance)
{
    EACH_FOLLOWER(engine, plan, instance);
}

void followers_removed(struct engine *engine, const char *namespace_name, uint32_t number)
{
    EACH_FOLLOWER(engine, removed, namespace_name, number);
}

void followers_settled(struct engine *engine, const char *namespace_name, const char *service, const char *id)
{
    EACH_FOLLOWER(engine, settled, namespace_name, service, id);
}

void followers_scopes_changed(struct engine *engine, const char *namespace_name)
{
    EACH_FOLLOWER(engine, scopes_changed, namespace_name);
}

void followers_names_changed(struct engine *engine, const char *namespace_name)
{
    EACH_FOLLOWER(engine, names_changed, namespace_name);
}

void followers_service_changed(struct engine *engine, const char *namespace_name, const char *service)
{
    EACH_FOLLOWER(engine, service_changed, namespace_name, service);
}

void followers_settings_changed(struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_followers; i++)
        if (engine->followers[i].functions->settings_changed)
            engine->followers[i].functions->settings_changed(engine->followers[i].user);
}

void followers_doubt(struct engine *engine, struct instance *instance)
{
    EACH_FOLLOWER(engine, doubt, instance);
}

void followers_found(struct engine *engine, struct instance *instance, uint32_t number,
                     const struct svc_endpoint *entry)
{
    EACH_FOLLOWER(engine, found, instance, number, entry);
}

int followers_row(struct engine *engine, const char *key, const char *value)
{
    UNTIL_ONE_FAILS(engine, row, key, value);
}

int followers_loaded(struct engine *engine, struct error *error)
{
    UNTIL_ONE_FAILS(engine, loaded, error);
}

void followers_unregistered(struct engine *engine, uint32_t number)
{
    EACH_FOLLOWER(engine, unregistered, number);
}

void followers_republished(struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_followers; i++)
        if (engine->followers[i].functions->republished)
            engine->followers[i].functions->republished(engine->followers[i].user);
}

bool followers_depend_on_documents(struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_followers; i++)
        if (engine->followers[i].functions->depends_on_documents &&
            engine->followers[i].functions->depends_on_documents(engine->followers[i].user))
            return true;
    return false;
}
