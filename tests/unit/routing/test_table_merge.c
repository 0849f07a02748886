/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "routing/table.h"
#include "routing/table_merge.h"

struct table {
    struct svc_slot *slots;
    uint32_t count;
};

static struct table_candidate candidate(uint32_t endpoint, uint8_t last_byte, uint32_t weight)
{
    return (struct table_candidate){
        .endpoint = endpoint,
        .address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last_byte}},
        .port = 8080,
        .weight = weight,
        .is_eligible = true,
        .networks = endpoint,
    };
}

static struct table built(const struct table_candidate *candidates, size_t n)
{
    const struct table_target target = {.weight = 1, .candidates = candidates, .n_candidates = n};
    struct table table = {0};

    assert_int_equal(table_build(&target, 1, true, &table.slots, &table.count), 0);
    return table;
}

/* 0..1 */
static double share(const struct table *table, uint32_t endpoint)
{
    double sum = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        double a = table->slots[i].endpoint_a == table->slots[i].endpoint_b
                       ? 1
                       : table->slots[i].threshold / 4294967296.0;

        sum += table->slots[i].endpoint_a == endpoint ? a : 0;
        sum += table->slots[i].endpoint_b == endpoint && table->slots[i].endpoint_a != endpoint ? 1 - a : 0;
    }
    return table->count ? sum / table->count : 0;
}

static void expect_share(const struct table *table, uint32_t endpoint, double wanted)
{
    double found = share(table, endpoint);

    if (fabs(found - wanted) > 1e-5)
        fail_msg("endpoint %u has %f, not %f", endpoint, found, wanted);
}

static void test_missing(void **state)
{
    const struct table_candidate three[] = {candidate(5, 5, 1), candidate(7, 7, 2), candidate(9, 9, 3)};
    const struct table_candidate moved[] = {candidate(9, 10, 3), candidate(5, 5, 9), candidate(11, 11, 1)};
    struct table current = built(three, 3);
    struct table wanted = built(moved, 3);
    uint32_t *numbers = NULL;
    size_t n = 99;

    (void)state;
    assert_int_equal(table_missing(current.slots, current.count, wanted.slots, wanted.count, &numbers, &n),
                     0);
    assert_int_equal(n, 2);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 9); /* at another address */
    free(numbers);
    assert_int_equal(table_missing(current.slots, current.count, current.slots, current.count, &numbers, &n),
                     0);
    assert_int_equal(n, 0);
    free(numbers);
    assert_int_equal(table_missing(current.slots, current.count, NULL, 0, &numbers, &n), 0);
    assert_int_equal(n, 3);
    free(numbers);
    assert_int_equal(table_missing(NULL, 0, wanted.slots, wanted.count, &numbers, &n), 0);
    assert_int_equal(n, 0);
    free(numbers);
    free(current.slots);
    free(wanted.slots);
}

static void test_both_sides_by_their_numbers(void **state)
{
    const struct table_candidate kept[] = {candidate(1, 1, 1), candidate(2, 2, 3), candidate(3, 3, 4)};
    const struct table_candidate registered[] = {candidate(8, 8, 1)};
    const uint32_t numbers[] = {1, 2};
    struct table current = built(kept, 3);
    struct table wanted = built(registered, 1);
    struct table merged = {0};

    (void)state;
    assert_int_equal(table_merge(current.slots, current.count, numbers, 2, wanted.slots, wanted.count,
                                 &merged.slots, &merged.count),
                     0);
    assert_int_equal(merged.count, 3);
    expect_share(&merged, 1, 2.0 / 3 / 4);
    expect_share(&merged, 2, 2.0 / 3 * 3 / 4);
    expect_share(&merged, 3, 0); /* not kept */
    expect_share(&merged, 8, 1.0 / 3);
    for (uint32_t i = 0; i < merged.count; i++)
        assert_int_equal(merged.slots[i].networks_a, merged.slots[i].endpoint_a);
    free(current.slots);
    free(wanted.slots);
    free(merged.slots);
}

static void test_a_kept_one_stays_where_it_is(void **state)
{
    const struct table_candidate kept[] = {candidate(1, 1, 1)};
    const struct table_candidate stale[] = {candidate(1, 99, 1), candidate(2, 2, 1)};
    const uint32_t numbers[] = {1};
    struct table current = built(kept, 1);
    struct table wanted = built(stale, 2);
    struct table merged = {0};

    (void)state;
    assert_int_equal(table_merge(current.slots, current.count, numbers, 1, wanted.slots, wanted.count,
                                 &merged.slots, &merged.count),
                     0);
    expect_share(&merged, 1, 0.5);
    expect_share(&merged, 2, 0.5);
    for (uint32_t i = 0; i < merged.count; i++) {
        assert_int_not_equal(merged.slots[i].address_a[15], 99);
        assert_int_not_equal(merged.slots[i].address_b[15], 99);
    }
    free(current.slots);
    free(wanted.slots);
    free(merged.slots);
}

static void test_with_nothing_wanted(void **state)
{
    const struct table_candidate kept[] = {candidate(1, 1, 1), candidate(2, 2, 9)};
    const uint32_t numbers[] = {1, 2};
    struct table current = built(kept, 2);
    struct table merged = {0};

    (void)state;
    assert_int_equal(
        table_merge(current.slots, current.count, numbers, 2, NULL, 0, &merged.slots, &merged.count), 0);
    expect_share(&merged, 1, 0.1);
    expect_share(&merged, 2, 0.9);
    free(merged.slots);
    assert_int_equal(table_merge(NULL, 0, NULL, 0, NULL, 0, &merged.slots, &merged.count), 0);
    assert_int_equal(merged.count, 0);
    free(current.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_both_sides_by_their_numbers),
        cmocka_unit_test(test_a_kept_one_stays_where_it_is),
        cmocka_unit_test(test_with_nothing_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
