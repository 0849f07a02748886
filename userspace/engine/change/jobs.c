/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Jobs in turn: groups of changes that share a commit, step by step, and findings in between. */
#include "engine/change/jobs.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define GROUP_JOBS    1024
#define GROUP_ROWS    8192
#define GROUP_NS      2000000 /* jobs are added to a group for so long */
#define TURN_NS       2000000 /* then others have the loop */
#define MAX_CONFLICTS 16

/* ---- queues ---- */

static void queue_init(struct job_queue *queue)
{
    *queue = (struct job_queue){.end = &queue->first};
}

static void queue_push(struct job_queue *queue, struct waiting_job *waiting)
{
    waiting->next = NULL;
    *queue->end = waiting;
    queue->end = &waiting->next;
    queue->n++;
}

static struct waiting_job *queue_pop(struct job_queue *queue)
{
    struct waiting_job *first = queue->first;

    if (!first)
        return NULL;
    queue->first = first->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->n--;
    return first;
}

static void queue_put_back(struct job_queue *queue, struct waiting_job *waiting)
{
    waiting->next = queue->first;
    queue->first = waiting;
    if (!waiting->next)
        queue->end = &waiting->next;
    queue->n++;
}

/* All of `from` before what `queue` holds. */
static void queue_put_back_all(struct job_queue *queue, struct job_queue *from)
{
    if (!from->first)
        return;
    *from->end = queue->first;
    if (!queue->first)
        queue->end = from->end;
    queue->first = from->first;
    queue->n += from->n;
    queue_init(from);
}

static int submit(struct engine *engine, struct job_queue *queue, const struct job *job)
{
    struct waiting_job *waiting;

    if (engine->jobs->is_ending)
        return -ECANCELED;
    if (queue->n >= JOBS_WAITING)
        return -EBUSY;
    waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        return -ENOMEM;
    waiting->job = *job;
    queue_push(queue, waiting);
    jobs_stir(engine);
    return 0;
}

int engine_submit(struct engine *engine, const struct job *job)
{
    return submit(engine, &engine->jobs->changes, job);
}

int engine_submit_finding(struct engine *engine, const struct job *job)
{
    return submit(engine, &engine->jobs->findings, job);
}

void engine_save_numbers(struct engine *engine)
{
    engine->jobs->must_save = true;
    jobs_stir(engine);
}

void jobs_stir(struct engine *engine)
{
    if (engine->jobs && engine->jobs->turn)
        event_active(engine->jobs->turn, EV_TIMEOUT, 0);
}

/* ---- answers ---- */

/* Tells each job its end: what its own run said, else that of the group. */
static void answer(struct job_queue *group, int r, uint64_t revision, const struct error *error)
{
    struct waiting_job *waiting;

    while ((waiting = queue_pop(group))) {
        const struct job *job = &waiting->job;

        if (!job->done)
            (void)0;
        else if (waiting->result < 0)
            job->done(waiting->result, 0, &waiting->error, job->user);
        else
            job->done(r, r < 0 ? 0 : revision, error, job->user);
        free(waiting);
    }
}

/* ---- findings while a commit is under way ---- */

static void free_stirred(struct stirred *stirred)
{
    free(stirred->namespace_name);
    free(stirred->service);
    free(stirred->instance);
    free(stirred);
}

static void remember_stirred(struct jobs *jobs, const struct transaction *transaction)
{
    const struct touched *touched;

    for (touched = transaction->instances; touched; touched = touched->hh.next) {
        struct stirred *stirred = calloc(1, sizeof(*stirred));

        if (!stirred)
            return; /* its table is as old as the commit until something touches it */
        stirred->namespace_name = strdup(touched->namespace_name);
        stirred->service = strdup(touched->service);
        stirred->instance = strdup(touched->instance);
        if (!stirred->namespace_name || !stirred->service || !stirred->instance) {
            free_stirred(stirred);
            return;
        }
        stirred->next = jobs->stirred;
        jobs->stirred = stirred;
    }
}

static int touch_stirred(struct transaction *transaction, void *user, struct error *error)
{
    struct jobs *jobs = user;
    int r = 0;

    for (const struct stirred *stirred = jobs->stirred; stirred && r == 0; stirred = stirred->next) {
        const struct service *service =
            catalog_service(transaction_catalog(transaction), stirred->namespace_name, stirred->service);
        const struct instance *instance = service ? catalog_instance(service, stirred->instance) : NULL;

        if (instance)
            r = transaction_touch_instance(transaction, instance);
    }
    return r < 0 ? error_errno(error, r, "publishing what was found meanwhile") : 0;
}

