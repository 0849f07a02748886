/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/canary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define MS_PER_S 1000

/* ---- names ---- */

static const char *const strategies[] = {
    [CANARY_LINEAR] = "LINEAR",
    [CANARY_CANARY] = "CANARY",
};

static const char *const states[] = {
    [CANARY_RUNNING] = "RUNNING", [CANARY_PAUSED] = "PAUSED",           [CANARY_SUCCEEDED] = "SUCCEEDED",
    [CANARY_ABORTED] = "ABORTED", [CANARY_ROLLED_BACK] = "ROLLED_BACK",
};

const char *canary_strategy_name(enum canary_strategy strategy)
{
    return strategies[strategy];
}

const char *canary_state_name(enum canary_state state)
{
    return states[state];
}

static int canary_find_name(const char *const names[], size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -EINVAL;
}

int canary_strategy_parse(const char *name, enum canary_strategy *ret_strategy)
{
    int found = canary_find_name(strategies, ARRAY_SIZE(strategies), name);

    if (found < 0)
        return found;
    *ret_strategy = (enum canary_strategy)found;
    return 0;
}

int canary_state_parse(const char *name, enum canary_state *ret_state)
{
    int found = canary_find_name(states, ARRAY_SIZE(states), name);

    if (found < 0)
        return found;
    *ret_state = (enum canary_state)found;
    return 0;
}

/* ---- counting ---- */

/* Counters only grow; smaller ones are those of a replaced endpoint or of a host that has been restarted. */
static bool went_backwards(const struct canary *canary, const struct canary_outcomes *totals)
{
    return totals->established < canary->base.established || totals->failures < canary->base.failures ||
           totals->ejections < canary->base.ejections;
}

struct canary_outcomes canary_step_outcomes(const struct canary *canary, const struct canary_outcomes *totals)
{
    struct canary_outcomes outcomes = canary->counted;

    if (!canary_is_active(canary) || went_backwards(canary, totals))
        return outcomes;
    outcomes.established += totals->established - canary->base.established;
    outcomes.failures += totals->failures - canary->base.failures;
    outcomes.ejections += totals->ejections - canary->base.ejections;
    return outcomes;
}

static uint64_t all_of(const struct canary_outcomes *outcomes)
{
    return outcomes->established + outcomes->failures;
}

/* `seen` is less than `counted` only when nobody has looked since a restart. */
static void keep_seen(struct canary *canary)
{
    if (all_of(&canary->seen) > all_of(&canary->counted))
        canary->counted = canary->seen;
}

/* True if what was counted has to be carried over to counters that began anew. */
static bool canary_count(struct canary *canary, const struct canary_outcomes *totals)
{
    bool is_new = went_backwards(canary, totals);

    if (is_new) {
        keep_seen(canary);
        canary->base = *totals;
    }
    canary->seen = canary_step_outcomes(canary, totals);
    return is_new;
}

static void count_anew(struct canary *canary, const struct canary_outcomes *totals)
{
    canary->base = *totals;
    canary->counted = (struct canary_outcomes){0};
    canary->seen = (struct canary_outcomes){0};
}

double canary_failure_percent(const struct canary_outcomes *outcomes)
{
    uint64_t all = all_of(outcomes);

    return all ? 100.0 * (double)outcomes->failures / (double)all : 0;
}

static bool is_failing(const struct canary *canary)
{
    uint64_t all = all_of(&canary->seen);

    /* Of whole numbers, so that exactly the share that may fail is still good. */
    return canary->max_failures < CANARY_WHOLE &&
           (all >= canary->min_connects || canary->seen.ejections > 0) &&
           canary->seen.failures * CANARY_WHOLE > all * canary->max_failures;
}

/* ---- states ---- */

bool canary_is_active(const struct canary *canary)
{
    return canary->state == CANARY_RUNNING || canary->state == CANARY_PAUSED;
}

void canary_start(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    canary->state = CANARY_RUNNING;
    canary->share = canary->step;
    canary->started_at = now;
    canary->step_started_at = now;
    canary->paused_at = 0;
    canary->ended_at = 0;
    canary->reason[0] = '\0';
    count_anew(canary, totals);
}

/* The outcomes of the last step stay to be read. */
static void canary_end(struct canary *canary, enum canary_state state, int64_t now)
{
    keep_seen(canary);
    canary->state = state;
    canary->paused_at = 0;
    canary->ended_at = now;
}

