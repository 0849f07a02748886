/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rules of a canary: steps, pauses, rollback, counters that begin anew, the route in every state. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/canary.h"

#define BEGIN    1700000000000ll
#define INTERVAL 360
#define SECONDS  1000ll

static const struct canary_outcomes nothing;

/* v1 to v2, RUNNING since BEGIN. */
static struct canary started(enum canary_strategy strategy, uint32_t step)
{
    struct canary canary = {
        .from = "v1",
        .to = "v2",
        .strategy = strategy,
        .step = step,
        .interval_s = INTERVAL,
        .max_failures = CANARY_MAX_FAILURES_DEFAULT,
        .min_connects = CANARY_MIN_CONNECTS_DEFAULT,
    };

    canary_start(&canary, BEGIN, &nothing);
    return canary;
}

static struct canary_outcomes outcomes(uint64_t established, uint64_t failures)
{
    return (struct canary_outcomes){.established = established, .failures = failures};
}

static void assert_route(const struct canary *canary, size_t n, uint32_t from, uint32_t to)
{
    struct canary_target targets[CANARY_TARGETS] = {0};
    uint32_t weights[2] = {0, 0};

    assert_int_equal(canary_route(canary, targets), n);
    for (size_t i = 0; i < n; i++)
        weights[targets[i].is_to] += targets[i].weight;
    assert_int_equal(weights[0], from);
    assert_int_equal(weights[1], to);
}

/* Weights of a share in tenths: of whole percents, they add up to 100. */
static void assert_shares(const struct canary *canary, uint32_t share)
{
    uint32_t scale = share % 10 == 0 ? 10 : 1;

    assert_route(canary, 2, (1000 - share) / scale, share / scale);
}

/* ---- steps ---- */

static void check_steps(enum canary_strategy strategy, uint32_t step, const uint32_t *shares, size_t n)
{
    struct canary canary = started(strategy, step);
    int64_t now = BEGIN;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(canary.state, CANARY_RUNNING);
        assert_int_equal(canary.share, shares[i]);
        assert_shares(&canary, shares[i]);
        now += INTERVAL * SECONDS - 1;
        assert_int_equal(canary_evaluate(&canary, now, &nothing), CANARY_AS_IT_WAS);
        now += 1;
        assert_int_equal(canary_evaluate(&canary, now, &nothing), i + 1 < n ? CANARY_STEPPED : CANARY_DONE);
    }
    assert_int_equal(canary.state, CANARY_SUCCEEDED);
    assert_int_equal(canary.ended_at, now);
    assert_route(&canary, 1, 0, 100);
    assert_int_equal(canary_evaluate(&canary, now + INTERVAL * SECONDS, &nothing), CANARY_AS_IT_WAS);
}

static void test_steps_end_at_all(void **state)
{
    static const uint32_t even[] = {250, 500, 750, 1000};
    static const uint32_t odd[] = {333, 666, 999, 1000};
    static const uint32_t rest[] = {300, 600, 900, 1000};
    static const uint32_t one[] = {1000};
    static const uint32_t small[] = {1, 1000};

    (void)state;
    check_steps(CANARY_LINEAR, 250, even, ARRAY_SIZE(even));
    check_steps(CANARY_LINEAR, 333, odd, ARRAY_SIZE(odd));
    check_steps(CANARY_LINEAR, 300, rest, ARRAY_SIZE(rest));
    check_steps(CANARY_LINEAR, 1000, one, ARRAY_SIZE(one));
    check_steps(CANARY_CANARY, 1, small, ARRAY_SIZE(small));
    check_steps(CANARY_CANARY, 1000, one, ARRAY_SIZE(one));
}

static void test_no_interval_steps_with_every_look(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 400);

    (void)state;
    canary.interval_s = 0;
    assert_int_equal(canary_evaluate(&canary, BEGIN, &nothing), CANARY_STEPPED);
    assert_int_equal(canary.share, 800);
    assert_int_equal(canary_evaluate(&canary, BEGIN, &nothing), CANARY_STEPPED);
    assert_int_equal(canary_evaluate(&canary, BEGIN, &nothing), CANARY_DONE);
}

