/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "metrics/histogram.h"

static void test_bounds_grow(void **state)
{
    (void)state;
    assert_true(histogram_bound(0) == 0.001);
    for (unsigned bucket = 1; bucket < HISTOGRAM_BUCKETS; bucket++)
        assert_true(histogram_bound(bucket) > histogram_bound(bucket - 1));
    assert_true(histogram_bound(HISTOGRAM_BOUNDS - 1) == 5);
    assert_true(isinf(histogram_bound(HISTOGRAM_BOUNDS)));
}

static void test_empty(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    assert_true(histogram_quantile(&histogram, 0) == 0);
    assert_true(histogram_quantile(&histogram, 0.99) == 0);
    assert_true(histogram_quantile(&histogram, 1) == 0);
}

/* A bound belongs to the bucket below it, as Prometheus' `le` has it. */
static void test_each_bucket(void **state)
{
    (void)state;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        struct histogram histogram = {0};
        double least = bucket ? nextafter(histogram_bound(bucket - 1), INFINITY) : 0;

        histogram_observe(&histogram, least);
        assert_int_equal(histogram.buckets[bucket], 1);
        if (bucket < HISTOGRAM_BOUNDS)
            histogram_observe(&histogram, histogram_bound(bucket));
        else
            histogram_observe(&histogram, 1e9);
        assert_int_equal(histogram.buckets[bucket], 2);
        assert_int_equal(histogram.count, 2);
    }
}

static void test_sum_and_max(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_observe(&histogram, 0.25);
    histogram_observe(&histogram, 7);
    histogram_observe(&histogram, 0.5);
    assert_true(histogram.sum == 7.75);
    assert_true(histogram.max == 7);
}

static void test_less_than_nothing(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_observe(&histogram, -3);
    histogram_observe(&histogram, (double)NAN);
    assert_int_equal(histogram.buckets[0], 2);
    assert_true(histogram.sum == 0);
    assert_true(histogram.max == 0);
}

static void test_quantiles(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (int i = 0; i < 98; i++)
        histogram_observe(&histogram, 0.0015);
    histogram_observe(&histogram, 0.03);
    histogram_observe(&histogram, 30);
    assert_true(histogram_quantile(&histogram, 0) == 0.002);
    assert_true(histogram_quantile(&histogram, 0.5) == 0.002);
    assert_true(histogram_quantile(&histogram, 0.98) == 0.002);
    assert_true(histogram_quantile(&histogram, 0.985) == 0.05);
    assert_true(histogram_quantile(&histogram, 0.99) == 0.05);
    assert_true(histogram_quantile(&histogram, 0.999) == 30);
    assert_true(histogram_quantile(&histogram, 1) == 30);
}

/* What nobody has waited for is not told. */
static void test_quantile_is_at_most_the_greatest(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_observe(&histogram, 0.0001);
    assert_true(histogram_quantile(&histogram, 0.99) == 0.0001);
    histogram_observe(&histogram, 1.25);
    assert_true(histogram_quantile(&histogram, 0.5) == 0.001);
    assert_true(histogram_quantile(&histogram, 0.99) == 1.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_grow),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_each_bucket),
        cmocka_unit_test(test_sum_and_max),
        cmocka_unit_test(test_less_than_nothing),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_quantile_is_at_most_the_greatest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
