/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A change made while its caller waits: on the way out. */
#pragma once

#include "engine/change/transaction.h"

/* Rows of this host, which the catalog leaves alone. */
int engine_commit_now(struct engine *engine, const struct registry_row *rows, size_t n,
                      uint64_t *ret_revision, struct error *error);

struct transaction *now_begin(struct engine *engine);
int now_commit(struct transaction *transaction, uint64_t *ret_revision, struct error *error);
void now_abort(struct transaction *transaction);
