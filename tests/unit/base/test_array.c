/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>

#include "base/array.h"

/* Under AddressSanitizer too, too much is refused and not fatal. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

struct item {
    char bytes[24];
};

/* Whatever the count has been before, one more fits; and few of the calls move the array. */
static void test_one_more_always_fits(void **state)
{
    static const size_t steps[] = {1, 9, 4, 64, 3, 65, 0, 2, 1000, 512, 513, 1030};
    struct item *items = NULL;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        for (; n < steps[i]; n++) {
            assert_int_equal(ARRAY_MAKE_ROOM(items, n), 0);
            assert_true(malloc_usable_size(items) >= (n + 1) * sizeof(*items));
            items[n].bytes[23] = (char)n;
        }
        for (size_t j = 0; j < n; j++)
            assert_int_equal(items[j].bytes[23], (char)j);
        n = steps[i];
    }
    free(items);
}

static void test_it_doubles(void **state)
{
    struct item *items = NULL;
    unsigned grown = 0;

    (void)state;
    for (size_t n = 0; n < 1024; n++) {
        size_t before = items ? malloc_usable_size(items) : 0;

        assert_int_equal(ARRAY_MAKE_ROOM(items, n), 0);
        grown += malloc_usable_size(items) != before;
    }
    assert_in_range(grown, 2, 11);
    free(items);
}

static void test_no_memory_leaves_it_alone(void **state)
{
    volatile size_t many = (size_t)1 << 61; /* more bytes than can be counted */
    struct item *items = calloc(1, sizeof(*items));
    struct item *before = items;

    (void)state;
    assert_non_null(items);
    assert_int_equal(ARRAY_MAKE_ROOM(items, many), -ENOMEM);
    assert_ptr_equal(items, before);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_more_always_fits),
        cmocka_unit_test(test_it_doubles),
        cmocka_unit_test(test_no_memory_leaves_it_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
