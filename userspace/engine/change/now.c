/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A change made while its caller waits: on the way out. */
#include "engine/change/now.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/change/job.h"
#include "engine/change/jobs.h"

struct transaction *now_begin(struct engine *engine)
{
    struct transaction *transaction = calloc(1, sizeof(*transaction));

    engine_settle(engine);
    if (!transaction)
        abort();
    transaction_begin(transaction, engine, false);
    return transaction;
}

int now_commit(struct transaction *transaction, uint64_t *ret_revision, struct error *error)
{
    struct engine *engine = transaction->engine;
    int r = transaction_whole(transaction, transaction_reserve, error);

    if (r == 0 && transaction->n_rows + engine->unsaved.n > 0) {
        _cleanup_free_ struct registry_row *rows =
            calloc(transaction->n_rows + engine->unsaved.n, sizeof(*rows));

        if (!rows)
            abort();
        if (transaction->n_rows)
            memcpy(rows, transaction->rows, transaction->n_rows * sizeof(*rows));
        if (engine->unsaved.n)
            memcpy(rows + transaction->n_rows, engine->unsaved.rows, engine->unsaved.n * sizeof(*rows));
        r = registry_commit(engine->registry, rows, transaction->n_rows + engine->unsaved.n, ret_revision,
                            error);
        if (r == 0)
            numbers_free(&engine->unsaved);
    } else
        *ret_revision = registry_revision(engine->registry);
    if (r < 0)
        (void)transaction_whole(transaction, transaction_abort, NULL);
    else
        (void)transaction_whole(transaction, transaction_publish, NULL);
    free(transaction);
    return r;
}

void now_abort(struct transaction *transaction)
{
    (void)transaction_whole(transaction, transaction_abort, NULL);
    free(transaction);
}

int engine_commit_now(struct engine *engine, const struct registry_row *rows, size_t n,
                      uint64_t *ret_revision, struct error *error)
{
    engine_settle(engine);
    return registry_commit(engine->registry, rows, n, ret_revision, error);
}
