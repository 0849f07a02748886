/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A canary: the route of one client alias moved by steps from one service to another, and back at once when
 * too many connects to the new one fail. Plain data and the rules for it; time and counters are passed in.
 *
 *   LINEAR   10 %, 20 %, ... 100 %      every step is watched for the interval before the next
 *   CANARY    5 %, 100 %                both are
 *
 * The last step is watched like the others; then the canary has SUCCEEDED. Times are milliseconds of the
 * clock on the wall, since a canary outlives its daemon. However much time has passed, one evaluation takes
 * one step, so that neither a pause of the daemon nor a clock put forward skips what nobody has watched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

/* Bounds and defaults of ECS's LINEAR and CANARY deployments; shares in tenths of a percent. */
#define CANARY_WHOLE                1000u
#define CANARY_PERCENT              10u /* of those */
#define CANARY_STEP_MIN             30u
#define CANARY_STEP_DEFAULT         100u
#define CANARY_PERCENT_MIN          1u
#define CANARY_PERCENT_DEFAULT      50u
#define CANARY_INTERVAL_MAX_S       (1440u * 60)
#define CANARY_LINEAR_INTERVAL_S    (6u * 60)
#define CANARY_CANARY_INTERVAL_S    (10u * 60)
#define CANARY_MAX_FAILURES_DEFAULT 50u
#define CANARY_MIN_CONNECTS_DEFAULT 20u
#define CANARY_MIN_CONNECTS_MAX     1000000000u
#define CANARY_REASON_SIZE          256

enum canary_strategy {
    CANARY_LINEAR,
    CANARY_CANARY,
};

enum canary_state {
    CANARY_RUNNING,
    CANARY_PAUSED,
    CANARY_SUCCEEDED,   /* all is the new service's */
    CANARY_ABORTED,     /* by hand; all is the old one's */
    CANARY_ROLLED_BACK, /* because connects failed; all is the old one's */
};

/* What became of connects, and how often an endpoint was ejected for it. */
struct canary_outcomes {
    uint64_t established;
    uint64_t failures;
    uint64_t ejections;
};

/* A target of its route. */
struct canary_target {
    bool is_to; /* the new service; else the old one */
    uint32_t weight;
};

#define CANARY_TARGETS 2

struct canary {
    char from[SVC_SERVICE_SIZE];
    char to[SVC_SERVICE_SIZE];
    enum canary_strategy strategy;
    uint32_t step; /* tenths: the size of a LINEAR step, the first share of CANARY */
    uint32_t interval_s;
    uint32_t max_failures; /* tenths of the step's outcomes that may fail; CANARY_WHOLE: any */
    /* With fewer outcomes a step is not judged and counts as good; unless an endpoint was ejected in it,
     * since those that would have made up the number are then kept away from it. */
    uint32_t min_connects;
    enum canary_state state;
    uint32_t share; /* tenths that are the new service's, and were when it ended */
    int64_t started_at;
    int64_t step_started_at;
    int64_t paused_at; /* PAUSED */
    int64_t ended_at;  /* 0: it goes on */
    /* Outcomes of the step: `counted` and what has come since the counters stood at `base`. */
    struct canary_outcomes base;
    struct canary_outcomes counted;
    struct canary_outcomes seen;                 /* their sum at the last look; not kept over a restart */
    struct canary_target before[CANARY_TARGETS]; /* the route that the alias had; none: n_before 0 */
    size_t n_before;
    bool is_unhealthy_on_empty;      /* of that route, and kept */
    char reason[CANARY_REASON_SIZE]; /* ROLLED_BACK: a sentence with the figures */
};

const char *canary_strategy_name(enum canary_strategy strategy); /* "LINEAR", "CANARY" */
const char *canary_state_name(enum canary_state state);          /* "RUNNING", "PAUSED", ... */

/* -EINVAL: no such name (upper case). */
int canary_strategy_parse(const char *name, enum canary_strategy *ret_strategy);
int canary_state_parse(const char *name, enum canary_state *ret_state);

/* RUNNING or PAUSED: the route is the canary's. */
bool canary_is_active(const struct canary *canary);

/* Fills in what a start fills in; the caller has filled in services, knobs
 * and `before`. `totals`: counters now. */
void canary_start(struct canary *canary, int64_t now, const struct canary_outcomes *totals);

enum canary_verdict {
    CANARY_AS_IT_WAS, /* nothing to write down */
    CANARY_REBASED,   /* the counters began anew; what had been counted has to be written down */
    CANARY_STEPPED,
    CANARY_DONE,   /* SUCCEEDED */
    CANARY_FAILED, /* ROLLED_BACK */
};

/* The state at `now` with the new service's counters at `totals`: at most one step. Only RUNNING
 * ones change. */
enum canary_verdict canary_evaluate(struct canary *canary, int64_t now, const struct canary_outcomes *totals);

/*
 * By hand. -EINVAL: not in a state for it. A pause keeps what is left of the step; what connects do during a
 * pause is not judged: with `totals` at the resume, counting begins anew.
 */
int canary_pause(struct canary *canary, int64_t now);
int canary_resume(struct canary *canary, int64_t now, const struct canary_outcomes *totals);
int canary_promote(struct canary *canary, int64_t now);
int canary_abort(struct canary *canary, int64_t now);

/*
 * The route that the alias has to have in the canary's state. Returns the number of targets; 0: no route of
 * its own. Back from a canary is the route as it was before, unless that gave the new service a share: then
 * all goes to the old one. Shares of whole percents have weights that add up to 100, others to CANARY_WHOLE.
 */
size_t canary_route(const struct canary *canary, struct canary_target ret_targets[static CANARY_TARGETS]);

/* Milliseconds to the end of the step, also of a paused one; 0 if it is over or the canary has ended. */
int64_t canary_remaining(const struct canary *canary, int64_t now);

/* Outcomes of the step with the counters at `totals`; of one that has ended, of its last step. */
struct canary_outcomes canary_step_outcomes(const struct canary *canary,
                                            const struct canary_outcomes *totals);

/* Share of `outcomes` that failed, in percent; 0 of none. */
double canary_failure_percent(const struct canary_outcomes *outcomes);
