/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A group of changes on its way: one state after the other, each by steps. */
#include "engine/change/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/history/history.h"

#define GROUP_ROWS     8192
#define ANSWERS_A_STEP 32
#define MAX_CONFLICTS  16

bool job_has_run(struct transaction *transaction, struct waiting_job *waiting, int r)
{
    if (r < 0 && !waiting->error.number)
        (void)error_errno(&waiting->error, r, "preparing a change");
    waiting->result = r < 0 ? r : 0;
    return r == 0 && !transaction->must_wait;
}

int job_run_once(struct transaction *transaction, struct waiting_job *waiting)
{
    transaction->n_calls++;
    return waiting->job.run(transaction, waiting->job.user, &waiting->error);
}

static void enter(struct jobs *jobs, enum jobs_state state)
{
    jobs->state = state;
}

static void begin_group(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    gather_end(jobs);
    jobs->is_remote = jobs_begin_remote(engine);
    /* What others have written came with its revision, on all hosts the same. */
    engine_number_instances(engine, registry_revision(engine->registry), jobs->is_remote);
    transaction_begin(&jobs->transaction, engine, false);
    jobs->running = NULL;
    jobs->is_written = false;
    jobs->n_stand = 0;
    jobs->n_answered = 0;
    /* What is kept is merged with one change at a time. */
    jobs->most = jobs->is_remote || jobs->changes.alone || engine_is_degraded(engine) ? 1 : JOBS_OF_GROUP;
    jobs->gather_until_ns = clock_monotonic_ns() + jobs->group_ns;
    enter(jobs, JOBS_RUNNING);
}

/* The next job, the next piece of the one that runs, or that the group is complete. */
static void step_running(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction *transaction = &jobs->transaction;
    bool is_full = jobs->is_ending || jobs->group.n >= jobs->most || transaction->n_rows >= GROUP_ROWS ||
                   (jobs->group.n > 0 && clock_monotonic_ns() >= jobs->gather_until_ns);
    int r;

    if (!jobs->running && (is_full || !jobs->changes.first)) {
        enter(jobs, JOBS_RESERVING);
        return;
    }
    if (!jobs->running) {
        jobs->running = job_queue_pop(&jobs->changes);
        jobs->running->error = (struct error){0};
        jobs->running->first_row = jobs->running->end_row = 0;
        kept_losses_free(&jobs->running->losses);
        transaction_begin_job(transaction);
    }
    r = job_run_once(transaction, jobs->running);
    if (r == JOB_GO_ON && !transaction->must_wait) {
        if (!jobs->is_ending)
            return;
        /* Nobody knows how many pieces are left, or whether there is an end to them. */
        r = error_set(&jobs->running->error, ECANCELED, "svcconnectd is ending; nothing was changed");
    }
    if (job_has_run(transaction, jobs->running, r)) {
        jobs->n_stand += jobs->running->result == 0;
        jobs->running->first_row = transaction->first_row;
        jobs->running->end_row = transaction->n_rows;
        transaction_keep_losses(transaction, &jobs->running->losses);
        job_queue_push(&jobs->group, jobs->running);
        jobs->running = NULL;
        if (jobs->changes.alone)
            jobs->changes.alone--;
        return;
    }
    enter(jobs, JOBS_DROPPING);
}

/* What was put by a job that refused, only looked, or has to wait is taken back. */
static void step_dropping(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct waiting_job *waiting = jobs->running;

    if (transaction_drop_job(&jobs->transaction, NULL) == STEP_MORE)
        return;
    jobs->running = NULL;
    if (jobs->transaction.must_wait) {
        job_queue_put_back(&jobs->changes, waiting);
        enter(jobs, JOBS_RESERVING);
        return;
    }
    job_queue_push(&jobs->group, waiting);
    if (jobs->changes.alone)
        jobs->changes.alone--;
    enter(jobs, JOBS_RUNNING);
}

static void undo_group(struct jobs *jobs, int r, const struct error *error)
{
    jobs->result = r;
    jobs->error = *error;
    jobs->transaction.at = (struct step_cursor){0};
    enter(jobs, JOBS_ABORTING);
}