static void drop_stirred(struct jobs *jobs)
{
    while (jobs->stirred) {
        struct stirred *next = jobs->stirred->next;

        free_stirred(jobs->stirred);
        jobs->stirred = next;
    }
}

/* ---- who waits for a steady catalog ---- */

bool engine_is_steady(const struct engine *engine)
{
    enum jobs_state state = engine->jobs->state;

    return state == JOBS_IDLE || state == JOBS_COMMITTING || state == JOBS_PUBLISHING;
}

int engine_when_steady(struct engine *engine, void (*function)(void *user), void *user)
{
    struct jobs *jobs = engine->jobs;
    struct waiter **end = &jobs->waiters;
    struct waiter *waiter = calloc(1, sizeof(*waiter));

    if (!waiter)
        return -ENOMEM;
    *waiter = (struct waiter){.function = function, .user = user};
    while (*end)
        end = &(*end)->next;
    *end = waiter;
    jobs_stir(engine);
    return 0;
}

void engine_forget_waiter(struct engine *engine, void *user)
{
    for (struct waiter **at = &engine->jobs->waiters; *at;) {
        struct waiter *waiter = *at;

        if (waiter->user == user) {
            *at = waiter->next;
            free(waiter);
        } else {
            at = &waiter->next;
        }
    }
}

/* Those that are there now: one that waits again waits for the next turn. */
static void call_waiters(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct waiter *last = jobs->waiters;
    bool is_last = !last;

    while (last && last->next)
        last = last->next;
    while (!is_last && jobs->waiters && engine_is_steady(engine)) {
        struct waiter *waiter = jobs->waiters;

        is_last = waiter == last;
        jobs->waiters = waiter->next;
        waiter->function(waiter->user);
        free(waiter);
    }
}

/* ---- one group ---- */

static size_t n_succeeded(const struct job_queue *group)
{
    size_t n = 0;

    for (const struct waiting_job *waiting = group->first; waiting; waiting = waiting->next)
        n += waiting->result == 0;
    return n;
}

/*
 * The group cannot be had: of several each is tried by itself, also those that refused themselves, since they
 * may have seen what another one had put. Only of one it is known whose fault it is.
 */
static void give_up_group(struct job_queue *queue, struct job_queue *group, int r, const struct error *error)
{
    if (group->n > 1 && n_succeeded(group) > 0) {
        queue->alone += group->n;
        queue_put_back_all(queue, group);
        return;
    }
    answer(group, r, 0, error);
}

/* What the job that ran has put stays, or is to be dropped; true: it stays. */
static bool has_run(struct transaction *transaction, struct waiting_job *waiting, int r)
{
    if (r == 0 && !transaction->must_wait)
        r = transaction_keep_job(transaction);
    if (r < 0 && !waiting->error.number)
        (void)error_errno(&waiting->error, r, "preparing a change");
    waiting->result = r < 0 ? r : 0;
    return r == 0 && !transaction->must_wait;
}

static int run_once(struct transaction *transaction, struct waiting_job *waiting)
{
    transaction->n_calls++;
    return waiting->job.run(transaction, waiting->job.user, &waiting->error);
}

/* ---- findings: one pass, no rows ---- */

static void gather_findings(struct job_queue *queue, struct job_queue *group, struct transaction *transaction)
{
    uint64_t until = clock_monotonic_ns() + GROUP_NS;
    size_t most = queue->alone ? 1 : GROUP_JOBS;

    do {
        struct waiting_job *waiting = queue_pop(queue);

        waiting->error = (struct error){0};
        transaction_begin_job(transaction);
        transaction_own(transaction);
        (void)has_run(transaction, waiting, run_once(transaction, waiting));
        queue_push(group, waiting);
        if (queue->alone)
            queue->alone--;
    } while (queue->first && group->n < most && clock_monotonic_ns() < until);
}

static void run_findings(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction transaction;
    struct job_queue group;
    struct error error = {0};
    int r;

    queue_init(&group);
    transaction_begin(&transaction, engine, true);
    gather_findings(&jobs->findings, &group, &transaction);
    r = transaction_whole(&transaction, transaction_reserve, &error);
    if (r < 0) {
        (void)transaction_whole(&transaction, transaction_abort, NULL);
        give_up_group(&jobs->findings, &group, r, &error);
        return;
    }
    if (jobs->state == JOBS_COMMITTING)
        remember_stirred(jobs, &transaction);
    (void)transaction_whole(&transaction, transaction_publish, NULL);
    answer(&group, 0, registry_revision(engine->registry), NULL);
}

/* ---- changes: one state after the other ---- */

static void enter(struct jobs *jobs, enum jobs_state state)
{
    jobs->state = state;
}

