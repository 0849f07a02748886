/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A listener without descriptors tries once a second, whatever is at its door. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/accept_pause.h"
#include "base/log.h"

static void go_on(void *user)
{
    (*(unsigned *)user)++;
}

static void test_one_attempt_for_each_pause(void **state)
{
    struct event_base *base = event_base_new();
    struct accept_pause pause = {0};
    unsigned n = 0;

    (void)state;
    accept_pause_done(&pause); /* never made */
    accept_pause_init(&pause, base, "test", go_on, &n);
    for (unsigned i = 0; i < 100; i++)
        accept_pause_begin(&pause, EMFILE);
    assert_true(pause.is_on);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(n, 0);
    (void)event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(n, 1);
    assert_false(pause.is_on);
    accept_pause_begin(&pause, EMFILE);
    accept_pause_done(&pause); /* and nobody is called any more */
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(n, 1);
    event_base_free(base);
}

static void test_which_failures_do_not_pass_at_once(void **state)
{
    (void)state;
    assert_true(accept_pause_is_due(EMFILE));
    assert_true(accept_pause_is_due(ENFILE));
    assert_true(accept_pause_is_due(ENOMEM));
    assert_false(accept_pause_is_due(ECONNABORTED));
    assert_false(accept_pause_is_due(EAGAIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_attempt_for_each_pause),
                                       cmocka_unit_test(test_which_failures_do_not_pass_at_once)};

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
