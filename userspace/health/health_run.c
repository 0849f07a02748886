/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When targets are probed, and what follows from the outcome. A target whose time has come goes to the end of
 * a queue, and the queue starts as much as there is room for. Callbacks of the user come last in each step,
 * because they may remove the target the step is about.
 */
#include "health/health_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- time ---- */

/*
 * Timers end at multiples of this, so that at a thousand probes a second ten start on one wake-up: waking up
 * costs more than a probe.
 */
#define HEALTH_TICK_MS 10

static uint64_t health_run_smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* 0 to limit - 1. SplitMix64: good enough to spread probes, and no system call. */
static uint64_t health_run_draw(struct health *health, uint64_t limit)
{
    uint64_t z = health->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return limit ? z % limit : 0;
}

void health_schedule_first(struct target *target)
{
    target->next_ms =
        clock_monotonic_ms() +
        health_run_draw(target->health, health_run_smaller(target->check.interval_ms, HEALTH_FIRST_PROBE_MS));
    health_arm(target);
}

/*
 * First probes are crowded into a moment. The second comes after 0.1 to 1.1 of the interval, which gives
 * targets that came together any place within it; from then on the interval, more or less a tenth, keeps them
 * apart.
 */
static void schedule_next(struct target *target)
{
    uint64_t interval_ms = target->check.interval_ms;
    uint64_t tenth_ms = interval_ms / 10;
    uint64_t delay_ms;

    if (target->is_spread)
        delay_ms = interval_ms - tenth_ms + health_run_draw(target->health, 2 * tenth_ms + 1);
    else
        delay_ms = tenth_ms + health_run_draw(target->health, interval_ms + 1);
    target->is_spread = true;
    target->next_ms = larger(target->started_ms + delay_ms,
                             target->finished_ms + health_run_smaller(interval_ms, HEALTH_PAUSE_MS));
}

void health_arm(struct target *target)
{
    uint64_t due_ms = target->phase == TARGET_WAITING ? target->next_ms : UINT64_MAX;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t admission_ms;
    struct timeval delay;

    if (health_state_awaits_admission(&target->member.state, &target->member.rules, &admission_ms))
        due_ms = health_run_smaller(due_ms, admission_ms);
    if (due_ms == UINT64_MAX) {
        (void)event_del(&target->timer);
        return;
    }
    due_ms += (HEALTH_TICK_MS - due_ms % HEALTH_TICK_MS) % HEALTH_TICK_MS;
    delay = probe_time(due_ms > now_ms ? (uint32_t)health_run_smaller(due_ms - now_ms, UINT32_MAX) : 0);
    (void)event_add(&target->timer, &delay);
}

/* ---- reports ---- */

void health_fill_report(const struct target *target, struct health_report *ret_report)
{
    const struct health_state *state = &target->member.state;

    *ret_report = (struct health_report){
        .health = state->health,
        .refusal = target->refusal,
        .is_routable = health_state_is_routable(state),
        .since = state->since,
        .passes = state->passes,
        .failures = state->failures,
        .probes = target->probes,
    };
    (void)snprintf(ret_report->reason, sizeof(ret_report->reason), "%s",
                   target->refusal  ? target->refusal
                   : target->reason ? target->reason
                                    : "not probed yet");
}

static void health_run_tell_changes(struct health *health)
{
    struct weak_member *member;

    while ((member = weak_observer_take_changed(&health->observer))) {
        const struct target *target =
            (const struct target *)((const char *)member - offsetof(struct target, member));
        struct health_report report;

        health_fill_report(target, &report);
        health->on_transition(target->endpoint, &report, health->user);
    }
}

/* Results mostly repeat the last one, which takes no memory. */
static void set_reason(struct target *target, const char *reason)
{
    char *copy;

    if (target->reason && strcmp(target->reason, reason) == 0)
        return;
    copy = strdup(reason);
    if (!copy)
        return;
    free(target->reason);
    target->reason = copy;
}

/* ---- probes ---- */

static bool is_exec(const struct target *target)
{
    return target->check.type == HEALTH_CHECK_EXEC;
}

static struct target_queue *queue_of(struct target *target)
{
    return is_exec(target) ? &target->health->waiting_exec : &target->health->waiting;
}

