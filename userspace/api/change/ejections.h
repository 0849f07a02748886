/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST and DELETE /v1/ejections: taking an endpoint out for a while by hand, and back. */
#pragma once

#include "control/control_server.h"

int handle_eject(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int handle_uneject(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
