/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/policies/close: the open connections of tasks that may not call a service are closed. */
#pragma once

#include "control/control_server.h"

int handle_policy_close(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
