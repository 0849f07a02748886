/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When this host is taken for the cause of what fails, and what happens to states then. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "health/weak_observer.h"

#define MAX_MEMBERS 16
#define INTERVAL_MS 10000

struct crowd {
    struct weak_observer observer;
    struct weak_member members[MAX_MEMBERS];
    unsigned count;
    uint64_t now_ms;
};

static void crowd_begin(struct crowd *crowd)
{
    *crowd = (struct crowd){.now_ms = 1000000};
    weak_observer_init(&crowd->observer);
}

static unsigned add(struct crowd *crowd, uint32_t service, uint32_t interval_ms, uint32_t fall,
                    enum svc_health initial)
{
    struct weak_member *member = &crowd->members[crowd->count];

    member->rules = (struct health_state_rules){.rise = 1, .fall = fall, .admission_ms = 1000};
    assert_int_equal(
        weak_observer_add(&crowd->observer, member, service, interval_ms, initial, crowd->now_ms, 5), 0);
    return crowd->count++;
}

/* Two services of four healthy endpoints each: 0..3 and 4..7. */
static void two_services(struct crowd *crowd, uint32_t fall)
{
    crowd_begin(crowd);
    for (unsigned i = 0; i < 8; i++)
        (void)add(crowd, 100 + i / 4, INTERVAL_MS, fall, HEALTHY);
}

static void crowd_end(struct crowd *crowd)
{
    while (crowd->count > 0)
        weak_observer_remove(&crowd->observer, &crowd->members[--crowd->count]);
    assert_int_equal(crowd->observer.watched, 0);
    assert_int_equal(crowd->observer.failing, 0);
    assert_int_equal(crowd->observer.failing_services, 0);
    assert_int_equal(crowd->observer.window_ms, 0);
    assert_false(crowd->observer.is_weak);
    assert_null(crowd->observer.services);
    weak_observer_done(&crowd->observer);
}

static void result(struct crowd *crowd, unsigned index, bool has_passed)
{
    weak_observer_result(&crowd->observer, &crowd->members[index], has_passed, crowd->now_ms,
                         (time_t)(crowd->now_ms / 1000));
}

/* A result for each of first..last, spread over one interval. */
static void round_of(struct crowd *crowd, unsigned first, unsigned last, bool has_passed)
{
    for (unsigned i = first; i <= last; i++) {
        crowd->now_ms += INTERVAL_MS / (last - first + 1);
        result(crowd, i, has_passed);
    }
}

/* Those that changed since the last call, as bits; each at most once. */
static unsigned take_changed(struct crowd *crowd)
{
    const struct weak_member *member;
    unsigned bits = 0;

    while ((member = weak_observer_take_changed(&crowd->observer))) {
        unsigned bit = 1u << (unsigned)(member - crowd->members);

        assert_int_equal(bits & bit, 0);
        bits |= bit;
    }
    return bits;
}

/* Endpoints that are HEALTHY, as bits. */
static unsigned healthy(const struct crowd *crowd)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < crowd->count; i++)
        if (crowd->members[i].state.health == HEALTHY)
            bits |= 1u << i;
    return bits;
}

static void test_all_of_one_service(void **unused)
{
    struct crowd crowd;

    (void)unused;
    crowd_begin(&crowd);
    for (unsigned i = 0; i < 5; i++)
        (void)add(&crowd, i < 4 ? 1 : 2, INTERVAL_MS, 2, HEALTHY);
    for (unsigned i = 0; i < 2; i++) {
        round_of(&crowd, 0, 3, false);
        result(&crowd, 4, true);
        assert_false(crowd.observer.is_weak);
    }
    assert_int_equal(healthy(&crowd), 0x10);
    assert_int_equal(take_changed(&crowd), 0x0f);
    crowd_end(&crowd);
}

static void test_half_is_not_enough(void **unused)
{
    struct crowd crowd;

    (void)unused;
    two_services(&crowd, 2);
    for (unsigned i = 0; i < 2; i++) {
        round_of(&crowd, 2, 5, false);
        assert_false(crowd.observer.is_weak);
    }
    assert_int_equal(healthy(&crowd), 0xc3);
    assert_int_equal(take_changed(&crowd), 0x3c);
    crowd_end(&crowd);
}

static void test_more_than_half_withholds(void **unused)
{
    struct crowd crowd;

    (void)unused;
    two_services(&crowd, 2);
    round_of(&crowd, 0, 3, false);
    assert_false(crowd.observer.is_weak);
    result(&crowd, 4, false);
    assert_true(crowd.observer.is_weak);
    for (unsigned i = 0; i < 5; i++)
        round_of(&crowd, 0, 7, false);
    assert_int_equal(healthy(&crowd), 0xff);
    assert_int_equal(take_changed(&crowd), 0);
    crowd_end(&crowd);
}

/* With one failure enough, half of them are down before the rule can take hold. */
static void test_the_burst_is_taken_back(void **unused)
{
    struct crowd crowd;

    (void)unused;
    two_services(&crowd, 1);
    round_of(&crowd, 0, 3, false);
    assert_int_equal(healthy(&crowd), 0xf0);
    assert_int_equal(take_changed(&crowd), 0x0f);
    crowd.now_ms += 100;
    result(&crowd, 4, false);
    assert_true(crowd.observer.is_weak);
    assert_int_equal(healthy(&crowd), 0xff);
    assert_int_equal(take_changed(&crowd), 0x0f); /* 4 has not changed at all */
    assert_int_equal(crowd.members[0].state.since, 5);
    crowd_end(&crowd);
}

