/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/starts: a runtime is about to let a container begin, and is answered when it may. */
#pragma once

#include "control/control_server.h"

int handle_start(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
