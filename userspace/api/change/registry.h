/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests about the registry as a whole: taking it as it is, and going to a backup. */
#pragma once

#include "control/control_server.h"

int handle_accept_registry(const struct control_call *call, cJSON **ret_answer, struct error *error,
                           void *user);
int handle_restore_registry(const struct control_call *call, cJSON **ret_answer, struct error *error,
                            void *user);
