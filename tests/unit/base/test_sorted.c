/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/sorted.h"

struct entry {
    char before[3]; /* the handle is not the first, nor the first aligned thing */
    int number;
    UT_hash_handle hh;
};

static int by_number(const void *a, const void *b)
{
    return (*(struct entry *const *)a)->number - (*(struct entry *const *)b)->number;
}

static void test_an_empty_table(void **state)
{
    struct entry *none = NULL;
    _cleanup_free_ struct entry **sorted = SORTED_ENTRIES(none, by_number);

    (void)state;
    assert_non_null(sorted);
    assert_null(sorted[0]);
}

static void test_the_list_is_sorted_and_the_table_is_not(void **state)
{
    struct entry entries[] = {{.number = 5}, {.number = -1}, {.number = 9}, {.number = 0}};
    struct entry *table = NULL;
    _cleanup_free_ struct entry **sorted = NULL;
    const struct entry *entry;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(entries); i++)
        HASH_ADD_INT(table, number, &entries[i]);
    sorted = SORTED_ENTRIES(table, by_number);
    assert_non_null(sorted);
    assert_ptr_equal(sorted[0], &entries[1]);
    assert_ptr_equal(sorted[1], &entries[3]);
    assert_ptr_equal(sorted[2], &entries[0]);
    assert_ptr_equal(sorted[3], &entries[2]);
    assert_null(sorted[4]);
    for (entry = table, i = 0; entry; entry = entry->hh.next, i++)
        assert_ptr_equal(entry, &entries[i]);
    HASH_CLEAR(hh, table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_table),
        cmocka_unit_test(test_the_list_is_sorted_and_the_table_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
