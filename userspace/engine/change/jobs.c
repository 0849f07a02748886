/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Jobs in turn: groups of changes that share a commit, step by step, and findings in between. */
#include "engine/change/jobs.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"

#define GROUP_NS       2000000
#define TURN_NS        2000000
#define MOST_GATHER_NS 5000000

static int jobs_submit(struct engine *engine, struct job_queue *queue, const struct job *job)
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
    job_queue_push(queue, waiting);
    jobs_stir(engine);
    return 0;
}

int engine_submit(struct engine *engine, const struct job *job)
{
    return jobs_submit(engine, &engine->jobs->changes, job);
}

int engine_submit_finding(struct engine *engine, const struct job *job)
{
    return jobs_submit(engine, &engine->jobs->findings, job);
}

void engine_save_numbers(struct engine *engine)
{
    engine->jobs->must_save = true;
    jobs_stir(engine);
}

/* By a timer: an event that was made active from within its own turn would come again before the loop has
 * looked at any descriptor. */
void jobs_stir(struct engine *engine)
{
    static const struct timeval now = {0};
    struct event *turn = engine->jobs ? engine->jobs->turn : NULL;

    if (turn && !event_pending(turn, EV_TIMEOUT, NULL) && event_add(turn, &now) < 0)
        event_active(turn, EV_TIMEOUT, 0);
}

void jobs_again_later(struct jobs *jobs)
{
    static const struct timeval later = {.tv_sec = 1};

    if (jobs->again && !event_pending(jobs->again, EV_TIMEOUT, NULL))
        (void)event_add(jobs->again, &later);
}

/* ---- turns ---- */

static bool are_stirred_due(const struct jobs *jobs)
{
    return jobs->stirred.instances && !jobs->is_stirred_late;
}

static bool has_work(const struct engine *engine)
{
    const struct jobs *jobs = engine->jobs;

    if (jobs->is_ending)
        return jobs->state != JOBS_IDLE && jobs->state != JOBS_COMMITTING;
    if (jobs->findings.first)
        return true;
    if (jobs->state == JOBS_IDLE)
        return jobs->has_batches || jobs->remotes || (jobs->changes.first && !gather_is_on(jobs)) ||
               are_stirred_due(jobs) || (jobs->must_save && !jobs->are_numbers_late);
    return jobs->state != JOBS_COMMITTING;
}

/* Findings come first, except that changes are not to wait for more than one group of them. */
static bool are_findings_due(const struct jobs *jobs)
{
    bool is_idle = jobs->state == JOBS_IDLE && !(jobs->had_findings && jobs->changes.first);

    return jobs->findings.first && (is_idle || jobs->state == JOBS_COMMITTING);
}

static void jobs_take_step(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;

    jobs->n_steps++;
    if (are_findings_due(jobs)) {
        jobs->had_findings = true;
        jobs_run_findings(engine);
    } else if (jobs->state == JOBS_IDLE && are_stirred_due(jobs)) {
        (void)stirred_publish(engine);
    } else {
        jobs->had_findings = false;
        jobs_step(engine);
    }
}

static void take_turn(struct engine *engine)
{
    uint64_t until = clock_monotonic_ns() + engine->jobs->turn_ns;

    do {
        if (!has_work(engine))
            break;
        jobs_take_step(engine);
    } while (clock_monotonic_ns() < until);
    jobs_call_waiters(engine);
    if (has_work(engine))
        jobs_stir(engine);
}

static void jobs_on_turn(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    take_turn(user);
}

/* The loop's timers go by a clock of their own, which may be ahead of ours: what counts is that it is over. */
static void on_gathered(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;

    (void)fd;
    (void)what;
    gather_end(engine->jobs);
    take_turn(engine);
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;

    (void)fd;
    (void)what;
    engine->jobs->are_numbers_late = engine->jobs->is_stirred_late = false;
    take_turn(engine);
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
    jobs_end_commit(engine, r, revision, &error);
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
    jobs_end_commit(engine, r, revision, &error);
}

void engine_settle(struct engine *engine)
{
    for (;;) {
        gather_end(engine->jobs);
        if (engine->jobs->state == JOBS_IDLE && !has_work(engine))
            break;
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
    job_queue_init(&jobs->changes);
    job_queue_init(&jobs->findings);
    job_queue_init(&jobs->group);
    jobs->most_numbers = SIZE_MAX;
    jobs->group_ns = GROUP_NS;
    jobs->turn_ns = TURN_NS;
    jobs->most_gather_ns = MOST_GATHER_NS;
    jobs->turn = event_new(base, -1, 0, jobs_on_turn, engine);
    jobs->again = event_new(base, -1, 0, on_again, engine);
    jobs->gathered = event_new(base, -1, 0, on_gathered, engine);
    return jobs->turn && jobs->again && jobs->gathered ? 0 : -ENOMEM;
}

int jobs_listen(struct engine *engine, struct event_base *base)
{
    struct jobs *jobs = engine->jobs;

    jobs->committed =
        event_new(base, registry_commit_fd(engine->registry), EV_READ | EV_PERSIST, on_committed, engine);
    if (!jobs->committed || event_add(jobs->committed, NULL) < 0)
        return -ENOMEM;
    return jobs_listen_to_others(engine, base);
}

void engine_stop(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct error error = {0};

    if (!jobs || jobs->is_ending)
        return;
    jobs->is_ending = true;
    while (jobs->state != JOBS_IDLE) {
        wait_for_commit(engine);
        take_turn(engine);
    }
    (void)error_set(&error, ECANCELED, "svcconnectd is ending; nothing was changed");
    job_queue_answer(&jobs->changes, -ECANCELED, 0, &error);
    job_queue_answer(&jobs->findings, -ECANCELED, 0, &error);
    if (jobs->committed)
        event_free(jobs->committed);
    if (jobs->turn)
        event_free(jobs->turn);
    if (jobs->again)
        event_free(jobs->again);
    if (jobs->gathered)
        event_free(jobs->gathered);
    jobs->committed = jobs->turn = jobs->again = jobs->gathered = NULL;
    jobs_leave_others(jobs);
    jobs_drop_waiters(jobs);
    stirred_drop(jobs);
}

void jobs_free(struct engine *engine)
{
    engine_stop(engine);
    free(engine->jobs);
    engine->jobs = NULL;
}
