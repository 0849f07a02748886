/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Passive ejection as <svcconnect/decision.h> decides it: the same lines as in the programs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"

#define MS SVC_NS_PER_MS

/* An eighth of the window is one second, and the clock begins with a whole one. */
#define PART  (1000 * MS)
#define START (UINT64_C(1000) * PART)

static const struct svc_outlier fresh = {.failures = 5, .window_ms = 8000, .base_ms = 2000, .max_ms = 16000};

/* Fails so often at `now`; what the last of them gave, none before it having ejected. */
static uint32_t failures(struct svc_outlier *outlier, uint64_t now, unsigned times)
{
    uint32_t duration = 0;

    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(duration, 0);
        duration = svc_outlier_fail(outlier, now);
    }
    return duration;
}

/* ---- history ---- */

static void test_history_moves_by_parts(void **state)
{
    uint64_t history = UINT64_C(0x0807060504030201);

    (void)state;
    assert_true(svc_history_shift(history, 0) == history);
    assert_true(svc_history_shift(history, 1) == UINT64_C(0x0706050403020100));
    assert_true(svc_history_shift(history, 7) == UINT64_C(0x0100000000000000));
    assert_true(svc_history_shift(history, 8) == 0);
    assert_true(svc_history_shift(history, 9) == 0);
    assert_true(svc_history_shift(history, UINT32_MAX) == 0);
    assert_true(svc_history_shift(history, UINT64_MAX) == 0);
}

/* 255 is the most that a part counts: it never runs over into its neighbour. */
static void test_history_saturates(void **state)
{
    uint64_t history = UINT64_C(0x0300);

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(svc_history_newest(history), i < 255 ? i : 255);
        history = svc_history_add(history);
    }
    assert_true(history == UINT64_C(0x03ff));
}

static void test_history_sum(void **state)
{
    (void)state;
    assert_int_equal(svc_history_sum(0), 0);
    assert_int_equal(svc_history_sum(UINT64_C(0x0807060504030201)), 36);
    assert_int_equal(svc_history_sum(UINT64_MAX), 8 * 255);
    for (unsigned part = 0; part < SVC_HISTORY_PARTS; part++)
        assert_int_equal(svc_history_sum(UINT64_C(0xff) << 8 * part), 255);
    assert_int_equal(svc_history_sum(UINT64_C(0xff00ff00ff00ff00)), 4 * 255);
    assert_int_equal(svc_history_sum(UINT64_C(0x00ff00ff00ff00ff)), 4 * 255);
}

static void test_parts_of_a_window(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    assert_int_equal(svc_outlier_part(&outlier, 0), 0);
    assert_int_equal(svc_outlier_part(&outlier, PART - 1), 0);
    assert_int_equal(svc_outlier_part(&outlier, PART), 1);
    assert_int_equal(svc_outlier_part(&outlier, START), 1000);
    outlier.window_ms = 1; /* does not divide by eight in milliseconds; it does in nanoseconds */
    assert_int_equal(svc_outlier_part(&outlier, MS), SVC_HISTORY_PARTS);
    outlier.window_ms = 0; /* nobody has set it up: no division by zero */
    assert_int_equal(svc_outlier_part(&outlier, START), 0);
}

/* ---- how long ---- */

static void test_duration_doubles_to_the_cap(void **state)
{
    static const uint32_t wanted[] = {2000, 4000, 8000, 16000, 16000, 16000};
    struct svc_outlier outlier = fresh;

    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        outlier.ejections = i;
        assert_int_equal(svc_outlier_duration(&outlier), wanted[i]);
    }
    outlier.max_ms = 15000; /* no power of two times the first */
    outlier.ejections = 3;
    assert_int_equal(svc_outlier_duration(&outlier), 15000);
    outlier.max_ms = 1000; /* also for the first */
    outlier.ejections = 0;
    assert_int_equal(svc_outlier_duration(&outlier), 1000);
}

/* A row that goes on for ever, and the longest times: the cap holds, no shift runs out of its word. */
static void test_duration_does_not_overflow(void **state)
{
    static const uint32_t rows[] = {15, 16, 17, 31, 32, 63, 64, UINT32_MAX};
    struct svc_outlier outlier = {.base_ms = UINT32_MAX, .max_ms = UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        outlier.ejections = rows[i];
        assert_int_equal(svc_outlier_duration(&outlier), UINT32_MAX);
    }
    outlier.base_ms = 1; /* sixteen doublings are the most */
    assert_int_equal(svc_outlier_duration(&outlier), 1u << 16);
}

static void test_eject(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    outlier.history = 0x0102;
    outlier.ejections = 7;
    svc_outlier_eject(&outlier, START + 5, 2500);
    assert_true(outlier.ejected_until == START + 5 + 2500 * MS);
    assert_true(outlier.history == 0);
    assert_int_equal(outlier.newest, 1002); /* the part in which it returns */
    assert_int_equal(outlier.ejections, 7); /* who ejects by hand does not make it a row */
    svc_outlier_eject(&outlier, START, UINT32_MAX);
    assert_true(outlier.ejected_until == START + UINT32_MAX * MS);
}

