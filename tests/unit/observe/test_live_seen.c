/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a reader knows already: new, changed, the same, gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "observe/web/live_seen.h"

static uint64_t key(unsigned number)
{
    return live_digest(0, &number, sizeof(number));
}

static void test_same_and_changed(void **state)
{
    struct live_seen seen = {0};

    (void)state;
    live_seen_begin_round(&seen);
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(1), 10), 1);
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(2), 10), 1);
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(1), 10), 0);
    assert_false(live_seen_lacks(&seen, LIVE_SERVICE));
    live_seen_begin_round(&seen);
    assert_true(live_seen_lacks(&seen, LIVE_SERVICE));
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(1), 10), 0);
    assert_true(live_seen_lacks(&seen, LIVE_SERVICE));
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(2), 11), 1);
    assert_int_equal(live_seen_take(&seen, LIVE_SERVICE, key(2), 11), 0);
    assert_false(live_seen_lacks(&seen, LIVE_SERVICE));
    live_seen_done(&seen);
}

/* One that comes twice in a round stands for no other. */
static void test_what_has_gone(void **state)
{
    struct live_seen seen = {0};

    (void)state;
    live_seen_begin_round(&seen);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(live_seen_take(&seen, LIVE_ALIAS, key(i), 1), 1);
        assert_int_equal(live_seen_take(&seen, LIVE_TASK, key(100 + i), 1), 1);
    }
    live_seen_begin_round(&seen);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(live_seen_take(&seen, LIVE_ALIAS, key(0), 1), 0);
        assert_int_equal(live_seen_take(&seen, LIVE_TASK, key(100 + i), 1), 0);
    }
    assert_true(live_seen_lacks(&seen, LIVE_ALIAS));
    assert_false(live_seen_lacks(&seen, LIVE_TASK));
    assert_int_equal(live_seen_forget(&seen, LIVE_ALIAS), 0);
    assert_false(live_seen_lacks(&seen, LIVE_ALIAS));
    live_seen_begin_round(&seen);
    assert_int_equal(live_seen_take(&seen, LIVE_ALIAS, key(0), 1), 1);
    assert_int_equal(live_seen_take(&seen, LIVE_TASK, key(101), 1), 0);
    assert_false(live_seen_lacks(&seen, LIVE_ALIAS));
    assert_int_equal(live_seen_forget(&seen, LIVE_CANARY), 0);
    live_seen_done(&seen);
}

static void test_many(void **state)
{
    struct live_seen seen = {0};
    const unsigned n = 20000;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        live_seen_begin_round(&seen);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(live_seen_take(&seen, i % LIVE_KINDS, key(i), i % 7 == round ? round + 2 : 1),
                             round == 0 || i % 7 == round || i % 7 == round - 1);
        for (unsigned kind = 0; kind < LIVE_KINDS; kind++)
            assert_false(live_seen_lacks(&seen, kind));
    }
    assert_int_equal(live_seen_forget(&seen, LIVE_EVENT), 0);
    live_seen_begin_round(&seen);
    for (unsigned i = 0; i < n; i++)
        if (i % LIVE_KINDS == LIVE_EVENT)
            assert_int_equal(live_seen_take(&seen, LIVE_EVENT, key(i), 1), 1);
    assert_true(seen.room <= 4 * n);
    live_seen_done(&seen);
}

static void test_digests(void **state)
{
    (void)state;
    assert_true(live_digest(0, "a", 1) != live_digest(0, "b", 1));
    assert_true(live_digest(0, "", 0) != 0);
    assert_true(live_digest(live_digest(0, "ab", 3), "c", 2) != live_digest(live_digest(0, "a", 2), "bc", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_and_changed),
        cmocka_unit_test(test_what_has_gone),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
