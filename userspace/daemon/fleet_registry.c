/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/fleet_registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include <errno.h>

#include "daemon/config_etcd.h"
#include "registry/etcd/etcd_registry.h"

/* What is pinned names the registry it came from, so the fleet's needs a name that all hosts know. */
static int name_fleet(struct registry *registry, struct error *error)
{
    uint64_t random[2];
    char value[64];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_errno(error, EIO, "starting");
    (void)snprintf(value, sizeof(value), "{\"id\":\"%016" PRIx64 "%016" PRIx64 "\"}", random[0], random[1]);
    return etcd_registry_identify(registry, "registry/id", value, error);
}

int fleet_registry_open(struct fleet_registry *fleet, const struct config *config, struct error *error)
{
    int r = config_host_id(config->state_dir, fleet->host, error);

    if (r == 0)
        r = config_etcd_settings(config, fleet->host, &fleet->settings, error);
    if (r == 0)
        r = etcd_registry_open(&fleet->settings, &fleet->registry, error);
    return r == 0 ? name_fleet(fleet->registry, error) : r;
}

void fleet_registry_done(struct fleet_registry *fleet)
{
    (void)registry_close(&fleet->registry);
    etcd_settings_done(&fleet->settings);
}