/* ---- failures ---- */

static void test_enough_within_the_window(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    assert_int_equal(failures(&outlier, START, 4), 0);
    assert_true(outlier.ejected_until == 0);
    assert_int_equal(outlier.ejections, 0);
    assert_int_equal(svc_outlier_fail(&outlier, START + 7 * PART + PART - 1), 2000);
    assert_true(outlier.ejected_until == START + 8 * PART - 1 + 2000 * MS);
    assert_int_equal(outlier.ejections, 1);
    assert_true(outlier.history == 0);
}

static void test_four_are_not_enough(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    assert_int_equal(failures(&outlier, START, 4), 0);
    /* A window later they are gone, and four more are as few as the first. */
    assert_int_equal(failures(&outlier, START + 8 * PART, 4), 0);
    assert_int_equal(failures(&outlier, START + 100 * PART, 4), 0);
    assert_true(outlier.ejected_until == 0);
    assert_int_equal(svc_outlier_fail(&outlier, START + 107 * PART), 2000);
}

/* One every second part: of nine parts, five failures; of eight, four. */
static void test_spread_over_more_than_a_window(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(svc_outlier_fail(&outlier, START + 2 * i * PART), 0);
    assert_int_equal(svc_outlier_fail(&outlier, START + 1999 * PART), 2000); /* one more between */
}

/* The policy's count, from one to the most that a setting allows. */
static void test_the_count_is_the_policy(void **state)
{
    (void)state;
    for (uint16_t limit = 1; limit <= 255; limit++) {
        struct svc_outlier outlier = fresh;

        outlier.failures = limit;
        assert_int_equal(failures(&outlier, START, limit - 1u), 0);
        assert_int_equal(svc_outlier_fail(&outlier, START), 2000);
    }
}

static void test_never(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    outlier.failures = 0;
    assert_int_equal(failures(&outlier, START, 5000), 0);
    assert_int_equal(failures(&outlier, START + PART, 5000), 0);
    assert_true(outlier.ejected_until == 0);
    assert_int_equal(outlier.ejections, 0);
    /* The count went on: a policy that begins to eject finds what has failed of late. */
    outlier.failures = 5;
    assert_int_equal(svc_outlier_fail(&outlier, START + PART), 2000);
}

/* Connects that were under way when it was ejected tell nothing new. */
static void test_failures_while_ejected(void **state)
{
    struct svc_outlier outlier = fresh;
    struct svc_outlier before;

    (void)state;
    assert_int_equal(failures(&outlier, START, 5), 2000);
    before = outlier;
    assert_int_equal(failures(&outlier, START, 50), 0);
    assert_int_equal(failures(&outlier, outlier.ejected_until - 1, 50), 0);
    assert_memory_equal(&outlier, &before, sizeof(outlier));
    /* From the moment of its return they count, from one on. */
    assert_int_equal(failures(&outlier, outlier.ejected_until, 4), 0);
    assert_int_equal(svc_outlier_fail(&outlier, outlier.ejected_until), 4000);
}

/* ---- rows of ejections ---- */

static void test_a_row_doubles(void **state)
{
    static const uint32_t wanted[] = {2000, 4000, 8000, 16000, 16000};
    struct svc_outlier outlier = fresh;
    uint64_t now = START;

    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        assert_int_equal(failures(&outlier, now, 5), wanted[i]);
        assert_int_equal(outlier.ejections, i + 1);
        assert_true(outlier.ejected_until == now + wanted[i] * MS);
        now = outlier.ejected_until + 3 * PART;
    }
}

/* The cap is also how long it must do well for the row to end: counted in parts, from its return. */
static void test_a_row_ends(void **state)
{
    struct svc_outlier outlier = fresh;
    struct svc_outlier once;

    (void)state;
    assert_int_equal(failures(&outlier, START, 5), 2000);
    once = outlier;
    assert_int_equal(failures(&outlier, once.ejected_until + 16 * PART, 5), 4000);
    outlier = once;
    assert_int_equal(failures(&outlier, once.ejected_until + 17 * PART, 5), 2000);
    assert_int_equal(outlier.ejections, 1);
}

/* A failure now and then, too few to eject, keeps the row. */
static void test_single_failures_keep_a_row(void **state)
{
    struct svc_outlier outlier = fresh;
    uint64_t returned;

    (void)state;
    assert_int_equal(failures(&outlier, START, 5), 2000);
    returned = outlier.ejected_until;
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(svc_outlier_fail(&outlier, returned + 10 * i * PART), 0);
    assert_int_equal(failures(&outlier, returned + 110 * PART, 5), 4000);
}

