/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tasks come and go by request: POST and DELETE /v1/tasks. They are of this host, and no part of the registry. */
#pragma once

#include <cjson/cJSON.h>

#include "base/error.h"
#include "control/control_server.h"

/* requests.c: an answer with no warnings yet; the caller frees it. */
cJSON *requests_new_answer(void);

/* Handlers of routes: `user` is the struct api. */
int change_attach(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int change_detach(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
