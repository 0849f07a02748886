/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include "control/control_server.h"

/* POST /v1/documents. */
int handle_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
