/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "awsCheckRanges": where health checks made over AWS's API may go. */
#pragma once

#include "daemon/config_table.h"

extern const struct config_type config_type_check_ranges; /* at config->aws_checks */
