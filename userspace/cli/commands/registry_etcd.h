/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How commands reach the etcd of a fleet: as the daemon's configuration file says. */
#pragma once

#include "base/json.h"
#include "cli/invocation.h"
#include "registry/etcd/etcd_registry.h"

struct registry_etcd {
    cJSON *config; /* backs the settings */
    struct etcd_settings settings;
};

/* `location` NULL: the file's own. Else than CLI_DONE it has told what is wrong. registry_etcd_done() in any case. */
int registry_etcd_read(const struct invocation *invocation, const char *location, struct registry_etcd *etcd);
void registry_etcd_done(struct registry_etcd *etcd);
