/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The engine as its users see it: targets in, transitions out, with real endpoints on loopback. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "live_health.h"

static void test_transitions(void **unused)
{
    const struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t port;
    int fd = bind_loopback(AF_INET, 8, &port);
    const struct health_target target = target_of(1, port, &check);

    (void)unused;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    assert_int_equal(report_of(1).health, UNKNOWN);
    assert_false(report_of(1).is_routable);
    assert_string_equal(report_of(1).reason, "not probed yet");
    loop_until(is_seen, &seen[1], "it is healthy");
    assert_int_equal(seen[1].last.health, HEALTHY);
    assert_true(seen[1].last.is_routable);
    assert_string_equal(seen[1].last.reason, "connected");
    wait_probes(1, 4);
    assert_int_equal(seen[1].transitions, 1);

    (void)close(fd);
    seen[1].transitions = 0;
    loop_until(is_seen, &seen[1], "it is unhealthy");
    assert_int_equal(seen[1].last.health, UNHEALTHY);
    assert_false(seen[1].last.is_routable);
    assert_string_equal(seen[1].last.reason, "connection refused");
    assert_int_equal(seen[1].last.failures, 2);
    assert_int_equal(health_figures(health).failed, 2);
    assert_false(health_figures(health).is_weak_observer); /* one service */
}

/* The check's own port before the instance's. */
static void test_port_of_the_check(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t port;
    uint16_t closed_port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 8, &port);
    _cleanup_close_ int closed_fd = bind_loopback(AF_INET, -1, &closed_port);
    struct health_target target;

    (void)unused;
    check.port = port;
    target = target_of(1, closed_port, &check);
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    loop_until(is_seen, &seen[1], "it is healthy");
    assert_int_equal(seen[1].last.health, HEALTHY);
}

static void test_exec(void **unused)
{
    char *command[] = {(char *)"/bin/sh", (char *)"-c", NULL, NULL};
    char pattern[64];
    struct health_check check = check_of(HEALTH_CHECK_EXEC);
    struct health_target target = target_of(1, 80, &check);

    (void)unused;
    (void)snprintf(pattern, sizeof(pattern), "[ $SVCCONNECT_NAME = default/backend/i ]");
    command[2] = pattern;
    check.command = command;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    memset(pattern, 'x', sizeof(pattern) - 1); /* it has been copied */
    loop_until(is_seen, &seen[1], "it is healthy");
    assert_int_equal(seen[1].last.health, HEALTHY);

    command[2] = (char *)"echo broken; exit 1";
    seen[1].transitions = 0;
    assert_int_equal(health_put(health, &target, HEALTHY), 0);
    loop_until(is_seen, &seen[1], "it is unhealthy");
    assert_string_equal(seen[1].last.reason, "exit status 1: broken");

    command[0] = (char *)"/nonexistent/command";
    seen[1].transitions = 0;
    assert_int_equal(health_put(health, &target, HEALTHY), 0);
    loop_until(is_seen, &seen[1], "it is unhealthy");
    assert_string_equal(seen[1].last.reason, "No such file or directory");
}

/* A command that nobody may run says nothing about its endpoint, however long it is there. */
static void test_refused_commands(void **unused)
{
    static const char *const because = "nobody may";
    char *command[] = {(char *)"/bin/false", NULL};
    struct health_check check = check_of(HEALTH_CHECK_EXEC);
    struct health_target target = target_of(1, 80, &check);
    struct health_report report;

    (void)unused;
    check.command = command;
    assert_int_equal(health_put(health, &target, HEALTHY), 0);
    target.endpoint = 2;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    target.endpoint = 3; /* the policy names it, its owner may not have it run */
    command[0] = (char *)"/bin/true";
    target.refusal = because;
    assert_int_equal(health_put(health, &target, UNHEALTHY), 0);
    assert_int_equal(health_figures(health).refused, 3);
    loop_for(400); /* many intervals */
    for (uint32_t i = 1; i <= 3; i++) {
        report = report_of(i);
        assert_int_equal(seen[i].transitions, 0);
        assert_int_equal(report.probes, 0);
        assert_int_equal(report.health, i == 1 ? HEALTHY : i == 2 ? UNKNOWN : UNHEALTHY);
        assert_non_null(strstr(report.reason, i == 3 ? because : "execChecks does not name it"));
        assert_string_equal(report.reason, report.refusal);
    }
    /* Allowed later, it is run; refused again, it is not. */
    target.refusal = NULL;
    assert_int_equal(health_put(health, &target, UNHEALTHY), 0);
    assert_int_equal(health_figures(health).refused, 2);
    loop_until(is_seen, &seen[3], "it is healthy");
    assert_null(report_of(3).refusal);
    target.refusal = because;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    assert_int_equal(health_figures(health).refused, 3);
    for (uint32_t i = 1; i <= 3; i++)
        health_remove(health, i);
    assert_int_equal(health_figures(health).refused, 0);
}

