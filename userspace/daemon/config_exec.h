/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "execChecks": what health checks of type exec may run. */
#pragma once

struct config_type;

extern const struct config_type config_type_exec_checks; /* at config->exec_checks */