static void test_what_fell_earlier_stays(void **unused)
{
    struct crowd crowd;

    (void)unused;
    two_services(&crowd, 1);
    result(&crowd, 0, false);
    result(&crowd, 7, false);
    crowd.now_ms += INTERVAL_MS + 1;
    round_of(&crowd, 1, 3, false);
    assert_false(crowd.observer.is_weak); /* three of six */
    result(&crowd, 4, false);
    assert_true(crowd.observer.is_weak);
    assert_int_equal(healthy(&crowd), 0x7e);
    crowd_end(&crowd);
}

/* One that is probed often is down long before one that is probed seldom has failed once. */
static void test_intervals_differ(void **unused)
{
    struct crowd crowd;

    (void)unused;
    crowd_begin(&crowd);
    for (unsigned i = 0; i < 2; i++)
        (void)add(&crowd, 1, 1000, 1, HEALTHY);
    for (unsigned i = 0; i < 2; i++)
        (void)add(&crowd, 2, 60000, 1, HEALTHY);
    result(&crowd, 0, false);
    result(&crowd, 1, false);
    assert_int_equal(healthy(&crowd), 0x0c);
    crowd.now_ms += 50000;
    result(&crowd, 2, false);
    assert_true(crowd.observer.is_weak);
    assert_int_equal(healthy(&crowd), 0x0f);

    /* Without the long interval, the window is short again. */
    weak_observer_remove(&crowd.observer, &crowd.members[3]);
    weak_observer_remove(&crowd.observer, &crowd.members[2]);
    crowd.count = 2;
    assert_int_equal(crowd.observer.window_ms, 1000);
    assert_false(crowd.observer.is_weak);
    crowd_end(&crowd);
}

static void test_clearing(void **unused)
{
    struct crowd crowd;

    (void)unused;
    two_services(&crowd, 3);
    for (unsigned i = 0; i < 4; i++)
        round_of(&crowd, 0, 7, false);
    assert_true(crowd.observer.is_weak);
    round_of(&crowd, 2, 4, true);
    assert_true(crowd.observer.is_weak); /* five of eight */
    result(&crowd, 5, true);
    assert_false(crowd.observer.is_weak);
    assert_int_equal(healthy(&crowd), 0xff);
    assert_int_equal(take_changed(&crowd), 0);

    /* 0 and 6 go on failing: three more times from here. 1 and 7 have recovered. */
    result(&crowd, 1, true);
    result(&crowd, 7, true);
    for (unsigned i = 0; i < 2; i++) {
        result(&crowd, 0, false);
        result(&crowd, 6, false);
        assert_int_equal(healthy(&crowd), 0xff);
    }
    result(&crowd, 0, false);
    result(&crowd, 6, false);
    assert_int_equal(healthy(&crowd), 0xbe);
    assert_int_equal(take_changed(&crowd), 0x41);
    crowd_end(&crowd);
}

static void test_unknown_ones(void **unused)
{
    struct crowd crowd;

    (void)unused;
    crowd_begin(&crowd);
    (void)add(&crowd, 1, INTERVAL_MS, 1, HEALTHY);
    (void)add(&crowd, 2, INTERVAL_MS, 1, HEALTHY);
    (void)add(&crowd, 3, INTERVAL_MS, 1, UNKNOWN);
    (void)add(&crowd, 4, INTERVAL_MS, 1, UNKNOWN);
    (void)add(&crowd, 5, INTERVAL_MS, 1, UNHEALTHY);
    result(&crowd, 2, false); /* never was healthy: not counted */
    result(&crowd, 4, false);
    assert_int_equal(crowd.observer.failing, 0);
    assert_int_equal(crowd.members[2].state.health, UNHEALTHY);
    result(&crowd, 0, false);
    result(&crowd, 1, false);
    assert_true(crowd.observer.is_weak);
    assert_int_equal(crowd.members[2].state.health, UNKNOWN); /* taken back as well */
    result(&crowd, 3, false);
    assert_int_equal(crowd.members[3].state.health, UNKNOWN); /* withheld */
    assert_int_equal(crowd.members[4].state.health, UNHEALTHY);
    (void)take_changed(&crowd);

    crowd.now_ms += 1000;
    weak_observer_admit(&crowd.observer, &crowd.members[3], crowd.now_ms);
    assert_int_equal(take_changed(&crowd), 0x08);
    crowd_end(&crowd);
}

static void test_moving(void **unused)
{
    struct crowd crowd;

    (void)unused;
    crowd_begin(&crowd);
    (void)add(&crowd, 1, INTERVAL_MS, 3, HEALTHY);
    (void)add(&crowd, 1, INTERVAL_MS, 3, HEALTHY);
    result(&crowd, 0, false);
    result(&crowd, 1, false);
    assert_int_equal(crowd.observer.failing_services, 1);
    assert_int_equal(weak_observer_move(&crowd.observer, &crowd.members[1], 2, 2 * INTERVAL_MS), 0);
    assert_int_equal(crowd.observer.failing_services, 2);
    assert_int_equal(crowd.observer.window_ms, 2 * INTERVAL_MS);
    assert_int_equal(crowd.members[1].state.failures, 1);
    result(&crowd, 0, false);
    assert_true(crowd.observer.is_weak);
    assert_int_equal(weak_observer_move(&crowd.observer, &crowd.members[1], 1, INTERVAL_MS), 0);
    assert_false(crowd.observer.is_weak); /* one service */
    assert_int_equal(crowd.observer.window_ms, INTERVAL_MS);
    crowd_end(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_one_service),
        cmocka_unit_test(test_half_is_not_enough),
        cmocka_unit_test(test_more_than_half_withholds),
        cmocka_unit_test(test_the_burst_is_taken_back),
        cmocka_unit_test(test_what_fell_earlier_stays),
        cmocka_unit_test(test_intervals_differ),
        cmocka_unit_test(test_clearing),
        cmocka_unit_test(test_unknown_ones),
        cmocka_unit_test(test_moving),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
