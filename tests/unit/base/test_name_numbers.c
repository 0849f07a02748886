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
#include <time.h>

#include "base/name_numbers.h"

static struct name_numbers *new_numbers(uint32_t first, uint32_t last)
{
    struct name_numbers *numbers = NULL;

    assert_int_equal(name_numbers_new(&numbers, first, last), 0);
    return numbers;
}

static uint32_t take(struct name_numbers *numbers, const char *name)
{
    uint32_t number = UINT32_MAX;

    assert_int_equal(name_numbers_take(numbers, name, &number), 0);
    return number;
}

static uint32_t retire(struct name_numbers *numbers, const char *name)
{
    uint32_t number = UINT32_MAX;

    assert_int_equal(name_numbers_retire(numbers, name, &number), 0);
    return number;
}

static void test_new_and_free(void **state)
{
    struct name_numbers *numbers = NULL;

    (void)state;
    assert_int_equal(name_numbers_new(&numbers, 2, 1), -EINVAL);
    assert_null(numbers);
    name_numbers_free(&numbers);
    numbers = new_numbers(7, 7);
    assert_int_equal(name_numbers_capacity(numbers), 1);
    assert_int_equal(name_numbers_used(numbers), 0);
    assert_int_equal(take(numbers, "a"), 7);
    name_numbers_free(&numbers);
    assert_null(numbers);
}

static void test_take_and_find(void **state)
{
    struct name_numbers *numbers = new_numbers(1, 3);
    uint32_t number = 4711;

    (void)state;
    assert_int_equal(name_numbers_capacity(numbers), 3);
    assert_int_equal(name_numbers_find(numbers, "a", &number), -ENOENT);
    assert_int_equal(number, 4711);
    assert_int_equal(take(numbers, "a"), 1);
    assert_int_equal(take(numbers, "b"), 2);
    assert_int_equal(take(numbers, "a"), 1);
    assert_int_equal(take(numbers, ""), 3);
    assert_int_equal(name_numbers_used(numbers), 3);
    assert_int_equal(name_numbers_take(numbers, "c", &number), -ENOSPC);
    assert_int_equal(number, 4711);
    assert_int_equal(take(numbers, "b"), 2);
    assert_int_equal(name_numbers_find(numbers, "b", &number), 0);
    assert_int_equal(number, 2);
    name_numbers_free(&numbers);
}

/* A retired number is nobody's and given to nobody until it is released for reuse. */
static void test_retire_and_reuse(void **state)
{
    struct name_numbers *numbers = new_numbers(10, 12);
    uint32_t number = 4711;

    (void)state;
    (void)take(numbers, "a");
    (void)take(numbers, "b");
    assert_int_equal(retire(numbers, "a"), 10);
    assert_int_equal(name_numbers_used(numbers), 1);
    assert_int_equal(name_numbers_find(numbers, "a", &number), -ENOENT);
    assert_int_equal(name_numbers_retire(numbers, "a", &number), -ENOENT);
    assert_int_equal(number, 4711);
    assert_int_equal(take(numbers, "a"), 12);
    assert_int_equal(name_numbers_take(numbers, "c", &number), -ENOSPC);
    name_numbers_reuse(numbers, 10);
    assert_int_equal(take(numbers, "c"), 10);
    name_numbers_free(&numbers);
}

/* Reuse of a number that is held, unknown or free changes nothing. */
static void test_wrong_reuse(void **state)
{
    struct name_numbers *numbers = new_numbers(10, 12);

    (void)state;
    assert_int_equal(take(numbers, "a"), 10);
    name_numbers_reuse(numbers, 10);
    name_numbers_reuse(numbers, 11);
    name_numbers_reuse(numbers, 9);
    name_numbers_reuse(numbers, 13);
    name_numbers_reuse(numbers, UINT32_MAX);
    assert_int_equal(take(numbers, "b"), 11);
    assert_int_equal(take(numbers, "a"), 10);
    name_numbers_free(&numbers);
}

static void test_adopt(void **state)
{
    struct name_numbers *numbers = new_numbers(10, 20);
    uint32_t number;

    (void)state;
    assert_int_equal(name_numbers_adopt(numbers, "a", 11), 0);
    assert_int_equal(name_numbers_adopt(numbers, "a", 11), 0);
    assert_int_equal(name_numbers_adopt(numbers, "a", 12), -EBUSY);
    assert_int_equal(name_numbers_adopt(numbers, "b", 11), -EBUSY);
    assert_int_equal(name_numbers_adopt(numbers, "b", 9), -ERANGE);
    assert_int_equal(name_numbers_adopt(numbers, "b", 21), -ERANGE);
    assert_int_equal(name_numbers_adopt(numbers, "b", 0), -ERANGE);
    assert_int_equal(name_numbers_find(numbers, "b", &number), -ENOENT);
    assert_int_equal(name_numbers_used(numbers), 1);
    assert_int_equal(take(numbers, "b"), 10);
    assert_int_equal(take(numbers, "c"), 12);
    (void)retire(numbers, "c");
    assert_int_equal(name_numbers_adopt(numbers, "d", 12), -EBUSY);
    name_numbers_reuse(numbers, 12);
    assert_int_equal(name_numbers_adopt(numbers, "d", 12), 0);
    name_numbers_free(&numbers);
}

