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

/* Rows that are looked at; one that is told is as much work as so many. */
#define ROWS_OF_STEP 64
#define ROWS_OF_TOLD 8

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

/* Rows of one key may follow each other; what counts is the state before the first and after the last. Returns
 * whether the row is one to be told, and what its key says then. */
static bool must_tell(const struct transaction *transaction, size_t i, struct row_name *name,
                      const char **after)
{
    const struct registry_row *row = &transaction->rows[i];
    const struct taken_key *taken = transaction_find_key(transaction, row->key);
    const char *before = transaction->undo[i].value;

    if (!taken || taken->first != i || row_parse_key(row->key, name) < 0 || !jobs_history_is_told(name))
        return false;
    *after = transaction->rows[taken->last].value;
    return !before || !*after || strcmp(before, *after) != 0;
}

static void tell_row(struct engine *engine, const struct waiting_job *waiting, size_t i, unsigned more)
{
    const struct transaction *transaction = &engine->jobs->transaction;
    const struct history_origin origin = {.by = waiting->job.by, .operation = waiting->job.operation};
    const char *before = transaction->undo[i].value;
    const char *after;
    struct row_name name;

    if (must_tell(transaction, i, &name, &after))
        (void)history_tell(engine->history, &origin, transaction->rows[i].key, before, after,
                           may_hold_secret(&name, before) || may_hold_secret(&name, after), more);
}

/* The next job of the group that has put rows. */
static void jobs_history_begin_job(struct jobs_telling *telling, const struct waiting_job *waiting)
{
    while (waiting && (waiting->result != 0 || waiting->end_row <= waiting->first_row))
        waiting = waiting->next;
    telling->job = waiting;
    telling->row = waiting ? waiting->first_row : 0;
    telling->most = telling->n < ROWS_OF_GROUP - ROWS_OF_JOB ? ROWS_OF_JOB : 1;
    telling->n_of_job = 0;
}

/* The last row that is told of a job says how many more there are, so it waits until they are counted. Returns how much
 * work it was. */
static unsigned look_at_row(struct engine *engine, struct jobs_telling *telling)
{
    unsigned work = 1;
    struct row_name name;
    const char *after;

    if (must_tell(&engine->jobs->transaction, telling->row, &name, &after)) {
        if (++telling->n_of_job < telling->most) {
            tell_row(engine, telling->job, telling->row, 0);
            work = ROWS_OF_TOLD;
        } else if (telling->n_of_job == telling->most) {
            telling->last = telling->row;
        }
    }
    telling->row++;
    return work;
}

int jobs_tell_history(struct engine *engine)
{
    struct jobs_telling *telling = &engine->jobs->telling;

    if (!engine->history)
        return 0;
    if (!telling->has_begun) {
        *telling = (struct jobs_telling){.has_begun = true};
        history_begin(engine->history, registry_revision(engine->registry) + 1, clock_wall_ms());
        jobs_history_begin_job(telling, engine->jobs->group.first);
    }
    for (unsigned work = 0; telling->job;) {
        if (work >= ROWS_OF_STEP)
            return STEP_MORE;
        if (telling->row < telling->job->end_row) {
            work += look_at_row(engine, telling);
            continue;
        }
        work += ROWS_OF_TOLD;
        if (telling->n_of_job >= telling->most)
            tell_row(engine, telling->job, telling->last, telling->n_of_job - telling->most);
        telling->n += telling->n_of_job < telling->most ? telling->n_of_job : telling->most;
        jobs_history_begin_job(telling, telling->job->next);
    }
    telling->has_begun = false;
    return 0;
}

void jobs_keep_history(struct engine *engine)
{
    uint64_t first = engine->history ? history_keep(engine->history) : 0;

    if (first)
        followers_changed(engine, first, history_newest(engine->history));
}
