/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is pinned about the registry, and how an earlier run's maps can be opened as they are. */
#include <string.h>

#include "datapath/internal.h"

bool datapath_is_readable(const struct datapath *datapath)
{
    return datapath->origin == DATAPATH_ADOPTED || datapath->old_is_readable;
}

struct svc_registry_seen datapath_registry_seen(const struct datapath *datapath)
{
    struct svc_registry_seen seen =
        datapath->origin == DATAPATH_MIGRATED ? datapath->old_registry_seen : *datapath->registry_seen;

    seen.id[sizeof(seen.id) - 1] = '\0';
    return seen;
}

void datapath_set_registry_seen(struct datapath *datapath, const struct svc_registry_seen *seen)
{
    struct svc_registry_seen *pinned = datapath->registry_seen;

    __atomic_store_n(&pinned->told, seen->told, __ATOMIC_RELEASE);
    /* A death in between leaves no id, with which nothing is compared, never one with another's revision. */
    if (strcmp(pinned->id, seen->id) != 0) {
        __atomic_store_n(&pinned->id[0], '\0', __ATOMIC_RELEASE);
        __atomic_store_n(&pinned->revision, 0, __ATOMIC_RELEASE);
        memcpy(pinned->id + 1, seen->id + 1, sizeof(pinned->id) - 1);
        __atomic_store_n(&pinned->id[0], seen->id[0], __ATOMIC_RELEASE);
    }
    __atomic_store_n(&pinned->revision, seen->revision, __ATOMIC_RELEASE);
    pinned->published = seen->published;
    pinned->degraded_since = seen->degraded_since;
}

bool datapath_pinned_sizes(const struct datapath *datapath, struct datapath_config *config)
{
    const struct datapath_config *old = &datapath->old_sizes;

    if (!datapath->old_is_readable || !old->aliases || !old->slots || !old->endpoints || !old->tasks)
        return false;
    config->aliases = old->aliases;
    config->slots = old->slots;
    config->endpoints = old->endpoints;
    config->tasks = old->tasks;
    return true;
}
