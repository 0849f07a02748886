/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a start does about the registry's verdict before anything is written into the data path. */
#include <errno.h>

#include "base/log.h"
#include "engine/engine_internal.h"

/* What must not shrink is adopted as it is: new maps would be filled from the registry alone. */
static int open_as_pinned(struct engine *engine, struct datapath_config *config, struct datapath **datapath,
                          struct error *error)
{
    struct engine_settings *settings = &engine->settings;
    char trouble[1024];

    if (datapath_pinned_sizes(engine->datapath, config)) {
        log_warning("the maps keep the sizes that are pinned while the registry is not the right one");
        datapath_close(datapath);
        engine->datapath = NULL;
        settings->max_aliases = config->aliases;
        settings->max_slots = config->slots;
        settings->max_endpoints = config->endpoints;
        if (datapath_open(config, datapath, error) < 0)
            return -error->number;
        engine->datapath = *datapath;
    }
    if (datapath_origin(engine->datapath) != DATAPATH_MIGRATED)
        return 0;
    (void)registry_guard_trouble(engine, trouble, sizeof(trouble));
    return error_set(
        error, EUCLEAN,
        "what is pinned is another version's, which cannot be kept without its registry: start that "
        "version, or bring the right registry back; tasks go on meanwhile. %s",
        trouble);
}

int registry_guard_settle(struct engine *engine, struct datapath_config *config, struct datapath **datapath,
                          struct error *error)
{
    int r;

    engine->datapath = *datapath;
    r = registry_guard_judge(engine, error);

    if (r == 0 && registry_guard_is_degraded(&engine->guard) &&
        datapath_origin(engine->datapath) == DATAPATH_MIGRATED)
        r = open_as_pinned(engine, config, datapath, error);
    return r;
}
