/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rows of who calls whom: where they lie, whose they are, what is made of a socket's figures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <svcconnect/callers.h>

static void test_round_trips_fall_into_buckets(void **state)
{
    static const struct {
        uint32_t microseconds, bucket;
    } cases[] = {{0, 0},    {63, 0},    {64, 1},    {255, 1},    {256, 2},    {1023, 2},      {1024, 3},
                 {4096, 4}, {16384, 5}, {65536, 6}, {262143, 6}, {262144, 7}, {UINT32_MAX, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(svc_rtt_bucket(cases[i].microseconds), cases[i].bucket);
    for (uint32_t us = 0; us < 1u << 19; us++) {
        uint32_t bucket = svc_rtt_bucket(us);

        assert_true(svc_rtt_bucket_end(bucket) == 0 || us < svc_rtt_bucket_end(bucket));
        assert_true(bucket == 0 || us >= svc_rtt_bucket_end(bucket - 1));
    }
}

static void test_what_was_sent_has_neither_syn_nor_fin(void **state)
{
    (void)state;
    assert_int_equal(svc_payload_sent(0, 0), 0);
    assert_int_equal(svc_payload_sent(1, 0), 0);
    assert_int_equal(svc_payload_sent(2, 1), 0);
    assert_int_equal(svc_payload_sent(1, 1), 0);
    assert_int_equal(svc_payload_sent(101, 0), 100);
    assert_int_equal(svc_payload_sent(102, 1), 100);
}

static void test_notes_are_few_unless_they_are_kept(void **state)
{
    (void)state;
    assert_int_equal(svc_note_place(40000, 0), 40000 % SVC_NOTES_OF_CONNECTS);
    assert_int_equal(svc_note_place(40000, 1), 40000 % SVC_NOTES);
    /* Each port of the usual range has a place of its own. */
    assert_true(svc_note_place(32768, 1) == 0 && svc_note_place(60999, 1) == 60999 - 32768);
}

static void test_which_are_logged(void **state)
{
    unsigned n = 0, even = 0;

    (void)state;
    for (uint32_t port = 32768; port < 61000; port++) {
        assert_false(svc_is_logged(SVC_LOG_OFF, REFUSED, port));
        assert_true(svc_is_logged(SVC_LOG_FAILED, GAVE_UP, port));
        assert_false(svc_is_logged(SVC_LOG_FAILED, CLOSED, port));
        assert_true(svc_is_logged(SVC_LOG_ALL, CLOSED, port));
        assert_true(svc_is_logged(16, RESET_EARLY, port));
        n += (unsigned)svc_is_logged(16, CLOSED, port);
        even += port % 2 == 0 && svc_is_logged(16, CLOSED, port);
    }
    assert_in_range(n, 28232 / 16 * 95 / 100, 28232 / 16 * 105 / 100);
    assert_in_range(even, n * 45 / 100, n * 55 / 100); /* the kernel gives even ports first */
}

static void test_the_first_round_trips_are_noted_and_then_some(void **state)
{
    unsigned n = 0;

    (void)state;
    for (uint32_t port = 32768; port < 61000; port++) {
        assert_true(svc_is_rtt_noted(SVC_RTT_FIRST - 1, port));
        n += (unsigned)svc_is_rtt_noted(SVC_RTT_FIRST, port);
    }
    assert_in_range(n, 28232 / 16 * 95 / 100, 28232 / 16 * 105 / 100);
}

/* No row but those that may be one, from each place, and clients are spread over all of them. */
static void test_rows_have_a_place(void **state)
{
    static unsigned hits[SVC_CALLERS];
    unsigned most = 0;
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};

    (void)state;
    for (uint32_t caller = 1; caller <= 64; caller++)
        for (unsigned i = 0; i < 64; i++) {
            uint32_t place;

            address[15] = (uint8_t)i;
            place = svc_caller_place(caller, 80, address);
            assert_true(place < SVC_CALLERS);
            hits[place]++;
            for (uint32_t probe = 0; probe < SVC_CALLER_PROBES; probe++) {
                uint32_t row = svc_caller_row(place, probe);

                assert_true(row >= 1 && row <= SVC_CALLERS);
            }
        }
    for (unsigned i = 0; i < SVC_CALLERS; i++)
        most = hits[i] > most ? hits[i] : most;
    assert_true(most <= SVC_CALLER_PROBES); /* one for each row, on average */
}

static void test_whose_a_row_is(void **state)
{
    struct svc_caller row = {.caller = 7, .endpoint = 3, .port_be = 80, .alias_port_be = 8080};
    struct svc_dialled dialled = {.endpoint = 3, .alias_port_be = 8080};
    uint8_t address[16] = {[15] = 9};

    (void)state;
    memcpy(row.address, address, sizeof(address));
    row.alias[15] = dialled.alias[15] = 1;
    assert_true(svc_caller_is_at(&row, 7, 80, address));
    assert_false(svc_caller_is_at(&row, 8, 80, address));
    assert_false(svc_caller_is_at(&row, 7, 81, address));
    assert_false(svc_caller_is_at(&row, 7, 80, row.alias));
    assert_true(svc_caller_is_by(&row, &dialled));
    dialled.alias[15] = 2;
    assert_false(svc_caller_is_by(&row, &dialled));
    dialled.alias[15] = 1;
    dialled.alias_port_be = 0;
    assert_false(svc_caller_is_by(&row, &dialled));
    dialled.alias_port_be = 8080;
    dialled.endpoint = 4;
    assert_false(svc_caller_is_by(&row, &dialled));
}

static void test_of_a_tick_so_many_refused_are_logged(void **state)
{
    struct svc_dialled here = {.endpoint = 7};

    (void)state;
    for (unsigned i = 0; i < SVC_REFUSED_IN_TICK; i++)
        assert_true(svc_refused_has_room(&here, 1000));
    for (unsigned i = 0; i < 100000; i++) /* no counter comes round */
        assert_false(svc_refused_has_room(&here, 1000));
    assert_true(svc_refused_has_room(&here, 1001));
    assert_int_equal(here.endpoint, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips_fall_into_buckets),
        cmocka_unit_test(test_what_was_sent_has_neither_syn_nor_fin),
        cmocka_unit_test(test_notes_are_few_unless_they_are_kept),
        cmocka_unit_test(test_which_are_logged),
        cmocka_unit_test(test_the_first_round_trips_are_noted_and_then_some),
        cmocka_unit_test(test_rows_have_a_place),
        cmocka_unit_test(test_whose_a_row_is),
        cmocka_unit_test(test_of_a_tick_so_many_refused_are_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