/* ---- what changes from outside ---- */

/* Cleared before its time: the part noted lies ahead, what fails from now on counts all the same, and that is
 * no long time without a failure. */
static void test_cleared_by_hand(void **state)
{
    struct svc_outlier outlier = fresh;

    (void)state;
    svc_outlier_eject(&outlier, START, 600000);
    outlier.ejected_until = 0;
    outlier.ejections = 1;
    assert_int_equal(failures(&outlier, START + PART, 4), 0);
    assert_int_equal(outlier.newest, 1001);
    assert_int_equal(svc_outlier_fail(&outlier, START + 2 * PART), 4000);
}

/* As the daemon does it: the history goes, because its parts had another length; the count begins anew. */
static void test_another_window(void **state)
{
    static const uint32_t windows[] = {1000, 80000, 3600000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        struct svc_outlier outlier = fresh;

        assert_int_equal(failures(&outlier, START, 4), 0);
        outlier.history = 0;
        outlier.window_ms = windows[i];
        assert_int_equal(failures(&outlier, START + MS, 4), 0);
        assert_int_equal(outlier.newest, svc_outlier_part(&outlier, START + MS));
        assert_int_equal(svc_outlier_fail(&outlier, START + 2 * MS), 2000);
    }
}

/* The number of a part has 32 bits and wraps: what is just after is no long time later. */
static void test_parts_wrap(void **state)
{
    const uint64_t wrap = (UINT64_C(1) << 32) * PART;
    struct svc_outlier outlier = fresh;

    (void)state;
    assert_int_equal(svc_outlier_part(&outlier, wrap - 1), UINT32_MAX);
    assert_int_equal(svc_outlier_part(&outlier, wrap), 0);
    outlier.ejections = 1;
    outlier.newest = svc_outlier_part(&outlier, wrap - 2 * PART);
    assert_int_equal(failures(&outlier, wrap - 2 * PART, 4), 0);
    assert_int_equal(svc_outlier_fail(&outlier, wrap + 5 * PART),
                     4000); /* within a window, in the same row */
    outlier = fresh;
    outlier.newest = svc_outlier_part(&outlier, wrap - 2 * PART);
    assert_int_equal(failures(&outlier, wrap - 2 * PART, 4), 0);
    assert_int_equal(svc_outlier_fail(&outlier, wrap + 6 * PART), 0); /* the four are a window old */
    outlier = fresh;
    outlier.ejections = 3;
    outlier.newest = svc_outlier_part(&outlier, wrap - PART);
    assert_int_equal(failures(&outlier, wrap + 16 * PART, 5), 2000); /* 17 parts without a failure */
    svc_outlier_eject(&outlier, wrap - PART, 2000);
    assert_int_equal(outlier.newest, 1);
}

/* ---- time limits of connects ---- */

static void test_syn_retries(void **state)
{
    static const struct {
        uint32_t timeout_ms, retries;
    } wanted[] = {{1, 1},     {3000, 1},  {3001, 2},  {7000, 2},  {7001, 3},   {15000, 3},     {15001, 4},
                  {31000, 4}, {31001, 5}, {63000, 5}, {63001, 0}, {127000, 0}, {UINT32_MAX, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_int_equal(svc_syn_retries(wanted[i].timeout_ms), wanted[i].retries);
}

static void test_ticks_of_a_syn(void **state)
{
    (void)state;
    assert_int_equal(svc_syn_ticks(200, 4000000), 50);
    assert_int_equal(svc_syn_ticks(201, 4000000), 51);
    assert_int_equal(svc_syn_ticks(1, 10000000), 1);
    assert_int_equal(svc_syn_ticks(10000, 1000000), 10000);
    assert_int_equal(svc_syn_ticks(10000, 999848),
                     10002); /* the tick of a clock that does not divide a second */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_of_a_syn),
        cmocka_unit_test(test_history_moves_by_parts),
        cmocka_unit_test(test_history_saturates),
        cmocka_unit_test(test_history_sum),
        cmocka_unit_test(test_parts_of_a_window),
        cmocka_unit_test(test_duration_doubles_to_the_cap),
        cmocka_unit_test(test_duration_does_not_overflow),
        cmocka_unit_test(test_eject),
        cmocka_unit_test(test_enough_within_the_window),
        cmocka_unit_test(test_four_are_not_enough),
        cmocka_unit_test(test_spread_over_more_than_a_window),
        cmocka_unit_test(test_the_count_is_the_policy),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_failures_while_ejected),
        cmocka_unit_test(test_a_row_doubles),
        cmocka_unit_test(test_a_row_ends),
        cmocka_unit_test(test_single_failures_keep_a_row),
        cmocka_unit_test(test_cleared_by_hand),
        cmocka_unit_test(test_another_window),
        cmocka_unit_test(test_parts_wrap),
        cmocka_unit_test(test_syn_retries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
