/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Checks of settings that are on or off. */
#pragma once

#include "daemon/config_table.h"

int config_check_adopt_empty(struct config *config, const struct config_setting *setting,
                             struct error *error);
int config_check_container_gate(struct config *config, const struct config_setting *setting,
                                struct error *error);
int config_check_dns(struct config *config, const struct config_setting *setting, struct error *error);
/* And which connections are logged: off, failed, all or 1/N. */
int config_check_connection_log(struct config *config, const struct config_setting *setting,
                                struct error *error);
int config_check_callers(struct config *config, const struct config_setting *setting, struct error *error);