/* A job without a row is not the one to hear that numbers cannot be saved. */
static bool must_commit(const struct engine *engine)
{
    const struct jobs *jobs = engine->jobs;

    if (jobs->is_remote)
        return false;
    return jobs->transaction.n_rows > 0 || (jobs->must_save && engine->unsaved.n > 0 && !jobs->group.first);
}

static void step_reserving(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct error error = {0};
    int r;

    /* Nothing stands of what they did, so the kernel has nothing to hear. */
    if (jobs->group.first && jobs->n_stand == 0) {
        undo_group(jobs, 0, &error);
        return;
    }
    r = transaction_reserve(&jobs->transaction, &error);
    if (r == STEP_MORE)
        return;
    jobs->is_unwritten = false;
    jobs->must_save &= engine->unsaved.n > 0;
    if (r == 0 && jobs->is_remote) {
        jobs_tell_losses(engine);
        jobs->must_save |= engine->unsaved.n > 0;
    }
    if (r < 0)
        undo_group(jobs, r, &error);
    else
        enter(jobs, must_commit(engine) ? JOBS_REVERTING : JOBS_PUBLISHING);
    jobs->revision = registry_revision(engine->registry);
}

static int collect_rows(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction *transaction = &jobs->transaction;
    const struct registry_row *told;
    size_t n_told = 0;
    size_t most = transaction->n_rows == 0 && jobs->most_numbers == 0 ? 1 : jobs->most_numbers;
    size_t n;

    transaction->numbers = numbers_take_unsaved(engine, most);
    jobs->must_save &= engine->unsaved.n > 0;
    told = engine->history ? history_rows(engine->history, &n_told) : NULL;
    n = transaction->n_rows + transaction->numbers.n + n_told;
    jobs->rows = calloc(n + 1, sizeof(*jobs->rows));
    if (!jobs->rows)
        return -ENOMEM;
    if (transaction->n_rows)
        memcpy(jobs->rows, transaction->rows, transaction->n_rows * sizeof(*jobs->rows));
    if (transaction->numbers.n)
        memcpy(jobs->rows + transaction->n_rows, transaction->numbers.rows,
               transaction->numbers.n * sizeof(*jobs->rows));
    if (n_told)
        memcpy(jobs->rows + transaction->n_rows + transaction->numbers.n, told, n_told * sizeof(*told));
    jobs->commit = (struct registry_commit){.rows = jobs->rows, .n_rows = n};
    return 0;
}

/* Too much at once: half of the numbers, which are in no hurry. False: there were none to leave out. */
static bool take_fewer_numbers(struct jobs *jobs)
{
    size_t n = jobs->transaction.numbers.n;

    if (n > 0)
        jobs->most_numbers = n / 2;
    return n > 0;
}

/* Numbers alone wait a while then: nothing else would keep them from being tried without end. */
static void give_up_commit(struct engine *engine, int r, const struct error *error)
{
    struct jobs *jobs = engine->jobs;

    jobs->is_unwritten = true;
    if (jobs->transaction.numbers.n > 0) {
        jobs->must_save = jobs->are_numbers_late = true;
        jobs_again_later(jobs);
    }
    if (r == -E2BIG && jobs->group.n <= 1 && take_fewer_numbers(jobs))
        r = -EAGAIN;
    numbers_give_back(engine, &jobs->transaction.numbers);
    undo_group(jobs, r, error);
}

void jobs_end_commit(struct engine *engine, int r, uint64_t revision, const struct error *error)
{
    struct jobs *jobs = engine->jobs;

    free(jobs->rows);
    jobs->rows = NULL;
    jobs->commit_ns = clock_monotonic_ns() - jobs->commit_begun_ns;
    if (r < 0) {
        give_up_commit(engine, r, error);
        return;
    }
    jobs_keep_history(engine);
    jobs_tell_losses(engine);
    jobs->revision = revision;
    engine_number_instances(engine, revision, true);
    jobs->is_written = true;
    jobs->are_numbers_late = false;
    jobs->most_numbers = jobs->most_numbers > SIZE_MAX / 4 ? SIZE_MAX : jobs->most_numbers * 2 + 1;
    stirred_join(jobs, &jobs->transaction);
    enter(jobs, JOBS_REPLAYING);
}