/* A daemon that was down for hours: its time counts, but no step is skipped. */
static void test_one_step_after_a_long_time(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    int64_t later = BEGIN + 10 * INTERVAL * SECONDS;

    (void)state;
    assert_int_equal(canary_evaluate(&canary, later, &nothing), CANARY_STEPPED);
    assert_int_equal(canary.share, 200);
    assert_int_equal(canary_evaluate(&canary, later + 1, &nothing), CANARY_AS_IT_WAS);
    assert_int_equal(canary_remaining(&canary, later), INTERVAL * SECONDS);
}

static void test_a_clock_put_back_costs_one_interval(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    int64_t earlier = BEGIN - 24 * 3600 * SECONDS;

    (void)state;
    assert_int_equal(canary_remaining(&canary, earlier), INTERVAL * SECONDS);
    assert_int_equal(canary_evaluate(&canary, earlier, &nothing), CANARY_REBASED);
    assert_int_equal(canary_evaluate(&canary, earlier + INTERVAL * SECONDS, &nothing), CANARY_STEPPED);
}

/* ---- by hand ---- */

static void test_a_pause_keeps_what_is_left(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    int64_t paused = BEGIN + 100 * SECONDS;
    int64_t resumed = paused + 5000 * SECONDS;

    (void)state;
    assert_int_equal(canary_resume(&canary, BEGIN, &nothing), -EINVAL);
    assert_int_equal(canary_pause(&canary, paused), 0);
    assert_int_equal(canary_pause(&canary, paused + 1), -EINVAL);
    assert_int_equal(canary.state, CANARY_PAUSED);
    assert_route(&canary, 2, 90, 10);
    assert_int_equal(canary_remaining(&canary, resumed), 260 * SECONDS);
    assert_int_equal(canary_evaluate(&canary, resumed, &nothing), CANARY_AS_IT_WAS);
    assert_int_equal(canary_resume(&canary, resumed, &nothing), 0);
    assert_int_equal(canary_remaining(&canary, resumed), 260 * SECONDS);
    assert_int_equal(canary_evaluate(&canary, resumed + 260 * SECONDS - 1, &nothing), CANARY_AS_IT_WAS);
    assert_int_equal(canary_evaluate(&canary, resumed + 260 * SECONDS, &nothing), CANARY_STEPPED);
}

static void test_what_fails_during_a_pause_is_not_judged(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes failing = outcomes(0, 1000);

    (void)state;
    assert_int_equal(canary_pause(&canary, BEGIN), 0);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &failing), CANARY_AS_IT_WAS);
    assert_int_equal(canary_resume(&canary, BEGIN + 2, &failing), 0);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 3, &failing), CANARY_AS_IT_WAS);
    failing.failures += 20;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 4, &failing), CANARY_FAILED);
}

static void test_promote_and_abort(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);

    (void)state;
    assert_int_equal(canary_pause(&canary, BEGIN + 1), 0);
    assert_int_equal(canary_promote(&canary, BEGIN + 2), 0);
    assert_int_equal(canary.state, CANARY_SUCCEEDED);
    assert_int_equal(canary.share, CANARY_WHOLE);
    assert_route(&canary, 1, 0, 100);
    assert_int_equal(canary_abort(&canary, BEGIN + 3), -EINVAL);
    assert_int_equal(canary_promote(&canary, BEGIN + 3), -EINVAL);
    assert_int_equal(canary_pause(&canary, BEGIN + 3), -EINVAL);
    assert_int_equal(canary_resume(&canary, BEGIN + 3, &nothing), -EINVAL);
    assert_int_equal(canary.ended_at, BEGIN + 2);
    canary = started(CANARY_LINEAR, 100);
    assert_int_equal(canary_abort(&canary, BEGIN + 1), 0);
    assert_int_equal(canary.state, CANARY_ABORTED);
    assert_int_equal(canary_remaining(&canary, BEGIN + 1), 0);
}