static void begin_group(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    transaction_begin(&jobs->transaction, engine, false);
    jobs->running = NULL;
    /* What is kept is merged with one change at a time. */
    jobs->most = jobs->changes.alone || engine_is_degraded(engine) ? 1 : GROUP_JOBS;
    jobs->gather_until_ns = clock_monotonic_ns() + GROUP_NS;
    enter(jobs, JOBS_RUNNING);
}

/* The next job, the next piece of the one that runs, or that the group is complete. */
static void step_running(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction *transaction = &jobs->transaction;
    bool is_full = jobs->group.n >= jobs->most || transaction->n_rows >= GROUP_ROWS ||
                   (jobs->group.n > 0 && clock_monotonic_ns() >= jobs->gather_until_ns);
    int r;

    if (!jobs->running && (is_full || !jobs->changes.first)) {
        enter(jobs, JOBS_RESERVING);
        return;
    }
    if (!jobs->running) {
        jobs->running = queue_pop(&jobs->changes);
        jobs->running->error = (struct error){0};
        transaction_begin_job(transaction);
    }
    r = run_once(transaction, jobs->running);
    if (r == JOB_GO_ON && !transaction->must_wait)
        return;
    if (has_run(transaction, jobs->running, r)) {
        queue_push(&jobs->group, jobs->running);
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
        queue_put_back(&jobs->changes, waiting);
        enter(jobs, JOBS_RESERVING);
        return;
    }
    queue_push(&jobs->group, waiting);
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

static void step_reserving(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct error error = {0};
    int r = transaction_reserve(&jobs->transaction, &error);

    if (r == STEP_MORE)
        return;
    if (r < 0)
        undo_group(jobs, r, &error);
    else if (jobs->transaction.n_rows > 0 || (jobs->must_save && engine->unsaved.n > 0))
        enter(jobs, JOBS_REVERTING);
    else
        enter(jobs, JOBS_PUBLISHING);
    jobs->must_save = false;
    jobs->revision = registry_revision(engine->registry);
}

static int collect_rows(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction *transaction = &jobs->transaction;
    size_t n;

    transaction->numbers = numbers_take_unsaved(engine);
    n = transaction->n_rows + transaction->numbers.n;
    jobs->rows = calloc(n + 1, sizeof(*jobs->rows));
    if (!jobs->rows)
        return -ENOMEM;
    if (transaction->n_rows)
        memcpy(jobs->rows, transaction->rows, transaction->n_rows * sizeof(*jobs->rows));
    if (transaction->numbers.n)
        memcpy(jobs->rows + transaction->n_rows, transaction->numbers.rows,
               transaction->numbers.n * sizeof(*jobs->rows));
    jobs->commit = (struct registry_commit){.rows = jobs->rows, .n_rows = n};
    return 0;
}

static void end_commit(struct engine *engine, int r, uint64_t revision, const struct error *error)
{
    struct jobs *jobs = engine->jobs;

    free(jobs->rows);
    jobs->rows = NULL;
    if (r < 0) {
        drop_stirred(jobs);
        numbers_give_back(engine, &jobs->transaction.numbers);
        undo_group(jobs, r, error);
        return;
    }
    jobs->revision = revision;
    enter(jobs, JOBS_REPLAYING);
}

static void step_reverting(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct error error = {0};
    int r;

    if (transaction_revert(&jobs->transaction, NULL) == STEP_MORE)
        return;
    r = collect_rows(engine);
    if (r < 0)
        (void)error_errno(&error, r, "writing to the registry");
    else
        r = registry_commit_begin(engine->registry, &jobs->commit, &error);
    enter(jobs, JOBS_COMMITTING);
    if (r < 0)
        end_commit(engine, r, 0, &error);
}

static void step_replaying(struct engine *engine)
{
    if (transaction_replay(&engine->jobs->transaction, NULL) != STEP_MORE)
        enter(engine->jobs, JOBS_PUBLISHING);
}

static void step_publishing(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    const struct job stirred = {.run = touch_stirred, .user = jobs};

    if (transaction_publish(&jobs->transaction, NULL) == STEP_MORE)
        return;
    enter(jobs, JOBS_IDLE);
    if (jobs->stirred && engine_submit_finding(engine, &stirred) == 0)
        run_findings(engine);
    drop_stirred(jobs);
    answer(&jobs->group, 0, jobs->revision, NULL);
}

static void step_aborting(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    const struct error error = jobs->error;
    int r = jobs->result;
    bool is_conflict = r == -EAGAIN;

    if (transaction_abort(&jobs->transaction, NULL) == STEP_MORE)
        return;
    enter(jobs, JOBS_IDLE);
    for (struct waiting_job *waiting = jobs->group.first; waiting && is_conflict; waiting = waiting->next)
        is_conflict = waiting->conflicts++ < MAX_CONFLICTS;
    if (is_conflict) {
        if (jobs->group.n > 1)
            jobs->changes.alone += jobs->group.n;
        queue_put_back_all(&jobs->changes, &jobs->group);
    } else {
        give_up_group(&jobs->changes, &jobs->group, r, &error);
    }
}

/* ---- turns ---- */

static bool has_work(const struct engine *engine)
{
    const struct jobs *jobs = engine->jobs;

    if (jobs->state == JOBS_IDLE)
        return jobs->changes.first || jobs->findings.first || jobs->must_save;
    return jobs->state != JOBS_COMMITTING || jobs->findings.first;
}

static void take_step(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    switch (jobs->state) {
    case JOBS_IDLE:
    case JOBS_COMMITTING:
        if (jobs->findings.first)
            run_findings(engine);
        else if (jobs->state == JOBS_IDLE)
            begin_group(engine);
        return;
    case JOBS_RUNNING:
        step_running(engine);
        return;
    case JOBS_DROPPING:
        step_dropping(engine);
        return;
    case JOBS_RESERVING:
        step_reserving(engine);
        return;
    case JOBS_REVERTING:
        step_reverting(engine);
        return;
    case JOBS_REPLAYING:
        step_replaying(engine);
        return;
    case JOBS_PUBLISHING:
        step_publishing(engine);
        return;
    case JOBS_ABORTING:
        step_aborting(engine);
        return;
    }
}

static void take_turn(struct engine *engine)
{
    uint64_t until = clock_monotonic_ns() + TURN_NS;

    do {
        if (!has_work(engine))
            break;
        take_step(engine);
    } while (clock_monotonic_ns() < until);
    call_waiters(engine);
    if (has_work(engine))
        jobs_stir(engine);
}

static void on_turn(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    take_turn(user);
}

static void on_committed(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;
    struct error error = {0};
    uint64_t revision = 0;
    int r = registry_commit_end(engine->registry, &revision, &error);

    (void)fd;
    (void)what;
    if (r == -EINPROGRESS || r == -EINVAL)
        return;
    end_commit(engine, r, revision, &error);
    take_turn(engine);
}

/* Waits for the commit under way, if there is one. */
static void wait_for_commit(struct engine *engine)
{
    struct error error = {0};
    uint64_t revision = 0;
    int r;

    if (engine->jobs->state != JOBS_COMMITTING)
        return;
    r = registry_commit_wait(engine->registry, &revision, &error);
    end_commit(engine, r, revision, &error);
}

void engine_settle(struct engine *engine)
{
    while (engine->jobs->state != JOBS_IDLE || has_work(engine)) {
        if (!has_work(engine))
            wait_for_commit(engine);
        take_turn(engine);
    }
}

/* ---- start and end ---- */

int jobs_init(struct engine *engine, struct event_base *base)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));

    engine->jobs = jobs;
    if (!jobs)
        return -ENOMEM;
    queue_init(&jobs->changes);
    queue_init(&jobs->findings);
    queue_init(&jobs->group);
    jobs->turn = event_new(base, -1, 0, on_turn, engine);
    return jobs->turn ? 0 : -ENOMEM;
}

