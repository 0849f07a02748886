/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a start does about the registry's verdict before anything is written into the data path. */
#include <errno.h>

#include "base/log.h"
#include "daemon/daemon.h"

/* What must not shrink is adopted as it is: new maps would be filled from the registry alone. */
static int open_as_pinned(struct daemon *daemon, struct datapath_config *config, struct error *error)
{
    struct config *settings = &daemon->config;
    char trouble[1024];

    if (datapath_pinned_sizes(daemon->datapath, config)) {
        log_warning("the maps keep the sizes that are pinned while the registry is not the right one");
        datapath_close(&daemon->datapath);
        settings->max_aliases = config->aliases;
        settings->max_slots = config->slots;
        settings->max_endpoints = config->endpoints;
        settings->max_tasks = config->tasks;
        if (datapath_open(config, &daemon->datapath, error) < 0)
            return -error->number;
    }
    if (datapath_origin(daemon->datapath) != DATAPATH_MIGRATED)
        return 0;
    (void)registry_guard_trouble(daemon, trouble, sizeof(trouble));
    return error_set(
        error, EUCLEAN,
        "what is pinned is another version's, which cannot be kept without its registry: start that "
        "version, or bring the right registry back; tasks go on meanwhile. %s",
        trouble);
}

int registry_guard_settle(struct daemon *daemon, struct datapath_config *config, struct error *error)
{
    int r = registry_guard_judge(daemon, error);

    if (r == 0 && registry_guard_is_degraded(&daemon->guard) &&
        datapath_origin(daemon->datapath) == DATAPATH_MIGRATED)
        r = open_as_pinned(daemon, config, error);
    return r;
}
