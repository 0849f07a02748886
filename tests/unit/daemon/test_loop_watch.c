/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/clock.h"
#include "daemon/loop_watch.h"

#define TICK LOOP_WATCH_INTERVAL_NS

static uint64_t begun_at(struct loop_watch *watch)
{
    watch->due_ns = 1000 * (uint64_t)TICK;
    return watch->due_ns;
}

static void test_nothing_is_due(void **state)
{
    struct loop_watch watch = {0};
    uint64_t due = begun_at(&watch);

    (void)state;
    loop_watch_count(&watch, due - 1);
    assert_int_equal(watch.lag.count, 0);
    assert_int_equal(watch.due_ns, due);
}

static void test_in_time(void **state)
{
    struct loop_watch watch = {0};
    uint64_t due = begun_at(&watch);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        loop_watch_count(&watch, due + i * (uint64_t)TICK);
    assert_int_equal(watch.lag.count, 5);
    assert_int_equal(watch.lag.buckets[0], 5);
    assert_true(watch.lag.max == 0);
}

/* Of 450 ms that the loop was held up, five ticks were missed, each by less than the one before. */
static void test_each_missed_tick_counts(void **state)
{
    struct loop_watch watch = {0};
    uint64_t due = begun_at(&watch);

    (void)state;
    loop_watch_count(&watch, due + 450000000);
    assert_int_equal(watch.lag.count, 5);
    assert_int_equal(watch.lag.buckets[5], 1); /* 50 ms */
    assert_int_equal(watch.lag.buckets[7], 1); /* 150 */
    assert_int_equal(watch.lag.buckets[8], 3); /* 250, 350 and 450 */
    assert_true(watch.lag.max == 0.45);
    assert_int_equal(watch.due_ns, due + 5 * (uint64_t)TICK);
    loop_watch_count(&watch, due + 500000000);
    assert_int_equal(watch.lag.count, 6);
    assert_int_equal(watch.lag.buckets[0], 1);
}

/* Stopped for a day: its greatest is told, and the rest is not worth a second of the loop. */
static void test_long_stop(void **state)
{
    struct loop_watch watch = {0};
    uint64_t due = begun_at(&watch);
    uint64_t day = 86400 * (uint64_t)1000000000;

    (void)state;
    loop_watch_count(&watch, due + day);
    assert_true(watch.lag.max == 86400);
    assert_in_range(watch.lag.count, 550, 650);
    assert_true(watch.due_ns > due + day);
    assert_true(watch.due_ns <= due + day + TICK);
}

/* ---- with a loop ---- */

struct turning {
    struct loop_watch watch;
    struct event_base *base;
    struct event *busy;
    unsigned turns;
    uint64_t wanted; /* ticks, and the loop ends */
};

static int begin(void **state)
{
    static struct turning turning;

    turning = (struct turning){.base = event_base_new()};
    assert_non_null(turning.base);
    assert_int_equal(event_base_priority_init(turning.base, 3), 0);
    assert_int_equal(loop_watch_begin(&turning.watch, turning.base), 0);
    *state = &turning;
    return 0;
}

static int end(void **state)
{
    struct turning *turning = *state;

    if (turning->busy)
        event_free(turning->busy);
    loop_watch_done(&turning->watch);
    loop_watch_done(&turning->watch);
    event_base_free(turning->base);
    return 0;
}

static void turn_until(struct turning *turning, uint64_t ticks)
{
    while (turning->watch.lag.count < ticks)
        assert_int_equal(event_base_loop(turning->base, EVLOOP_ONCE), 0);
}

static void hold_up(uint64_t ns)
{
    uint64_t end_ns = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < end_ns)
        ;
}

static void test_it_ticks(void **state)
{
    struct turning *turning = *state;

    turn_until(turning, 3);
    assert_true(turning->watch.lag.count >= 3);
}

/* Whatever else this machine does: who is held up for 550 ms has a tick that is 450 ms late. */
static void test_a_callback_that_holds_up(void **state)
{
    struct turning *turning = *state;
    uint64_t before;

    turn_until(turning, 1);
    before = turning->watch.lag.count;
    hold_up(550000000);
    turn_until(turning, before + 1);
    assert_true(turning->watch.lag.count >= before + 5);
    assert_true(turning->watch.lag.max >= 0.45);
}

static const struct timeval at_once;

static void on_busy(evutil_socket_t fd, short what, void *user)
{
    struct turning *turning = user;

    (void)fd;
    (void)what;
    turning->turns++;
    hold_up(1000000);
    /* Without ticks the loop would go on for ever, and so it gives up after a hundred times as long. */
    if (turning->watch.lag.count >= turning->wanted || turning->turns > 10000)
        assert_int_equal(event_base_loopbreak(turning->base), 0);
    else
        assert_int_equal(event_add(turning->busy, &at_once), 0);
}

/* Others that always have something to do do not keep it from ticking. */
static void test_it_comes_first(void **state)
{
    struct turning *turning = *state;

    turning->wanted = turning->watch.lag.count + 5;
    turning->busy = event_new(turning->base, -1, 0, on_busy, turning);
    assert_non_null(turning->busy);
    assert_int_equal(event_priority_set(turning->busy, 1), 0);
    assert_int_equal(event_add(turning->busy, &at_once), 0);
    assert_int_equal(event_base_dispatch(turning->base), 0);
    assert_true(turning->watch.lag.count >= turning->wanted);
    assert_true(turning->turns < 10000);
}

static void test_ended(void **state)
{
    struct turning *turning = *state;
    uint64_t count = turning->watch.lag.count;

    loop_watch_done(&turning->watch);
    hold_up(150000000);
    assert_int_equal(event_base_loop(turning->base, EVLOOP_NONBLOCK), 1); /* 1: no events are left */
    assert_int_equal(turning->watch.lag.count, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_due),
        cmocka_unit_test(test_in_time),
        cmocka_unit_test(test_each_missed_tick_counts),
        cmocka_unit_test(test_long_stop),
        cmocka_unit_test_setup_teardown(test_it_ticks, begin, end),
        cmocka_unit_test_setup_teardown(test_a_callback_that_holds_up, begin, end),
        cmocka_unit_test_setup_teardown(test_it_comes_first, begin, end),
        cmocka_unit_test_setup_teardown(test_ended, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