/* The ends of 32 bits, and sizes around a word and a word of words. */
static void test_edges(void **state)
{
    static const uint32_t sizes[] = {63, 64, 65, 4095, 4096, 4097};
    struct name_numbers *numbers = new_numbers(UINT32_MAX - 1, UINT32_MAX);
    uint32_t number;

    (void)state;
    assert_int_equal(take(numbers, "a"), UINT32_MAX - 1);
    assert_int_equal(take(numbers, "b"), UINT32_MAX);
    assert_int_equal(name_numbers_take(numbers, "c", &number), -ENOSPC);
    name_numbers_free(&numbers);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        char name[16];

        numbers = new_numbers(5, 4 + sizes[s]);
        assert_int_equal(name_numbers_capacity(numbers), sizes[s]);
        for (uint32_t i = 0; i < sizes[s]; i++) {
            (void)snprintf(name, sizeof(name), "%u", i);
            assert_int_equal(take(numbers, name), 5 + i);
        }
        assert_int_equal(name_numbers_take(numbers, "more", &number), -ENOSPC);
        (void)snprintf(name, sizeof(name), "%u", sizes[s] - 1);
        name_numbers_reuse(numbers, retire(numbers, name));
        (void)snprintf(name, sizeof(name), "%u", sizes[s] / 2);
        name_numbers_reuse(numbers, retire(numbers, name));
        assert_int_equal(take(numbers, "x"), 5 + sizes[s] / 2);
        assert_int_equal(take(numbers, "y"), 4 + sizes[s]);
        assert_int_equal(name_numbers_take(numbers, "more", &number), -ENOSPC);
        name_numbers_free(&numbers);
    }
}

/* Against plain arrays: what each name holds, and which numbers are free, held or retired. */
static void test_random_against_model(void **state)
{
    enum {
        N = 150
    };
    struct name_numbers *numbers = new_numbers(3, 3 + N - 1);
    int owner[N]; /* name, -1 free, -2 retired */
    uint32_t number;

    (void)state;
    srand48(3);
    for (int i = 0; i < N; i++)
        owner[i] = -1;
    for (int step = 0; step < 50000; step++) {
        int which = (int)(lrand48() % (N + 50));
        int slot = (int)(lrand48() % N);
        int held = -1, lowest = -1;
        long choice = lrand48() % 6;
        uint32_t used = 0;
        char name[16];

        (void)snprintf(name, sizeof(name), "name%d", which);
        for (int i = N; i-- > 0;) {
            held = owner[i] == which ? i : held;
            lowest = owner[i] == -1 ? i : lowest;
        }
        if (choice < 3) {
            int r = name_numbers_take(numbers, name, &number);
            int expected = held >= 0 ? held : lowest;

            assert_int_equal(r, expected < 0 ? -ENOSPC : 0);
            if (r == 0) {
                assert_int_equal(number, 3 + expected);
                owner[expected] = which;
            }
        } else if (choice == 3) {
            assert_int_equal(name_numbers_retire(numbers, name, &number), held < 0 ? -ENOENT : 0);
            if (held >= 0) {
                assert_int_equal(number, 3 + held);
                owner[held] = -2;
            }
        } else if (choice == 4) {
            name_numbers_reuse(numbers, (uint32_t)(3 + slot));
            owner[slot] = owner[slot] == -2 ? -1 : owner[slot];
        } else {
            int r = held == slot ? 0 : held >= 0 || owner[slot] != -1 ? -EBUSY : 0;

            assert_int_equal(name_numbers_adopt(numbers, name, (uint32_t)(3 + slot)), r);
            owner[slot] = r == 0 ? which : owner[slot];
        }
        for (int i = 0; i < N; i++) {
            const char *holder = name_numbers_name(numbers, (uint32_t)(3 + i));

            used += owner[i] >= 0;
            assert_int_equal(holder != NULL, owner[i] >= 0);
            if (holder) {
                assert_int_equal(name_numbers_find(numbers, holder, &number), 0);
                assert_int_equal(number, 3 + i);
            }
        }
        assert_int_equal(name_numbers_used(numbers), used);
    }
    name_numbers_free(&numbers);
}

/*
 * 100,000 names, then again and again the last one: a search from the start would read 100,000 numbers each
 * time (some 10^10 steps here, minutes); by summaries it is done at once. The bound is generous on purpose.
 */
static void test_many_names(void **state)
{
    enum {
        N = 100000
    };
    struct name_numbers *numbers = new_numbers(1, N);
    struct timespec start, end;
    char name[32];

    (void)state;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (uint32_t i = 1; i <= N; i++) {
        (void)snprintf(name, sizeof(name), "default/service-%u", i);
        assert_int_equal(take(numbers, name), i);
    }
    for (int i = 0; i < N; i++) {
        name_numbers_reuse(numbers, retire(numbers, name));
        assert_int_equal(take(numbers, name), N);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_int_equal(name_numbers_used(numbers), N);
    assert_string_equal(name_numbers_name(numbers, N), name);
    assert_string_equal(name_numbers_name(numbers, 1), "default/service-1");
    assert_null(name_numbers_name(numbers, 0));
    assert_null(name_numbers_name(numbers, N + 1));
    name_numbers_free(&numbers);
    assert_true(end.tv_sec - start.tv_sec < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_and_free),
        cmocka_unit_test(test_take_and_find),
        cmocka_unit_test(test_retire_and_reuse),
        cmocka_unit_test(test_wrong_reuse),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_random_against_model),
        cmocka_unit_test(test_many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
