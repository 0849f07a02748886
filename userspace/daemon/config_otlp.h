/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings of what goes to a collector of OpenTelemetry. */
#pragma once

#include "daemon/config_table.h"

/* Check of a row of the table. */
int config_check_otlp_endpoint(struct config *config, const struct config_setting *setting,
                               struct error *error);
