/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/stops: a container is drained, then stopped by its runtime. */
#pragma once

#include "control/control_server.h"

int handle_stop(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
