/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The catalog back to what the registry holds, and forward again; numbers stay taken until it is decided. */
#include "engine/change/transaction_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "registry/rows.h"

#define ROWS_A_STEP    64
#define TOUCHED_A_STEP 256

/* The client has the number of its scope that goes with the catalog as it is: before the change,
 * or after it. */
static void set_scopes(struct transaction *transaction, bool is_after)
{
    for (size_t i = 0; i < transaction->n_scopes; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        const struct model_namespace *parent =
            catalog_namespace(transaction->engine->catalog, change->namespace_name);
        struct client *client = parent ? catalog_client(parent, change->client) : NULL;

        if (client)
            client->scope = is_after ? change->new_number : change->old_number;
    }
}

/* From the last row back to row `first`, which is undone too; at.index counts those that are. Returns whether
 * all are. */
static bool undo_some(struct transaction *transaction, size_t first)
{
    size_t n = transaction->n_rows - first;

    for (unsigned i = 0; i < ROWS_A_STEP && transaction->at.index < n; i++) {
        size_t at = transaction->n_rows - 1 - transaction->at.index++;

        if (transaction_apply(transaction, &transaction->undo[at], transaction->documents[at].before, NULL) <
            0)
            log_error("undoing a refused change of %s failed", transaction->undo[at].key);
    }
    return transaction->at.index == n;
}

static bool replay_some(struct transaction *transaction)
{
    struct error error = {0};

    for (unsigned i = 0; i < ROWS_A_STEP && transaction->at.index < transaction->n_rows; i++) {
        size_t at = transaction->at.index++;
        const struct registry_row *row = &transaction->rows[at];

        if (transaction_apply(transaction, row, transaction->documents[at].after, &error) < 0)
            log_error("%s is committed and not in effect: %s; restart svcconnectd", row->key, error.message);
    }
    return transaction->at.index == transaction->n_rows;
}

/* Returns whether `function` has seen all that was touched, or all that the job has touched. */
static bool transaction_undo_some_touched(struct transaction *transaction, bool is_of_job,
                                          void (*function)(struct transaction *transaction,
                                                           struct touched *touched))
{
    struct touched *touched = transaction->at.touched;

    for (unsigned i = 0; i < TOUCHED_A_STEP && touched; i++) {
        struct touched *next = is_of_job ? touched->next_of_job : touched->hh.next;

        function(transaction, touched);
        touched = next;
    }
    transaction->at.touched = touched;
    return !touched;
}

/* The next part of a step begins with its first row and the first thing touched. */
static int begin_part(struct transaction *transaction, unsigned part, struct touched *first)
{
    transaction->at = (struct step_cursor){.part = part, .touched = first};
    return STEP_MORE;
}

static int transaction_undo_next_part(struct transaction *transaction)
{
    return begin_part(transaction, transaction->at.part + 1, transaction->instances);
}

static int next_part_of_job(struct transaction *transaction)
{
    return begin_part(transaction, transaction->at.part + 1, transaction->touched_by_job);
}

static int finished(struct transaction *transaction)
{
    transaction->at = (struct step_cursor){0};
    return 0;
}

enum {
    UNDO_ROWS, /* or applying them again */
    UNDO_FORGET,
    UNDO_FILL,
    UNDO_RESTORE,
    UNDO_PLAN,
    UNDO_RELEASE, /* numbers of an abort, rows of a job that is dropped */
    UNDO_FREE,
};

/* Nothing leads to an instance that a follower takes away while it fills others, and all numbers lead to
 * theirs before followers plan. Returns whether that was the last of these parts. */
static bool look_after_endpoints(struct transaction *transaction, bool is_of_job)
{
    static void (*const parts[])(struct transaction * transaction, struct touched * touched) = {
        [UNDO_FORGET] = transaction_forget_endpoint,
        [UNDO_FILL] = transaction_fill_endpoint,
        [UNDO_RESTORE] = transaction_restore_endpoint,
        [UNDO_PLAN] = transaction_plan_endpoint,
    };

    if (!transaction_undo_some_touched(transaction, is_of_job, parts[transaction->at.part]))
        return false;
    if (transaction->at.part == UNDO_PLAN)
        return true;
    (void)(is_of_job ? next_part_of_job(transaction) : transaction_undo_next_part(transaction));
    return false;
}

static bool release_some_rows(struct transaction *transaction)
{
    for (unsigned i = 0; i < TOUCHED_A_STEP && transaction->n_rows > transaction->first_row; i++) {
        transaction_release_key(transaction, transaction->rows[transaction->n_rows - 1].key);
        transaction_drop_row(transaction);
    }
    return transaction->n_rows == transaction->first_row;
}

int transaction_drop_job(struct transaction *transaction, struct error *error)
{
    (void)error;
    switch (transaction->at.part) {
    case UNDO_ROWS:
        if (transaction->n_rows == transaction->first_row)
            return finished(transaction);
        if (!undo_some(transaction, transaction->first_row))
            return STEP_MORE;
        return next_part_of_job(transaction);
    case UNDO_RELEASE:
        return release_some_rows(transaction) ? finished(transaction) : STEP_MORE;
    default:
        return look_after_endpoints(transaction, true) ? next_part_of_job(transaction) : STEP_MORE;
    }
}

int transaction_revert(struct transaction *transaction, struct error *error)
{
    (void)error;
    switch (transaction->at.part) {
    case UNDO_ROWS:
        if (!undo_some(transaction, 0))
            return STEP_MORE;
        set_scopes(transaction, false);
        return transaction_undo_next_part(transaction);
    default:
        if (!look_after_endpoints(transaction, false))
            return STEP_MORE;
        transaction->is_reverted = true;
        return finished(transaction);
    }
}

int transaction_replay(struct transaction *transaction, struct error *error)
{
    (void)error;
    switch (transaction->at.part) {
    case UNDO_ROWS:
        if (!replay_some(transaction))
            return STEP_MORE;
        set_scopes(transaction, true);
        return transaction_undo_next_part(transaction);
    default:
        if (!look_after_endpoints(transaction, false))
            return STEP_MORE;
        transaction->is_reverted = false;
        return finished(transaction);
    }
}

int transaction_abort(struct transaction *transaction, struct error *error)
{
    struct engine *engine = transaction->engine;

    (void)error;
    switch (transaction->at.part) {
    case UNDO_ROWS:
        if (!transaction->is_reverted && !undo_some(transaction, 0))
            return STEP_MORE;
        for (size_t i = transaction->n_scopes; i-- > 0;)
            scope_change_undo(engine, &transaction->scopes[i]);
        /* Of jobs that were dropped, each has been looked after already. */
        if (transaction->n_rows == 0 && !transaction->is_reserved)
            return begin_part(transaction, UNDO_RELEASE, transaction->instances);
        return transaction_undo_next_part(transaction);
    case UNDO_FORGET:
    case UNDO_FILL:
    case UNDO_RESTORE:
    case UNDO_PLAN:
        return look_after_endpoints(transaction, false) ? transaction_undo_next_part(transaction) : STEP_MORE;
    case UNDO_RELEASE:
        return transaction_undo_some_touched(transaction, false, transaction_release_endpoint)
                   ? transaction_undo_next_part(transaction)
                   : STEP_MORE;
    default:
        if (transaction->at.index < transaction->n_publications) {
            publisher_abort(engine->publisher, &transaction->publications[transaction->at.index++]);
            return STEP_MORE;
        }
        return transaction_free_some(transaction, NULL);
    }
}