static void test_admission(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    struct silent silent;
    struct health_target target;

    (void)unused;
    silent_begin(&silent);
    target = target_of(1, silent.port, &check);
    target.admission_ms = 150; /* while the first probe is still under way */
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    loop_until(is_seen, &seen[1], "it is admitted");
    assert_int_equal(seen[1].last.health, UNKNOWN);
    assert_true(seen[1].last.is_routable);
    assert_int_equal(seen[1].last.probes, 0);

    target.endpoint = 2;
    target.admission_ms = 0;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    assert_true(report_of(2).is_routable);
    loop_for(100);
    assert_int_equal(seen[2].transitions, 0);
    silent_end(&silent);
}

static void test_replacing(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 8, &port);
    struct health_target target = target_of(1, port, &check);
    uint64_t probes;

    (void)unused;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    wait_probes(1, 2);
    probes = report_of(1).probes;
    target.service = 2;
    target.admission_ms = 1;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    assert_int_equal(report_of(1).health, HEALTHY);
    assert_true(report_of(1).probes >= probes);
    assert_int_equal(health_figures(health).targets, 1);

    check.fall = 7;
    assert_int_equal(health_put(health, &target, UNHEALTHY), 0);
    assert_int_equal(report_of(1).health, UNHEALTHY);
    assert_int_equal(report_of(1).probes, 0);
    assert_int_equal(health_figures(health).targets, 1);
    seen[1].transitions = 0;
    loop_until(is_seen, &seen[1], "it is healthy again");
    assert_int_equal(seen[1].last.health, HEALTHY);
}

static void test_refused_targets(void **unused)
{
    char *nothing[] = {NULL};
    struct health_check check = check_of(HEALTH_CHECK_NONE);
    const struct health_target target = target_of(1, 80, &check);
    struct health_report report;

    (void)unused;
    assert_int_equal(health_put(health, &target, UNKNOWN), -EINVAL);
    check.type = HEALTH_CHECK_EXEC;
    assert_int_equal(health_put(health, &target, UNKNOWN), -EINVAL);
    check.command = nothing;
    assert_int_equal(health_put(health, &target, UNKNOWN), -EINVAL);
    assert_false(health_read(health, 1, &report));
    health_remove(health, 1);
    health_hurry(health, 1);
    assert_int_equal(health_figures(health).targets, 0);
}

/* One of each type that goes on for ever. */
static void put_endless(struct health_check checks[static 3], char *command[static 3], uint16_t silent_port,
                        uint16_t mute_port)
{
    struct health_target target;

    checks[0] = check_of(HEALTH_CHECK_TCP);
    checks[1] = check_of(HEALTH_CHECK_HTTP);
    checks[2] = check_of(HEALTH_CHECK_EXEC);
    command[0] = (char *)"/bin/sleep";
    command[1] = (char *)"60";
    command[2] = NULL;
    checks[2].command = command;
    for (uint32_t i = 0; i < 3; i++) {
        checks[i].timeout_ms = 60000;
        target = target_of(i, i == 0 ? silent_port : mute_port, &checks[i]);
        assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    }
    wait_under_way(3);
}

