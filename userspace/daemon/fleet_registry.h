/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The registry that hosts share, opened for the engine as the settings say. */
#pragma once

#include "daemon/config.h"
#include "registry/etcd/etcd_settings.h"
#include "registry/registry.h"

struct fleet_registry {
    struct registry *registry; /* NULL: the host has its own */
    bool is_away;              /* it stands for one that could not be reached */
    struct etcd_settings settings;
    char host[ETCD_HOST_SIZE];
};

/* Waits for etcd. The config must outlive it. Where no member answers it is away, which is no error. */
int fleet_registry_open(struct fleet_registry *fleet, const struct config *config, struct error *error);

/* Readable when what was away is there: then the daemon is to start anew. -1: it is not away. */
int fleet_registry_fd(const struct fleet_registry *fleet);
void fleet_registry_done(struct fleet_registry *fleet); /* after the engine */