int jobs_listen(struct engine *engine, struct event_base *base)
{
    struct jobs *jobs = engine->jobs;

    jobs->committed =
        event_new(base, registry_commit_fd(engine->registry), EV_READ | EV_PERSIST, on_committed, engine);
    return jobs->committed && event_add(jobs->committed, NULL) == 0 ? 0 : -ENOMEM;
}

void engine_stop(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct job_queue waiting;
    struct error error = {0};

    if (!jobs || jobs->is_ending)
        return;
    jobs->is_ending = true;
    waiting = jobs->changes;
    if (!waiting.first)
        waiting.end = &waiting.first;
    queue_init(&jobs->changes);
    while (jobs->state != JOBS_IDLE) {
        wait_for_commit(engine);
        take_turn(engine);
    }
    (void)error_set(&error, ECANCELED, "svcconnectd is ending; nothing was changed");
    answer(&waiting, -ECANCELED, 0, &error);
    answer(&jobs->changes, -ECANCELED, 0, &error);
    answer(&jobs->findings, -ECANCELED, 0, &error);
    if (jobs->committed)
        event_free(jobs->committed);
    if (jobs->turn)
        event_free(jobs->turn);
    jobs->committed = jobs->turn = NULL;
    while (jobs->waiters) {
        struct waiter *next = jobs->waiters->next;

        free(jobs->waiters);
        jobs->waiters = next;
    }
}

void jobs_free(struct engine *engine)
{
    engine_stop(engine);
    free(engine->jobs);
    engine->jobs = NULL;
}