/* The target may be gone afterwards. */
static void health_run_finish(struct target *target, enum probe_outcome outcome, const char *reason)
{
    struct health *health = target->health;
    uint64_t now_ms = clock_monotonic_ms();

    target->phase = TARGET_WAITING;
    target->finished_ms = now_ms;
    set_reason(target, reason);
    if (outcome != PROBE_UNDECIDED) {
        target->probes++;
        health->probes++;
        health->failed += outcome == PROBE_FAILED;
        weak_observer_result(&health->observer, &target->member, outcome == PROBE_PASSED, now_ms, time(NULL));
    }
    schedule_next(target);
    health_arm(target);
    health_run_tell_changes(health);
}

static int start_probe(struct target *target)
{
    struct health *health = target->health;

    switch (target->check.type) {
    case HEALTH_CHECK_TCP:
        return tcp_prober_start(health->tcp, &target->request, &target->probe.tcp);
    case HEALTH_CHECK_HTTP:
    case HEALTH_CHECK_HTTPS:
        return http_prober_start(health->http, &target->request, &target->probe.http);
    default:
        return exec_prober_start(health->exec, &target->request, &target->command);
    }
}

/* The target may be gone afterwards. */
static void health_run_start(struct target *target)
{
    int r;

    target->started_ms = clock_monotonic_ms();
    if (target->refusal) {
        health_run_finish(target, PROBE_UNDECIDED, target->refusal);
        return;
    }
    if (target->command) {
        health_run_finish(target, PROBE_FAILED, "the command of an earlier probe is killed and does not end");
        return;
    }
    r = start_probe(target);
    if (r < 0) {
        health_run_finish(target, probe_judge_errno(-r), probe_errno_text(-r));
        return;
    }
    target->phase = TARGET_UNDER_WAY;
    if (!is_exec(target))
        target->health->under_way++;
    health_arm(target);
}

static bool has_room(const struct health *health, bool is_for_exec)
{
    size_t commands = exec_prober_count(health->exec);

    return health->under_way + commands < HEALTH_MAX_PROBES &&
           (!is_for_exec || commands < HEALTH_MAX_COMMANDS);
}

/* A callback may empty or fill the queue: its head is read anew each time. */
static void start_queue(struct health *health, struct target_queue *queue)
{
    struct target *target;

    while ((target = TAILQ_FIRST(queue)) && has_room(health, queue == &health->waiting_exec)) {
        TAILQ_REMOVE(queue, target, queue_link);
        target->phase = TARGET_WAITING;
        health_run_start(target);
    }
}

void health_start_waiting(struct health *health)
{
    start_queue(health, &health->waiting_exec);
    start_queue(health, &health->waiting);
}

void health_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct target *target = user;
    struct health *health = target->health;
    uint64_t now_ms = clock_monotonic_ms();

    (void)fd;
    (void)what;
    weak_observer_admit(&health->observer, &target->member, now_ms);
    if (target->phase == TARGET_WAITING && now_ms >= target->next_ms) {
        target->phase = TARGET_QUEUED;
        TAILQ_INSERT_TAIL(queue_of(target), target, queue_link);
    }
    health_arm(target);
    health_run_tell_changes(health);
    health_start_waiting(health);
}

void health_on_outcome(void *user, enum probe_outcome outcome, const char *reason)
{
    struct target *target = user;
    struct health *health = target->health;

    if (!is_exec(target))
        health->under_way--;
    health_run_finish(target, outcome, reason);
    health_start_waiting(health);
}

void health_on_command_gone(void *health_user, void *user)
{
    struct target *target = user;

    if (target)
        target->command = NULL;
    health_start_waiting(health_user);
}

void health_stop(struct target *target)
{
    struct health *health = target->health;

    (void)event_del(&target->timer);
    if (target->phase == TARGET_QUEUED)
        TAILQ_REMOVE(queue_of(target), target, queue_link);
    if (target->phase == TARGET_UNDER_WAY && !is_exec(target)) {
        health->under_way--;
        if (target->check.type == HEALTH_CHECK_TCP)
            tcp_prober_cancel(health->tcp, target->probe.tcp);
        else
            http_prober_cancel(health->http, target->probe.http);
    }
    if (target->command)
        exec_prober_cancel(health->exec, target->command);
    target->command = NULL;
    target->phase = TARGET_WAITING;
}
