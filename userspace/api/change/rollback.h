/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/rollback: routes, weights and settings as they were at a revision. */
#pragma once

#include "api/change/changes.h"

/* A change_fn. The answer gets `changes`, what is put back, and `left`, what was not there any more to have it. */
int change_rollback(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
