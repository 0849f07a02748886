/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When targets are probed: spread, interval, hurry, bounds; and what happens when nothing can be started. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "live_health.h"

static void test_bounded(void **unused)
{
    char *command[] = {(char *)"/bin/sleep", (char *)"60", NULL};
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    struct health_check exec_check = check_of(HEALTH_CHECK_EXEC);
    struct health_target target;
    struct silent silent;

    (void)unused;
    silent_begin(&silent);
    check.timeout_ms = exec_check.timeout_ms = 60000;
    exec_check.command = command;
    for (uint32_t i = 0; i < HEALTH_MAX_COMMANDS + 8; i++) {
        target = target_of(i, 80, &exec_check);
        assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    }
    wait_under_way(HEALTH_MAX_COMMANDS);
    loop_for(200);
    assert_int_equal(health_figures(health).under_way, HEALTH_MAX_COMMANDS);
    for (uint32_t i = 0; i < HEALTH_MAX_PROBES + 8; i++) {
        target = target_of(100 + i, silent.port, &check);
        assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    }
    wait_under_way(HEALTH_MAX_PROBES);
    loop_for(200);
    assert_int_equal(health_figures(health).under_way, HEALTH_MAX_PROBES);
    silent_end(&silent);
}

/* What waits gets its turn when there is room. */
static void test_queue_moves_on(void **unused)
{
    char *command[] = {(char *)"/bin/true", NULL};
    struct health_check check = check_of(HEALTH_CHECK_EXEC);
    unsigned done = 0;

    (void)unused;
    check.command = command;
    check.interval_ms = 30000;
    for (uint32_t i = 0; i < 2 * HEALTH_MAX_COMMANDS; i++) {
        const struct health_target target = target_of(i, 80, &check);

        assert_int_equal(health_put(health, &target, UNKNOWN), 0);
        health_hurry(health, i);
    }
    for (uint32_t i = 0; i < 2 * HEALTH_MAX_COMMANDS; i++) {
        loop_until(is_seen, &seen[i], "its turn");
        done += seen[i].last.health == HEALTHY;
    }
    assert_int_equal(done, 2 * HEALTH_MAX_COMMANDS);
}

/* After the crowd of first probes each has its place within the interval: ten stretches, about
 * equally full. */
static void test_spread(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    unsigned stretches[10] = {0};
    struct target *target;
    struct target *next;
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 4096, &port);
    uint64_t latest_ms = 0;

    (void)unused;
    check.interval_ms = 100000;
    check.timeout_ms = 60000;
    for (uint32_t i = 0; i < MAX_ENDPOINTS; i++) {
        const struct health_target one = target_of(i, port, &check);

        assert_int_equal(health_put(health, &one, UNKNOWN), 0);
    }
    HASH_ITER (hh, health->targets, target, next) {
        if (target->next_ms > latest_ms)
            latest_ms = target->next_ms;
    }
    assert_true(latest_ms < clock_monotonic_ms() + HEALTH_FIRST_PROBE_MS);
    for (uint32_t i = 0; i < MAX_ENDPOINTS; i++)
        loop_until(is_seen, &seen[i], "the first probe");
    HASH_ITER (hh, health->targets, target, next) {
        uint64_t wait_ms = target->next_ms - target->started_ms;

        assert_in_range(wait_ms, 10000, 110000);
        stretches[wait_ms < 110000 ? (wait_ms - 10000) / 10000 : 9]++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(stretches); i++)
        assert_in_range(stretches[i], 50, 160); /* 100 expected, 9.5 standard deviation */
}

/* From then on the interval, more or less a tenth. */
static void test_interval(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 64, &port);
    const struct health_target one = target_of(1, port, &check);
    uint64_t probes = 0;

    (void)unused;
    check.interval_ms = 100;
    assert_int_equal(health_put(health, &one, UNKNOWN), 0);
    wait_probes(1, 2);
    for (unsigned i = 0; i < 5; i++) {
        const struct target *target = health->targets;

        probes = report_of(1).probes;
        assert_true(target->next_ms >= target->started_ms + 90);
        assert_true(target->next_ms <= target->started_ms + 110 ||
                    target->next_ms == target->finished_ms + HEALTH_PAUSE_MS);
        wait_probes(1, probes + 1);
    }
}

static void test_hurry(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 8, &port);
    const struct health_target target = target_of(1, port, &check);
    int64_t begun_ms;

    (void)unused;
    check.interval_ms = 300000;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    health_hurry(health, 1); /* not even a moment */
    wait_probes(1, 1);
    begun_ms = clock_ms();
    health_hurry(health, 1);
    health_hurry(health, 1);
    loop_for(HEALTH_PAUSE_MS / 2);
    if (clock_ms() - begun_ms < HEALTH_PAUSE_MS)
        assert_int_equal(report_of(1).probes, 1); /* the last is just over */
    wait_probes(1, 2);
    loop_for(3 * HEALTH_PAUSE_MS);
    assert_int_equal(report_of(1).probes, 2);
}

/* This host's own trouble is no endpoint's. */
static void test_no_descriptors(void **unused)
{
    const struct health_check checks[] = {check_of(HEALTH_CHECK_TCP), check_of(HEALTH_CHECK_HTTP)};
    struct rlimit before;
    struct rlimit none;
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 64, &port);
    uint64_t finished_ms;

    (void)unused;
    for (uint32_t i = 0; i < ARRAY_SIZE(checks); i++) {
        const struct health_target target = target_of(i, port, &checks[i]);

        assert_int_equal(health_put(health, &target, HEALTHY), 0);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    finished_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() < finished_ms + 500)
        loop_for(10);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(checks); i++) {
        assert_int_equal(report_of(i).probes, 0);
        assert_int_equal(report_of(i).health, HEALTHY);
        assert_string_equal(report_of(i).reason, "Too many open files");
    }
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_bounded),  LIVE(test_queue_moves_on), LIVE(test_spread),
        LIVE(test_interval), LIVE(test_hurry),          LIVE(test_no_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
