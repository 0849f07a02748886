/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rise, fall, start period and admission, by a clock of the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "health/health_state.h"

static const struct health_state_rules rules = {.rise = 2, .fall = 3, .admission_ms = 5000};

/* Feeds "+" and "-" one second apart, from the state's beginning on; returns how often health changed. */
static unsigned feed(struct health_state *state, const struct health_state_rules *by, const char *results)
{
    unsigned changes = 0;
    uint64_t now_ms = state->begun_ms;

    for (const char *result = results; *result; result++, now_ms += 1000)
        changes += health_state_result(state, by, *result == '+', false, now_ms, (time_t)(now_ms / 1000));
    return changes;
}

static void test_rise_and_fall(void **unused)
{
    static const struct {
        enum svc_health initial;
        const char *results;
        enum svc_health health;
        unsigned changes;
    } cases[] = {
        {UNKNOWN, "", UNKNOWN, 0},      {UNKNOWN, "+", UNKNOWN, 0},       {UNKNOWN, "++", HEALTHY, 1},
        {UNKNOWN, "+-+", UNKNOWN, 0},   {UNKNOWN, "--", UNKNOWN, 0},      {UNKNOWN, "---", UNHEALTHY, 1},
        {UNKNOWN, "--+--", UNKNOWN, 0}, {UNKNOWN, "--+++", HEALTHY, 1},   {HEALTHY, "--", HEALTHY, 0},
        {HEALTHY, "--+--", HEALTHY, 0}, {HEALTHY, "---", UNHEALTHY, 1},   {HEALTHY, "-----", UNHEALTHY, 1},
        {UNHEALTHY, "+", UNHEALTHY, 0}, {UNHEALTHY, "+-+", UNHEALTHY, 0}, {UNHEALTHY, "++", HEALTHY, 1},
        {HEALTHY, "---++", HEALTHY, 2}, {DRAINING, "", UNKNOWN, 0},       {HEALTHY, "+++---", UNHEALTHY, 1},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct health_state state;

        health_state_begin(&state, &rules, cases[i].initial, 7000, 7);
        if (feed(&state, &rules, cases[i].results) != cases[i].changes || state.health != cases[i].health)
            fail_msg("case %zu (\"%s\"): ends %d", i, cases[i].results, state.health);
    }
}

static void test_counts_and_since(void **unused)
{
    struct health_state state;

    (void)unused;
    health_state_begin(&state, &rules, UNKNOWN, 100000, 100);
    assert_int_equal(state.since, 100);
    (void)feed(&state, &rules, "+++--");
    assert_int_equal(state.since, 101); /* of the second pass */
    assert_int_equal(state.passes, 0);
    assert_int_equal(state.failures, 2);
}

static void test_zero_is_one(void **unused)
{
    const struct health_state_rules none = {0};
    struct health_state state;

    (void)unused;
    health_state_begin(&state, &none, UNKNOWN, 0, 0);
    assert_int_equal(feed(&state, &none, "+-"), 2);
    assert_int_equal(state.health, UNHEALTHY);
}

static void test_start_period(void **unused)
{
    const struct health_state_rules slow = {.rise = 1, .fall = 2, .start_period_ms = 5000};
    struct health_state state;

    (void)unused;
    health_state_begin(&state, &slow, UNKNOWN, 0, 0);
    assert_int_equal(feed(&state, &slow, "-----"), 0);
    assert_int_equal(state.failures, 0);
    assert_false(health_state_result(&state, &slow, false, false, 5000, 5)); /* the first that counts */
    assert_true(health_state_result(&state, &slow, false, false, 6000, 6));
    assert_int_equal(state.health, UNHEALTHY);

    /* A pass ends it. */
    health_state_begin(&state, &slow, UNKNOWN, 0, 0);
    assert_int_equal(feed(&state, &slow, "-+--"), 2);
    assert_int_equal(state.health, UNHEALTHY);

    /* One known from earlier is not starting. */
    health_state_begin(&state, &slow, HEALTHY, 0, 0);
    assert_int_equal(feed(&state, &slow, "--"), 1);
}

static void test_withheld(void **unused)
{
    struct health_state state;

    (void)unused;
    health_state_begin(&state, &rules, HEALTHY, 0, 0);
    for (int i = 0; i < 5; i++)
        assert_false(health_state_result(&state, &rules, false, true, 0, 0));
    assert_int_equal(state.health, HEALTHY);
    assert_int_equal(state.failures, 5);
    assert_true(health_state_result(&state, &rules, false, false, 0, 0));
}

static void test_admission(void **unused)
{
    const struct health_state_rules at_once = {.rise = 1, .fall = 1};
    struct health_state state;
    uint64_t due_ms = 0;

    (void)unused;
    health_state_begin(&state, &rules, UNKNOWN, 1000, 1);
    assert_true(health_state_awaits_admission(&state, &rules, &due_ms));
    assert_int_equal(due_ms, 6000);
    assert_false(health_state_is_routable(&state));
    assert_false(health_state_admit(&state, &rules, 5999));
    assert_true(health_state_admit(&state, &rules, 6000));
    assert_true(health_state_is_routable(&state));
    assert_int_equal(state.health, UNKNOWN);
    assert_false(health_state_admit(&state, &rules, 7000)); /* once */
    assert_int_equal(feed(&state, &rules, "---"), 1);
    assert_false(health_state_is_routable(&state));

    health_state_begin(&state, &rules, UNHEALTHY, 1000, 1);
    assert_false(health_state_admit(&state, &rules, 60000));
    assert_false(health_state_is_routable(&state));
    health_state_begin(&state, &rules, HEALTHY, 1000, 1);
    assert_true(health_state_is_routable(&state));
    health_state_begin(&state, &at_once, UNKNOWN, 1000, 1);
    assert_true(health_state_is_routable(&state));
    assert_false(health_state_awaits_admission(&state, &at_once, &due_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rise_and_fall), cmocka_unit_test(test_counts_and_since),
        cmocka_unit_test(test_zero_is_one),   cmocka_unit_test(test_start_period),
        cmocka_unit_test(test_withheld),      cmocka_unit_test(test_admission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