/* ---- rollback ---- */

static void test_more_than_may_fail_rolls_back(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 125);
    struct canary_outcomes good = outcomes(95, 5);
    struct canary_outcomes bad = outcomes(95, 6);

    (void)state;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &good), CANARY_AS_IT_WAS);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 2, &bad), CANARY_FAILED);
    assert_int_equal(canary.state, CANARY_ROLLED_BACK);
    assert_string_equal(canary.reason,
                        "6 of 101 connects to v2 failed at a share of 12.5 %: 5.9 %, more than "
                        "the 5.0 % allowed");
    good = canary_step_outcomes(&canary, &nothing);
    assert_int_equal(good.established, 95);
    assert_int_equal(good.failures, 6);
}

/* Also when the time is over: no next step with what fails in this one. */
static void test_judged_before_the_next_step(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 1000);
    struct canary_outcomes bad = outcomes(0, 20);

    (void)state;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 2 * INTERVAL * SECONDS, &bad), CANARY_FAILED);
}

static void test_too_few_to_judge_pass(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes few = outcomes(0, 19);

    (void)state;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &few), CANARY_AS_IT_WAS);
    assert_int_equal(canary_evaluate(&canary, BEGIN + INTERVAL * SECONDS, &few), CANARY_STEPPED);
    few.failures += 19; /* of the next step, which counts for itself */
    assert_int_equal(canary_evaluate(&canary, BEGIN + INTERVAL * SECONDS + 1, &few), CANARY_AS_IT_WAS);
    few.failures++;
    assert_int_equal(canary_evaluate(&canary, BEGIN + INTERVAL * SECONDS + 2, &few), CANARY_FAILED);
}

/* An ejection keeps away the connects that would have made up the number. */
static void test_few_are_judged_after_an_ejection(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes ejected = {.failures = 5, .ejections = 1};
    struct canary_outcomes mostly_good = {.established = 1000, .failures = 5, .ejections = 1};

    (void)state;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &mostly_good), CANARY_AS_IT_WAS);
    canary = started(CANARY_LINEAR, 100);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &ejected), CANARY_FAILED);
}

static void test_any_failure_or_none(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes all = outcomes(0, 100000);
    struct canary_outcomes one = outcomes(100000, 1);

    (void)state;
    canary.max_failures = CANARY_WHOLE;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &all), CANARY_AS_IT_WAS);
    canary = started(CANARY_LINEAR, 100);
    canary.max_failures = 0;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &nothing), CANARY_AS_IT_WAS);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 2, &one), CANARY_FAILED);
    canary = started(CANARY_LINEAR, 100);
    canary.min_connects = 0;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &nothing), CANARY_AS_IT_WAS);
}

/* What was counted before a start of the canary, or in an earlier step, is not this step's. */
static void test_only_the_step_counts(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes totals = outcomes(10, 500);
    struct canary_outcomes seen;

    (void)state;
    canary_start(&canary, BEGIN, &totals);
    totals.established += 100;
    assert_int_equal(canary_evaluate(&canary, BEGIN + INTERVAL * SECONDS, &totals), CANARY_STEPPED);
    seen = canary_step_outcomes(&canary, &totals);
    assert_int_equal(seen.established + seen.failures, 0);
    totals.failures += 4;
    assert_int_equal(canary_evaluate(&canary, BEGIN + INTERVAL * SECONDS + 1, &totals), CANARY_AS_IT_WAS);
    assert_int_equal(canary.seen.failures, 4);
}

