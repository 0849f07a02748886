/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When looks are due, on a clock of the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "upkeep/look_pace.h"

#define MS    UINT64_C(1000000)
#define START (1000000 * MS)

static void test_the_first_is_taken_when_wanted(void **state)
{
    struct look_pace pace = {0};

    (void)state;
    assert_true(look_pace_ask(&pace, START, MS, 20) == MS);
    look_pace_begins(&pace);
    assert_true(look_pace_ask(&pace, START, 0, 20) == 0);
}

static void test_looks_take_a_share(void **state)
{
    struct look_pace pace = {0};

    (void)state;
    look_pace_ended(&pace, START, 10 * MS);
    assert_true(look_pace_ask(&pace, START, MS, 20) == 200 * MS);
    look_pace_begins(&pace);
    look_pace_ended(&pace, START, 10 * MS);
    assert_true(look_pace_ask(&pace, START + 150 * MS, MS, 20) == 50 * MS); /* what has passed since counts */
    look_pace_begins(&pace);
    look_pace_ended(&pace, START, 10 * MS);
    assert_true(look_pace_ask(&pace, START + 300 * MS, MS, 20) == MS);
    look_pace_begins(&pace);
    look_pace_ended(&pace, START, UINT64_MAX / 2);
    assert_true(look_pace_ask(&pace, START, MS, 500) == LOOK_PACE_LONGEST);
}

static void test_who_asks_puts_nothing_off(void **state)
{
    struct look_pace pace = {0};
    uint64_t first;

    (void)state;
    look_pace_ended(&pace, START, 10 * MS);
    first = START + look_pace_ask(&pace, START, 100 * MS, 20);
    for (uint64_t now = START + MS; now < first; now += MS)
        assert_true(look_pace_ask(&pace, now, 100 * MS, 20) == UINT64_MAX);
    assert_true(pace.due == first);
}

static void test_who_is_in_a_hurry_brings_it_forward(void **state)
{
    struct look_pace pace = {0};

    (void)state;
    look_pace_ended(&pace, START, MS);
    assert_true(look_pace_ask(&pace, START, 5000 * MS, 500) == 5000 * MS);
    assert_true(look_pace_ask(&pace, START + 100 * MS, MS, 20) == MS);
    assert_true(look_pace_ask(&pace, START + 100 * MS, 100 * MS, 20) == UINT64_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_is_taken_when_wanted),
        cmocka_unit_test(test_looks_take_a_share),
        cmocka_unit_test(test_who_asks_puts_nothing_off),
        cmocka_unit_test(test_who_is_in_a_hurry_brings_it_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