static void roll_back(struct canary *canary, int64_t now)
{
    uint64_t all = all_of(&canary->seen);

    (void)snprintf(canary->reason, sizeof(canary->reason),
                   "%" PRIu64 " of %" PRIu64
                   " connects to %s failed at a share of %u.%u %%: %.1f %%, more than the %u.%u %% allowed",
                   canary->seen.failures, all, canary->to, canary->share / 10, canary->share % 10,
                   canary_failure_percent(&canary->seen), canary->max_failures / 10,
                   canary->max_failures % 10);
    canary_end(canary, CANARY_ROLLED_BACK, now);
}

int64_t canary_remaining(const struct canary *canary, int64_t now)
{
    int64_t whole = (int64_t)canary->interval_s * MS_PER_S;
    int64_t at = canary->state == CANARY_PAUSED ? canary->paused_at : now;
    int64_t left = canary->step_started_at + whole - at;

    if (!canary_is_active(canary) || left < 0)
        return 0;
    return left > whole ? whole : left;
}

static enum canary_verdict step(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    if (canary->share >= CANARY_WHOLE) {
        canary_end(canary, CANARY_SUCCEEDED, now);
        return CANARY_DONE;
    }
    canary->share = canary->strategy == CANARY_LINEAR && canary->share + canary->step < CANARY_WHOLE
                        ? canary->share + canary->step
                        : CANARY_WHOLE;
    canary->step_started_at = now;
    count_anew(canary, totals);
    return CANARY_STEPPED;
}

enum canary_verdict canary_evaluate(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    enum canary_verdict verdict;

    if (canary->state != CANARY_RUNNING)
        return CANARY_AS_IT_WAS;
    verdict = canary_count(canary, totals) ? CANARY_REBASED : CANARY_AS_IT_WAS;
    if (is_failing(canary)) {
        roll_back(canary, now);
        return CANARY_FAILED;
    }
    /* A clock put back makes this step longer by no more than itself. */
    if (canary->step_started_at > now) {
        canary->step_started_at = now;
        verdict = CANARY_REBASED;
    }
    return canary_remaining(canary, now) > 0 ? verdict : step(canary, now, totals);
}

/* ---- by hand ---- */

int canary_pause(struct canary *canary, int64_t now)
{
    if (canary->state != CANARY_RUNNING)
        return -EINVAL;
    canary->state = CANARY_PAUSED;
    canary->paused_at = now;
    return 0;
}

int canary_resume(struct canary *canary, int64_t now, const struct canary_outcomes *totals)
{
    int64_t left = canary_remaining(canary, now);

    if (canary->state != CANARY_PAUSED)
        return -EINVAL;
    canary->state = CANARY_RUNNING;
    canary->step_started_at = now - ((int64_t)canary->interval_s * MS_PER_S - left);
    canary->paused_at = 0;
    count_anew(canary, totals);
    return 0;
}

int canary_promote(struct canary *canary, int64_t now)
{
    if (!canary_is_active(canary))
        return -EINVAL;
    canary->share = CANARY_WHOLE;
    canary_end(canary, CANARY_SUCCEEDED, now);
    return 0;
}

int canary_abort(struct canary *canary, int64_t now)
{
    if (!canary_is_active(canary))
        return -EINVAL;
    canary_end(canary, CANARY_ABORTED, now);
    return 0;
}

/* ---- the route ---- */

static bool had_share_before(const struct canary *canary)
{
    for (size_t i = 0; i < canary->n_before; i++)
        if (canary->before[i].is_to && canary->before[i].weight > 0)
            return true;
    return false;
}

size_t canary_route(const struct canary *canary, struct canary_target ret_targets[static CANARY_TARGETS])
{
    uint32_t scale;

    switch (canary->state) {
    case CANARY_RUNNING:
    case CANARY_PAUSED:
        /* Whole percents as they were typed: 80 and 20, not 800 and 200. */
        scale = canary->share % CANARY_PERCENT == 0 ? CANARY_PERCENT : 1;
        ret_targets[0] =
            (struct canary_target){.is_to = false, .weight = (CANARY_WHOLE - canary->share) / scale};
        ret_targets[1] = (struct canary_target){.is_to = true, .weight = canary->share / scale};
        return 2;
    case CANARY_SUCCEEDED:
        ret_targets[0] = (struct canary_target){.is_to = true, .weight = 100};
        return 1;
    default:
        break;
    }
    if (had_share_before(canary)) {
        ret_targets[0] = (struct canary_target){.is_to = false, .weight = 100};
        return 1;
    }
    memcpy(ret_targets, canary->before, sizeof(canary->before));
    return canary->n_before;
}