static void step_reverting(struct engine *engine)
{
    if (transaction_revert(&engine->jobs->transaction, NULL) != STEP_MORE)
        enter(engine->jobs, JOBS_TELLING);
}

static void step_telling(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct error error = {0};
    int r;

    if (jobs_tell_history(engine) == STEP_MORE)
        return;
    r = collect_rows(engine);
    jobs->commit_begun_ns = clock_monotonic_ns();
    if (r < 0)
        (void)error_errno(&error, r, "writing to the registry");
    else
        r = registry_commit_begin(engine->registry, &jobs->commit, &error);
    enter(jobs, JOBS_COMMITTING);
    if (r < 0)
        jobs_end_commit(engine, r, 0, &error);
}

static void step_replaying(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    if (transaction_replay(&jobs->transaction, NULL) != STEP_MORE)
        enter(jobs, jobs->stirred.instances ? JOBS_REFRESHING : JOBS_PUBLISHING);
}

static void step_refreshing(struct engine *engine)
{
    if (transaction_refresh(&engine->jobs->transaction, NULL) != STEP_MORE)
        enter(engine->jobs, JOBS_PUBLISHING);
}

/* Also the tables that only findings change, before what they named is taken away. */
static void step_publishing(struct engine *engine)
{
    if (transaction_publish_tables(&engine->jobs->transaction, NULL) == STEP_MORE)
        return;
    if (stirred_publish(engine) == STEP_MORE)
        return;
    enter(engine->jobs, JOBS_FINISHING);
}

static void step_finishing(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    if (transaction_publish(&jobs->transaction, NULL) == STEP_MORE)
        return;
    jobs->n_behind = jobs->changes.n;
    enter(jobs, JOBS_ANSWERING);
}

static void step_answering(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    size_t before = jobs->group.n;

    job_queue_answer_some(&jobs->group, ANSWERS_A_STEP, jobs->revision);
    jobs->n_answered += before - jobs->group.n;
    if (jobs->group.first)
        return;
    enter(jobs, JOBS_IDLE);
    if (jobs->is_written)
        gather_after(jobs);
}

static void step_aborting(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    const struct error error = jobs->error;
    int r = jobs->result;
    bool is_conflict = r == -EAGAIN;

    if (transaction_abort(&jobs->transaction, NULL) == STEP_MORE)
        return;
    if (r == 0) {
        jobs->revision = registry_revision(engine->registry);
        enter(jobs, JOBS_ANSWERING);
        return;
    }
    enter(jobs, JOBS_IDLE);
    for (struct waiting_job *waiting = jobs->group.first; waiting && is_conflict; waiting = waiting->next)
        is_conflict = waiting->conflicts++ < MAX_CONFLICTS;
    if (is_conflict) {
        if (jobs->group.n > 1 || jobs->changes.alone)
            jobs->changes.alone += jobs->group.n;
        job_queue_put_back_all(&jobs->changes, &jobs->group);
    } else if (!jobs->is_unwritten || r == -EAGAIN || r == -E2BIG) {
        job_queue_give_up(&jobs->changes, &jobs->group, r, &error);
    } else {
        job_queue_fail(&jobs->changes, &jobs->group, r, &error);
    }
}

void jobs_step(struct engine *engine)
{
    static void (*const steps[])(struct engine * engine) = {
        [JOBS_IDLE] = begin_group,           [JOBS_RUNNING] = step_running,
        [JOBS_DROPPING] = step_dropping,     [JOBS_RESERVING] = step_reserving,
        [JOBS_REVERTING] = step_reverting,   [JOBS_TELLING] = step_telling,
        [JOBS_REPLAYING] = step_replaying,   [JOBS_REFRESHING] = step_refreshing,
        [JOBS_PUBLISHING] = step_publishing, [JOBS_FINISHING] = step_finishing,
        [JOBS_ANSWERING] = step_answering,   [JOBS_ABORTING] = step_aborting,
    };

    if (engine->jobs->state != JOBS_COMMITTING)
        steps[engine->jobs->state](engine);
}