/* An endpoint that fails and is replaced again and again must not hide behind its new counters. */
static void test_counters_that_begin_anew_add_up(void **state)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes before = outcomes(0, 12);
    struct canary_outcomes anew = outcomes(0, 2);
    struct canary_outcomes grown = outcomes(0, 10);
    struct canary_outcomes seen;

    (void)state;
    canary_start(&canary, BEGIN, &nothing);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 1, &before), CANARY_AS_IT_WAS);
    canary.base = outcomes(0, 5); /* as if it had begun there */
    canary.seen = outcomes(0, 7);
    assert_int_equal(canary_evaluate(&canary, BEGIN + 2, &anew), CANARY_REBASED);
    assert_int_equal(canary.counted.failures, 7);
    seen = canary_step_outcomes(&canary, &anew);
    assert_int_equal(seen.failures, 7);
    seen = canary_step_outcomes(&canary, &grown);
    assert_int_equal(seen.failures, 15);
    /* After a restart nobody has seen anything; what is written down is there. */
    canary.seen = nothing;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 3, &grown), CANARY_AS_IT_WAS);
    assert_int_equal(canary.seen.failures, 15);
    canary.seen = nothing;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 4, &nothing), CANARY_REBASED);
    assert_int_equal(canary.counted.failures, 7);
}

/* ---- the route when it is over ---- */

static void check_return(const struct canary_target *before, size_t n_before, size_t n, uint32_t from,
                         uint32_t to)
{
    struct canary canary = started(CANARY_LINEAR, 100);
    struct canary_outcomes bad = outcomes(0, 20);

    if (n_before)
        memcpy(canary.before, before, n_before * sizeof(*before));
    canary.n_before = n_before;
    assert_int_equal(canary_abort(&canary, BEGIN + 1), 0);
    assert_route(&canary, n, from, to);
    canary.state = CANARY_RUNNING;
    assert_int_equal(canary_evaluate(&canary, BEGIN + 2, &bad), CANARY_FAILED);
    assert_route(&canary, n, from, to);
}

static void test_back_is_what_was_before(void **state)
{
    static const struct canary_target alone[] = {{.is_to = false, .weight = 7}};
    static const struct canary_target both[] = {{.is_to = true, .weight = 0}, {.is_to = false, .weight = 3}};
    static const struct canary_target shared[] = {{.is_to = false, .weight = 95},
                                                  {.is_to = true, .weight = 5}};

    (void)state;
    check_return(NULL, 0, 0, 0, 0);
    check_return(alone, 1, 1, 7, 0);
    check_return(both, 2, 2, 3, 0);
    check_return(shared, 2, 1, 100, 0);
}

static void test_names(void **state)
{
    enum canary_state found_state;
    enum canary_strategy found_strategy;

    (void)state;
    for (int i = CANARY_RUNNING; i <= CANARY_ROLLED_BACK; i++) {
        assert_int_equal(canary_state_parse(canary_state_name((enum canary_state)i), &found_state), 0);
        assert_int_equal(found_state, i);
    }
    for (int i = CANARY_LINEAR; i <= CANARY_CANARY; i++) {
        assert_int_equal(
            canary_strategy_parse(canary_strategy_name((enum canary_strategy)i), &found_strategy), 0);
        assert_int_equal(found_strategy, i);
    }
    assert_int_equal(canary_state_parse("running", &found_state), -EINVAL);
    assert_int_equal(canary_strategy_parse("", &found_strategy), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_end_at_all),
        cmocka_unit_test(test_no_interval_steps_with_every_look),
        cmocka_unit_test(test_one_step_after_a_long_time),
        cmocka_unit_test(test_a_clock_put_back_costs_one_interval),
        cmocka_unit_test(test_a_pause_keeps_what_is_left),
        cmocka_unit_test(test_what_fails_during_a_pause_is_not_judged),
        cmocka_unit_test(test_promote_and_abort),
        cmocka_unit_test(test_more_than_may_fail_rolls_back),
        cmocka_unit_test(test_judged_before_the_next_step),
        cmocka_unit_test(test_too_few_to_judge_pass),
        cmocka_unit_test(test_few_are_judged_after_an_ejection),
        cmocka_unit_test(test_any_failure_or_none),
        cmocka_unit_test(test_only_the_step_counts),
        cmocka_unit_test(test_counters_that_begin_anew_add_up),
        cmocka_unit_test(test_back_is_what_was_before),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
