/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/fleet_registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include <errno.h>

#include "daemon/config_etcd.h"
#include "registry/etcd/etcd_away.h"
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

/* Tasks have what is pinned; names, and all that needs no change, they get from a daemon that runs. */
static int start_without(struct fleet_registry *fleet, struct error *error)
{
    const struct error why = *error;
    int r;

    (void)registry_close(&fleet->registry);
    *error = (struct error){0};
    r = etcd_away_open(&fleet->settings, why.message, &fleet->registry, error);
    fleet->is_away = r == 0;
    return r;
}

int fleet_registry_open(struct fleet_registry *fleet, const struct config *config, struct error *error)
{
    int r = config_host_id(config->state_dir, fleet->host, error);

    if (r == 0)
        r = config_etcd_settings(config, fleet->host, &fleet->settings, error);
    if (r < 0)
        return r;
    r = etcd_registry_open(&fleet->settings, &fleet->registry, error);
    if (r == 0)
        r = name_fleet(fleet->registry, error);
    return r == -ENOTCONN ? start_without(fleet, error) : r;
}

int fleet_registry_fd(const struct fleet_registry *fleet)
{
    return fleet->is_away ? etcd_away_fd(fleet->registry) : -1;
}

void fleet_registry_done(struct fleet_registry *fleet)
{
    (void)registry_close(&fleet->registry);
    etcd_settings_done(&fleet->settings);
}
