/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which connections are measured, where a time is counted, and averages that move and grow old. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <svcconnect/first_byte.h>

#define FADE 11

static void test_one_of_so_many_is_measured(void **state)
{
    static const uint32_t rates[] = {2, 3, 16, 100};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        unsigned n = 0, even = 0;

        for (uint32_t port = 32768; port < 61000; port++) {
            n += (unsigned)svc_is_timed(svc_timed_of(rates[i]), port);
            even += port % 2 == 0 && svc_is_timed(svc_timed_of(rates[i]), port);
        }
        assert_in_range(n, 28232 / rates[i] * 95 / 100, 28232 / rates[i] * 105 / 100 + 1);
        assert_in_range(even, n * 45 / 100, n * 55 / 100); /* the kernel gives even ports first */
    }
    for (uint32_t port = 0; port < 65536; port++) {
        assert_false(svc_is_timed(svc_timed_of(0), port));
        assert_true(svc_is_timed(svc_timed_of(1), port));
    }
}

static void test_times_fall_into_buckets(void **state)
{
    static const struct {
        uint32_t microseconds, bucket;
    } cases[] = {{0, 0}, {63, 0}, {64, 1}, {127, 1}, {20100, 9}, {64u << 18, 19}, {UINT32_MAX, 19}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(svc_first_byte_bucket(cases[i].microseconds), cases[i].bucket);
    for (uint32_t us = 0; us < 1u << 25; us += 61) {
        uint32_t bucket = svc_first_byte_bucket(us);

        assert_true(svc_first_byte_bucket_end(bucket) == 0 || us < svc_first_byte_bucket_end(bucket));
        assert_true(bucket == 0 || us >= svc_first_byte_bucket_end(bucket - 1));
    }
}

static void test_times_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(svc_time_us(0), 1); /* 0 says that none was measured */
    assert_int_equal(svc_time_us(20100999), 20100);
    assert_int_equal(svc_time_us(UINT64_MAX), SVC_FIRST_BYTE_MOST_US);
}

static void test_an_average_follows(void **state)
{
    uint32_t average = svc_time_average(0, 800, 5, FADE);

    (void)state;
    assert_int_equal(average, 800);
    assert_int_equal(svc_time_average(average, 1600, 5, FADE), 900);
    assert_int_equal(svc_time_average(average, 0, 5, FADE), 700);
    assert_int_equal(svc_time_average(1, 1, 5, FADE), 1);
    for (int i = 0; i < 100; i++)
        average = svc_time_average(average, 80000, 5, FADE);
    assert_in_range(average, 79900, 80000);
    for (int i = 0; i < 200; i++)
        average = svc_time_average(average, 1, 5, FADE);
    assert_in_range(average, 1, 8); /* never 0 */
}

static void test_an_average_grows_old(void **state)
{
    (void)state;
    assert_int_equal(svc_time_faded(800, (1u << FADE) - 1, FADE), 800);
    assert_int_equal(svc_time_faded(800, 1u << FADE, FADE), 400);
    assert_int_equal(svc_time_faded(800, 3u << FADE, FADE), 100);
    assert_int_equal(svc_time_faded(SVC_FIRST_BYTE_MOST_US, UINT32_MAX, FADE), 0);
    assert_int_equal(svc_time_average(800, 400, 1u << FADE, FADE),
                     400); /* what it was before is forgotten by half */
    assert_int_equal(svc_time_average(800, 800, 1u << FADE, FADE), 600);
    assert_false(svc_is_time_due((1u << (FADE - 3)) - 1, FADE));
    assert_true(svc_is_time_due(1u << (FADE - 3), FADE));
}

static void test_who_is_done_sooner(void **state)
{
    (void)state;
    assert_true(svc_is_sooner(0, 1, 10, 0, 1, 40));
    assert_true(svc_is_sooner(2, 1, 10, 0, 1, 40));
    assert_false(svc_is_sooner(3, 1, 10, 0, 1, 40)); /* four of these take as long: nobody is moved */
    assert_true(svc_is_sooner(0, 8, 40, 0, 1, 10));  /* for its weight */
    assert_false(svc_is_sooner(0, 1, 0, 0, 1, 40));  /* a time that is not known is no better one */
    assert_true(svc_is_sooner(0, 1, 0, 1, 1, 40));
    assert_true(svc_is_sooner(-3, 1, 10, 1, 1, 10));
    /* The greatest there can be. */
    assert_true(svc_is_sooner((1 << 23) - 2, 65535, SVC_FIRST_BYTE_MOST_US, (1 << 23) - 1, 65535,
                              SVC_FIRST_BYTE_MOST_US));
}

static void test_like_is_compared_with_like(void **state)
{
    struct svc_outlier one = {.load_weight = 1, .first_byte_us = 10000, .handshake_us = 900};
    struct svc_outlier other = {.load_weight = 1, .first_byte_us = 40000, .handshake_us = 100};

    (void)state;
    assert_true(svc_is_endpoint_sooner(&one, &other, 5, FADE));
    assert_false(svc_is_endpoint_sooner(&other, &one, 5, FADE));
    other.first_byte_us = 0; /* then both by their handshakes */
    assert_false(svc_is_endpoint_sooner(&one, &other, 5, FADE));
    assert_true(svc_is_endpoint_sooner(&other, &one, 5, FADE));
    other.handshake_us = 0; /* and by what is open where there are none */
    assert_false(svc_is_endpoint_sooner(&one, &other, 5, FADE));
    one.open = 1;
    assert_true(svc_is_endpoint_sooner(&other, &one, 5, FADE));
    /* Whoever nobody was sent to for long is tried again. */
    other = (struct svc_outlier){.load_weight = 1, .first_byte_us = 40000};
    one.open = 0;
    one.measured_at = 4u << FADE;
    assert_true(svc_is_endpoint_sooner(&other, &one, 4u << FADE, FADE));
}

static void test_a_fin_is_no_answer(void **state)
{
    (void)state;
    assert_int_equal(svc_payload_received(0, 0), 0);
    assert_int_equal(svc_payload_received(1, 1), 0);
    assert_int_equal(svc_payload_received(1, 0), 1);
    assert_int_equal(svc_payload_received(2, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_so_many_is_measured), cmocka_unit_test(test_times_fall_into_buckets),
        cmocka_unit_test(test_times_have_bounds),          cmocka_unit_test(test_an_average_follows),
        cmocka_unit_test(test_an_average_grows_old),       cmocka_unit_test(test_who_is_done_sooner),
        cmocka_unit_test(test_a_fin_is_no_answer),         cmocka_unit_test(test_like_is_compared_with_like),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
