/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/tcp_prober.h"
#include "live_probe.h"

static struct health_check check = {.type = HEALTH_CHECK_TCP, .timeout_ms = 200};

static void probe_and_expect(int family, uint16_t port, enum probe_outcome outcome, const char *reason)
{
    struct outcome told = {0};
    const struct probe_request request = {
        .check = &check, .address = loopback(family), .port = port, .user = &told};
    struct tcp_prober *prober = NULL;
    struct tcp_probe *probe = NULL;

    assert_int_equal(tcp_prober_new(base, on_done, &prober), 0);
    assert_int_equal(tcp_prober_start(prober, &request, &probe), 0);
    assert_int_equal(told.count, 0);
    loop_until(is_told, &told, "the outcome");
    expect(&told, outcome, reason);
    tcp_prober_free(&prober);
}

static void test_listening(void **unused)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        uint16_t port;
        _cleanup_close_ int fd = bind_loopback(families[i], 8, &port);
        _cleanup_close_ int taken = -1;
        char byte;

        probe_and_expect(families[i], port, PROBE_PASSED, "connected");
        /* It was ended by a reset, not by an orderly close that leaves a TIME_WAIT. */
        taken = accept(fd, NULL, NULL);
        assert_true(taken >= 0);
        assert_int_equal(recv(taken, &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, ECONNRESET);
    }
}

static void test_refusing(void **unused)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        uint16_t port;
        _cleanup_close_ int fd = bind_loopback(families[i], -1, &port);

        probe_and_expect(families[i], port, PROBE_FAILED, "connection refused");
    }
}

static void test_silent(void **unused)
{
    struct silent silent;

    (void)unused;
    silent_begin(&silent);
    probe_and_expect(AF_INET, silent.port, PROBE_FAILED, "no connection within 200 ms");
    silent_end(&silent);
}

static void test_cancel_and_reuse(void **unused)
{
    struct outcome told = {0};
    struct probe_request request = {.check = &check, .address = loopback(AF_INET), .user = &told};
    struct tcp_prober *prober = NULL;
    struct tcp_probe *first = NULL;
    struct tcp_probe *second = NULL;
    struct silent silent;

    (void)unused;
    silent_begin(&silent);
    request.port = silent.port;
    assert_int_equal(tcp_prober_new(base, on_done, &prober), 0);
    assert_int_equal(tcp_prober_start(prober, &request, &first), 0);
    tcp_prober_cancel(prober, first);
    loop_for(300);
    assert_int_equal(told.count, 0);
    assert_int_equal(tcp_prober_start(prober, &request, &second), 0);
    assert_ptr_equal(first, second);
    loop_until(is_told, &told, "the outcome of the second");
    tcp_prober_free(&prober);
    silent_end(&silent);
}

static void test_judging_errors(void **unused)
{
    (void)unused;
    assert_int_equal(probe_judge_errno(EMFILE), PROBE_UNDECIDED);
    assert_int_equal(probe_judge_errno(EADDRNOTAVAIL), PROBE_UNDECIDED);
    assert_int_equal(probe_judge_errno(ENETUNREACH), PROBE_FAILED);
    assert_string_equal(probe_errno_text(ECONNREFUSED), "connection refused");
    assert_string_equal(probe_errno_text(99999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_listening, loop_begin, loop_end),
        cmocka_unit_test_setup_teardown(test_refusing, loop_begin, loop_end),
        cmocka_unit_test_setup_teardown(test_silent, loop_begin, loop_end),
        cmocka_unit_test_setup_teardown(test_cancel_and_reuse, loop_begin, loop_end),
        cmocka_unit_test(test_judging_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
