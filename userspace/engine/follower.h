/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Followers: who wants to take part in a change, or to know of it, without the engine knowing them. Any
 * member may be NULL. Each is called for all followers in the order in which they were added, on the loop,
 * and none may start a change of its own from within (engine_submit() is fine: that job runs later).
 *
 *   a change   guard, (row applied), fill, plan, policy, (tables built, rows on disk), put, (tables published),
 *              scopes_changed, (scopes that nobody sees any more go), unregistered, removed, settled,
 *              names_changed, service_changed, settings_changed
 *   a start    row, loaded, doubt, found, policy, begin, (tables published), moved, (what is not wanted goes), put
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/error.h"
#include "model/actor.h"
#include "model/catalog.h"

struct engine;

struct engine_follower {
    /* May a row with this key be put? 0 or a negative errno with the error. Not asked of a change that is
     * privileged. */
    int (*guard)(void *user, const char *key, struct error *error);

    /* An instance's row was applied or undone: completes what the catalog holds of it. -ENOMEM. */
    int (*fill)(void *user, const char *namespace_name, const char *service, const char *id);

    /* Before tables are built: sets what the host knows of the instance. Its number is that of
     * before, or 0. */
    void (*plan)(void *user, struct instance *instance);

    /*
     * While the tables of an alias are planned: by which number programs ask whether a task may call it (<svcconnect/policy.h>).
     * `services` are those of its targets that not everybody may call, one at least. Whoever is allowed by then is let
     * through as soon as the number is published. One follower has this.
     */
    int (*policy)(void *user, const struct service *const *services, size_t n, uint32_t *ret_number,
                  struct error *error);

    /* The instance is on disk as it is now; tables follow at once. */
    void (*put)(void *user, struct instance *instance);

    /* No instance has this number any more; tables may still lead there, for long if they are kept
     * (plan/kept.h). */
    void (*unregistered)(void *user, uint32_t number);

    /* No table names this endpoint any more; its number is given again after a grace period at
     * the earliest. */
    void (*removed)(void *user, const char *namespace_name, uint32_t number);

    /* All of a change that touched this instance is in effect, also one that took it away. */
    void (*settled)(void *user, const char *namespace_name, const char *service, const char *id);

    /* Tasks may be in another scope now; NULL: of any namespace. */
    void (*scopes_changed)(void *user, const char *namespace_name);
    void (*names_changed)(void *user, const char *namespace_name); /* aliases have come or gone */

    /* A service's row was put or removed, and all of the change is published. */
    void (*service_changed)(void *user, const char *namespace_name, const char *service);
    void (*settings_changed)(void *user); /* of all services without their own */

    /* Is there anybody whose plan depends on which document a service came from? */
    bool (*depends_on_documents)(void *user);

    /* A change is on disk: these entries of the history (history/history.h) tell it. */
    void (*changed)(void *user, uint64_t first, uint64_t last);

    /* The same: a client alias of the namespace has no endpoint any more, in a sentence; `by` made it so. */
    void (*lost)(void *user, const char *namespace_name, const char *sentence, const struct actor *by);

    void (*republished)(void *user); /* what was kept beside the registry has gone */

    /* At a start: each row that the catalog leaves alone or has taken, and then that all have been read. */
    int (*row)(void *user, const char *key, const char *value);
    int (*loaded)(void *user, struct error *error);

    /* Nothing is known yet of the instance, and then what the kernel's entry says of it; it has no number yet, and will have
     * that of the entry. */
    void (*doubt)(void *user, struct instance *instance);
    void (*found)(void *user, struct instance *instance, uint32_t number, const struct svc_endpoint *entry);

    /* All instances are numbered: takes over what the kernel holds, before tables are published. */
    int (*begin)(void *user, struct error *error);

    /* All wanted tables are published, and those that are not wanted still are. */
    int (*moved)(void *user, struct error *error);
};
