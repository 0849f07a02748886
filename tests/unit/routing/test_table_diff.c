/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "routing/table_diff.h"

static const struct svc_slot one[] = {{.endpoint_a = 1, .endpoint_b = 1}};
static const struct svc_slot one_copy[] = {{.endpoint_a = 1, .endpoint_b = 1}};
static const struct svc_slot two[] = {{.endpoint_a = 1, .endpoint_b = 1}, {.endpoint_a = 2, .endpoint_b = 2}};
static const struct svc_slot two_other[] = {{.endpoint_a = 1, .endpoint_b = 1},
                                            {.endpoint_a = 2, .endpoint_b = 2, .address_b = {[15] = 1}}};

static void check(const struct table_view *wanted, size_t n_wanted, const struct table_view *current,
                  size_t n_current, const struct table_operation *expected, size_t n_expected)
{
    _cleanup_free_ struct table_operation *operations = (void *)-1;
    size_t n = 4711;

    assert_int_equal(table_diff(wanted, n_wanted, current, n_current, &operations, &n), 0);
    assert_int_equal(n, n_expected);
    if (n == 0)
        assert_null(operations);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(operations[i].change, expected[i].change);
        if (operations[i].change != TABLE_REMOVE)
            assert_int_equal(operations[i].wanted, expected[i].wanted);
        if (operations[i].change != TABLE_ADD)
            assert_int_equal(operations[i].current, expected[i].current);
    }
}

static void test_nothing(void **state)
{
    const struct table_view wanted[] = {{"b", one, 1, two, 2, 0, 0}, {"a", NULL, 0, NULL, 0, 0, 0}};
    const struct table_view current[] = {{"a", NULL, 0, one, 0, 0, 0}, {"b", one_copy, 1, two, 2, 0, 0}};

    (void)state;
    check(NULL, 0, NULL, 0, NULL, 0);
    check(wanted, 2, current, 2, NULL, 0);
}

static void test_add_and_remove(void **state)
{
    const struct table_view views[] = {{"b", one, 1, one, 1, 0, 0}, {"a", one, 1, one, 1, 0, 0}};
    const struct table_operation adds[] = {{TABLE_ADD, 1, 0}, {TABLE_ADD, 0, 0}};
    const struct table_operation removes[] = {{TABLE_REMOVE, 0, 1}, {TABLE_REMOVE, 0, 0}};

    (void)state;
    check(views, 2, NULL, 0, adds, 2);
    check(NULL, 0, views, 2, removes, 2);
}

static void check_replaced(struct table_view wanted, struct table_view current)
{
    const struct table_operation replace = {TABLE_REPLACE, 0, 0};

    check(&wanted, 1, &current, 1, &replace, 1);
    check(&current, 1, &wanted, 1, &replace, 1);
}

static void test_replace(void **state)
{
    const struct table_view base = {"a", one, 1, two, 2, 0, 0};

    (void)state;
    check_replaced(base, (struct table_view){"a", two, 2, two, 2, 0, 0});
    check_replaced(base, (struct table_view){"a", one, 1, one, 1, 0, 0});
    check_replaced(base, (struct table_view){"a", one, 1, two_other, 2, 0, 0});
    check_replaced(base, (struct table_view){"a", NULL, 0, two, 2, 0, 0});
    check_replaced(base, (struct table_view){"a", one, 1, NULL, 0, 0, 0});
    check_replaced(base, (struct table_view){"a", one, 1, two, 2, 30000, 0});
    check_replaced(base, (struct table_view){"a", one, 1, two, 2, 0, SVC_SERVICE_PEER_ALIAS});
    /* The same memory, but less of it. */
    check_replaced(base, (struct table_view){"a", one, 1, two, 1, 0, 0});
}

/* Removals, replacements, additions; each by identity, whatever the order of the input. */
static void test_order(void **state)
{
    const struct table_view wanted[] = {{"z", one, 1, one, 1, 0, 0}, {"m", one, 1, one, 1, 0, 0},
                                        {"c", two, 2, two, 2, 0, 0}, {"k", one, 1, one, 1, 0, 0},
                                        {"b", two, 2, two, 2, 0, 0}, {"a", one, 1, one, 1, 0, 0}};
    const struct table_view current[] = {{"y", one, 1, one, 1, 0, 0},
                                         {"c", one, 1, one, 1, 0, 0},
                                         {"k", one, 1, one, 1, 0, 0},
                                         {"b", one, 1, one, 1, 0, 0},
                                         {"d", one, 1, one, 1, 0, 0}};
    const struct table_operation expected[] = {
        {TABLE_REMOVE, 0, 4}, {TABLE_REMOVE, 0, 0}, {TABLE_REPLACE, 4, 3}, {TABLE_REPLACE, 2, 1},
        {TABLE_ADD, 5, 0},    {TABLE_ADD, 1, 0},    {TABLE_ADD, 0, 0}};

    (void)state;
    check(wanted, 6, current, 5, expected, 7);
}

static void test_duplicates(void **state)
{
    const struct table_view twice[] = {
        {"a", one, 1, one, 1, 0, 0}, {"b", one, 1, one, 1, 0, 0}, {"a", two, 2, two, 2, 0, 0}};
    struct table_operation *operations = (void *)&twice;
    size_t n = 4711;

    (void)state;
    assert_int_equal(table_diff(twice, 3, twice, 2, &operations, &n), -EEXIST);
    assert_int_equal(table_diff(twice, 2, twice, 3, &operations, &n), -EEXIST);
    assert_ptr_equal(operations, &twice);
    assert_int_equal(n, 4711);
}

/* Applying the operations to the published set gives the wanted one. */
static void test_many(void **state)
{
    enum {
        N = 500
    };
    static char names[N][16];
    static struct table_view wanted[N], current[N];
    size_t n_wanted = 0, n_current = 0;

    (void)state;
    srand48(7);
    for (int round = 0; round < 50; round++) {
        size_t n_add = 0, n_remove = 0, n_replace = 0, n = 0;
        _cleanup_free_ struct table_operation *operations = NULL;

        n_wanted = n_current = 0;
        for (int i = 0; i < N; i++) {
            const struct svc_slot *slots = lrand48() % 2 ? two : two_other;
            long fate = lrand48() % 4;

            (void)snprintf(names[i], sizeof(names[i]), "%d", i * 7919 % N);
            if (fate != 0)
                wanted[n_wanted++] = (struct table_view){names[i], two, 2, two, 2, 0, 0};
            if (fate != 1)
                current[n_current++] = (struct table_view){names[i], slots, 2, two, 2, 0, 0};
            n_remove += fate == 0;
            n_add += fate == 1;
            n_replace += fate > 1 && slots == two_other;
        }
        assert_int_equal(table_diff(wanted, n_wanted, current, n_current, &operations, &n), 0);
        assert_int_equal(n, n_add + n_remove + n_replace);
        for (size_t i = 0; i < n; i++) {
            enum table_change change = i < n_remove               ? TABLE_REMOVE
                                       : i < n_remove + n_replace ? TABLE_REPLACE
                                                                  : TABLE_ADD;
            assert_int_equal(operations[i].change, change);
            if (change == TABLE_REPLACE)
                assert_string_equal(wanted[operations[i].wanted].identity,
                                    current[operations[i].current].identity);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_add_and_remove), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_order),   cmocka_unit_test(test_duplicates),     cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
