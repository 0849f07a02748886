/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings of a registry that hosts share. */
#pragma once

#include <stdbool.h>

#include "daemon/config_table.h"
#include "registry/etcd/etcd_settings.h"

/* Checks of rows of the table. */
int config_check_registry(struct config *config, const struct config_setting *setting, struct error *error);
int config_check_etcd_prefix(struct config *config, const struct config_setting *setting,
                             struct error *error);

int config_check_etcd_lease(struct config *config, const struct config_setting *setting, struct error *error);

bool config_has_fleet(const struct config *config);

/* When all are read: what needs each other, and what does not go together with a fleet. */
int config_check_fleet(const struct config *config, struct error *error);

/* Texts are the config's but location and members, which etcd_settings_done() frees. `host` becomes the settings'. */
int config_etcd_settings(const struct config *config, const char *host, struct etcd_settings *ret_settings,
                         struct error *error);

/* The name under which this host's own rows lie: kept in a file of the state directory from the first start on. */
int config_host_id(const char *state_dir, char ret_id[static ETCD_HOST_SIZE], struct error *error);