static void test_removing_under_way(void **unused)
{
    struct health_check checks[3];
    char *command[3];
    struct silent silent;
    uint16_t port;
    _cleanup_close_ int mute = bind_loopback(AF_INET, 8, &port); /* connects, says nothing */
    uint32_t none = 0;

    (void)unused;
    silent_begin(&silent);
    put_endless(checks, command, silent.port, port);
    for (uint32_t i = 0; i < 3; i++)
        health_remove(health, i);
    assert_int_equal(health_figures(health).targets, 0);
    while (health_figures(health).under_way > none)
        loop_for(2);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    silent_end(&silent);
}

static int count_inheritable(void)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            count += !(fcntl(atoi(entry->d_name), F_GETFD) & FD_CLOEXEC);
    (void)closedir(dir);
    return count;
}

static void test_free_under_way_and_cloexec(void **unused)
{
    struct health_check checks[3];
    char *command[3];
    struct health_target target;
    struct silent silent;
    uint16_t port;
    _cleanup_close_ int mute = bind_loopback(AF_INET, 8, &port);
    int before;

    (void)unused;
    /* libcurl's own wake-up pair, which comes with the first check of its kind, is beyond reach. */
    checks[1] = check_of(HEALTH_CHECK_HTTP);
    target = target_of(1, port, &checks[1]);
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    before = count_inheritable();
    silent_begin(&silent);
    put_endless(checks, command, silent.port, port);
    loop_for(50);
    assert_int_equal(count_inheritable(), before);
    health_free(&health);
    assert_null(health);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    silent_end(&silent);
}

static void test_removing_in_the_callback(void **unused)
{
    const struct health_check check = check_of(HEALTH_CHECK_TCP);
    struct health_check quick = check;
    struct silent silent;
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, 8, &port);
    struct health_target target = target_of(1, port, &quick);
    const struct health_target other = target_of(2, port, &check);
    const struct health_target slow = target_of(3, 0, &check);
    struct health_target silent_target = slow;

    (void)unused;
    silent_begin(&silent);
    silent_target.port = silent.port;
    assert_int_equal(health_put(health, &silent_target, UNKNOWN), 0);
    wait_under_way(1);
    to_remove[0] = 1; /* itself or the other one */
    to_remove[1] = 3; /* one that is under way */
    quick.interval_ms = 10;
    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
    loop_until(is_seen, &seen[1], "it is healthy");
    assert_int_equal(health_figures(health).targets, 0);
    assert_int_equal(health_figures(health).under_way, 0);
    assert_int_equal(health_put(health, &other, UNKNOWN), 0);
    loop_until(is_seen, &seen[2], "the engine still works");
    silent_end(&silent);
}

static void test_weak_observer(void **unused)
{
    struct health_check check = check_of(HEALTH_CHECK_TCP);
    uint16_t ports[2];
    int fds[2];

    (void)unused;
    check.fall = 1; /* so that some are down, and taken back */
    check.interval_ms = 300;
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = bind_loopback(AF_INET, 64, &ports[i]);
    for (uint32_t i = 0; i < 20; i++) {
        struct health_target target = target_of(i, ports[i % 2], &check);

        target.service = i % 2;
        assert_int_equal(health_put(health, &target, HEALTHY), 0);
    }
    wait_rounds(0, 20, 1, 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    wait_rounds(0, 20, 1, 2);
    assert_true(health_figures(health).is_weak_observer);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(report_of(i).health, HEALTHY);
        assert_int_equal(seen[i].transitions % 2, 0); /* what was told was taken back */
    }

    /* One of the two services goes: what is left is one service that is down. */
    for (uint32_t i = 1; i < 20; i += 2)
        health_remove(health, i);
    assert_false(health_figures(health).is_weak_observer);
    wait_rounds(0, 20, 2, 2);
    for (uint32_t i = 0; i < 20; i += 2)
        assert_int_equal(report_of(i).health, UNHEALTHY);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_transitions),
        LIVE(test_port_of_the_check),
        LIVE(test_exec),
        LIVE(test_refused_commands),
        LIVE(test_admission),
        LIVE(test_replacing),
        LIVE(test_refused_targets),
        LIVE(test_removing_under_way),
        LIVE(test_free_under_way_and_cloexec),
        LIVE(test_removing_in_the_callback),
        LIVE(test_weak_observer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
