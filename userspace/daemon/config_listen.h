/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the daemon listens over IP: "IP:PORT", or "off". */
#pragma once

#include "daemon/config_table.h"

/* Checks of the settings' values; -EINVAL with `error` set. The first one takes what it reads into the configuration. */
int config_check_dns_listen(struct config *config, const struct config_setting *setting, struct error *error);
int config_check_tcp_listen(struct config *config, const struct config_setting *setting, struct error *error);
