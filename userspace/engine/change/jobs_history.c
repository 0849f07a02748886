/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a group changes, as the history keeps it: row by row, with the job that has put it. */
#include <string.h>

#include "base/clock.h"
#include "engine/change/jobs.h"
#include "engine/history/history.h"
#include "registry/rows.h"

/* Bounds on what one commit writes and on the time it takes: a large change is told by its first rows. */
#define ROWS_OF_JOB   256
#define ROWS_OF_GROUP 1024

/* Is it what people change, rather than what the daemon keeps to itself? */
static bool jobs_history_is_told(const struct row_name *name)
{
    switch (name->kind) {
    case ROW_NAMESPACE:
    case ROW_SERVICE:
    case ROW_INSTANCE:
    case ROW_ROUTE:
    case ROW_DOCUMENT:
    case ROW_GLOBAL_SETTINGS:
    case ROW_CANARY:
        return true;
    case ROW_AWS:
        return name->aws_kind == AWS_TASK_DEFINITIONS || name->aws_kind == AWS_CLUSTERS;
    default:
        return false;
    }
}

/* Documents and task definitions have environments, commands have arguments, and attributes are the tenant's:
 * people put passwords there. */
static bool may_hold_secret(const struct row_name *name, const char *value)
{
    return name->kind == ROW_DOCUMENT || name->kind == ROW_AWS ||
           (value &&
            (strstr(value, "\"command\"") || strstr(value, "\"attributes\"") || strstr(value, "\"aws\"")));
}

/* Rows of one key may follow each other; what counts is the state before the first and after the last. */
static bool tell_row(const struct transaction *transaction, struct history *history,
                     const struct history_origin *origin, size_t i, unsigned more)
{
    const struct registry_row *row = &transaction->rows[i];
    const struct taken_key *taken = transaction_find_key(transaction, row->key);
    const char *before = transaction->undo[i].value;
    const char *after;
    struct row_name name;

    if (!taken || taken->first != i || row_parse_key(row->key, &name) < 0 || !jobs_history_is_told(&name))
        return false;
    after = transaction->rows[taken->last].value;
    if (before && after && strcmp(before, after) == 0)
        return false;
    if (history)
        (void)history_tell(history, origin, row->key, before, after,
                           may_hold_secret(&name, before) || may_hold_secret(&name, after), more);
    return true;
}

static unsigned count_rows(const struct transaction *transaction, const struct waiting_job *waiting,
                           size_t from)
{
    unsigned n = 0;

    for (size_t i = from; i < waiting->end_row; i++)
        n += tell_row(transaction, NULL, NULL, i, 0);
    return n;
}

static size_t tell_job(struct engine *engine, const struct waiting_job *waiting, size_t most)
{
    const struct transaction *transaction = &engine->jobs->transaction;
    const struct history_origin origin = {.by = waiting->job.by, .operation = waiting->job.operation};
    size_t n = 0;

    for (size_t i = waiting->first_row; i < waiting->end_row && n < most; i++) {
        unsigned more = n + 1 == most ? count_rows(transaction, waiting, i + 1) : 0;

        n += tell_row(transaction, engine->history, &origin, i, more);
    }
    return n;
}

void jobs_tell_history(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    size_t n = 0;

    if (!engine->history)
        return;
    history_begin(engine->history, registry_revision(engine->registry) + 1, clock_wall_ms());
    for (const struct waiting_job *waiting = jobs->group.first; waiting; waiting = waiting->next)
        if (waiting->result == 0 && waiting->end_row > waiting->first_row)
            n += tell_job(engine, waiting, n < ROWS_OF_GROUP - ROWS_OF_JOB ? ROWS_OF_JOB : 1);
}

void jobs_keep_history(struct engine *engine)
{
    uint64_t first = engine->history ? history_keep(engine->history) : 0;

    if (first)
        followers_changed(engine, first, history_newest(engine->history));
}
