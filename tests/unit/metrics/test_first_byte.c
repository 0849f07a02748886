/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Figures from buckets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/first_byte.h"

static void test_of_none(void **state)
{
    const struct first_byte_sum none = {0};

    (void)state;
    assert_int_equal(first_byte_sum_count(&none), 0);
    assert_float_equal(first_byte_sum_mean(&none), 0, 0);
    assert_float_equal(first_byte_sum_quantile(&none, 0.5), 0, 0);
}

static void test_of_some(void **state)
{
    /* 100 below 64 us, 100 of 64 to 127, and one of half a minute. */
    struct svc_first_byte counted = {.sum_us = 201 * 1000, .buckets = {100, 100}};
    struct first_byte_sum some;

    (void)state;
    counted.buckets[SVC_FIRST_BYTE_BUCKETS - 1] = 1;
    some = first_byte_sum_of(&counted);
    assert_int_equal(first_byte_sum_count(&some), 201);
    assert_float_equal(first_byte_sum_mean(&some), 1000, 0.001);
    assert_float_equal(first_byte_sum_quantile(&some, 50. / 201), 32, 0.001);
    assert_float_equal(first_byte_sum_quantile(&some, 100. / 201), 64, 0.001);
    assert_float_equal(first_byte_sum_quantile(&some, 150. / 201), 96, 0.001);
    assert_float_equal(first_byte_sum_quantile(&some, 1),
                       svc_first_byte_bucket_end(SVC_FIRST_BYTE_BUCKETS - 2), 0.001);
}

static void test_sums_never_go_down(void **state)
{
    struct svc_first_byte now = {.sum_us = 500, .buckets = {5}}, last = {.sum_us = 200, .buckets = {2}};
    struct first_byte_sum sum = {0};

    (void)state;
    first_byte_add(&sum, &now, &last);
    assert_int_equal(sum.sum_us, 300);
    assert_int_equal(first_byte_sum_count(&sum), 3);
    last = now;
    now = (struct svc_first_byte){.sum_us = 100, .buckets = {1}}; /* by other maps */
    first_byte_add(&sum, &now, &last);
    assert_int_equal(sum.sum_us, 400);
    assert_int_equal(sum.buckets[0], 4);
    last = (struct svc_first_byte){.sum_us = 100, .buckets = {UINT32_MAX}};
    first_byte_add(&sum, &now, &last); /* come round */
    assert_int_equal(sum.buckets[0], 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_none),
        cmocka_unit_test(test_of_some),
        cmocka_unit_test(test_sums_never_go_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
