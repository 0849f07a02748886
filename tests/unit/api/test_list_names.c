/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names of a list: sorted as a whole, whatever there is of them, and never much of it at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/read/list_names.h"
#include "base/cleanup.h"

static int by_key(const struct list_key *a, const struct list_key *b)
{
    int order = strcmp(a->namespace_name, b->namespace_name);

    if (order == 0)
        order = strcmp(a->client, b->client);
    if (order == 0)
        order = strcmp(a->name, b->name);
    if (order == 0)
        order = a->port - b->port;
    return order ? order : a->protocol - b->protocol;
}

/* How many entries of the pass under way are where they belong. */
static size_t n_done(const struct list_names *names)
{
    return names->first + names->n_left + names->n_right;
}

static size_t n_moved_by_a_piece(struct list_names *names, int *ret_r)
{
    size_t before = n_done(names);
    size_t run = names->run;

    *ret_r = list_names_sort(names);
    assert_true(*ret_r >= 0);
    return (names->run == run ? n_done(names) : names->n) - before;
}

static void note_numbers(struct list_names *names, size_t n)
{
    assert_int_equal(list_names_begin_namespace(names, "ns"), 0);
    for (size_t i = 0; i < n; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "i%06zu", i * 7919 % n);
        assert_int_equal(list_names_note(names, "", name, 0, 0), 0);
    }
}

static void check_numbers(const struct list_names *names, size_t n)
{
    assert_int_equal(names->n, n);
    for (size_t i = 0; i < n; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "i%06zu", i);
        assert_string_equal(list_names_key(names, i).name, name);
        assert_string_equal(list_names_key(names, i).namespace_name, "ns");
    }
}

/* So many that every kind of end of a run and of a pair of runs is among them. */
static void test_any_number(void **state)
{
    static const size_t some[] = {0,    1,    2,    3,    511,  512,  513,  1023, 1024,
                                  1025, 1536, 1537, 2047, 2049, 2560, 3071, 5000, 8193};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
        struct list_names names = {0};

        note_numbers(&names, some[i]);
        while (list_names_sort(&names) > 0)
            ;
        check_numbers(&names, some[i]);
        assert_int_equal(list_names_sort(&names), 0); /* sorted they stay */
        check_numbers(&names, some[i]);
        list_names_done(&names);
    }
}

static void test_a_piece_is_small(void **state)
{
    const size_t n = 20000;
    struct list_names names = {0};
    unsigned pieces = 0;
    int r;

    (void)state;
    note_numbers(&names, n);
    do {
        assert_true(n_moved_by_a_piece(&names, &r) <= LIST_NAMES_PIECE);
        pieces++;
    } while (r > 0);
    /* Runs, and six times the whole by pieces: 512 * 2^6 > n. */
    assert_in_range(pieces, n / LIST_NAMES_RUN + 6 * n / LIST_NAMES_PIECE,
                    n / LIST_NAMES_RUN + 1 + 6 * (n / LIST_NAMES_PIECE + 1));
    check_numbers(&names, n);
    list_names_done(&names);
}

static void test_a_hundred_thousand(void **state)
{
    struct list_names names = {0};

    (void)state;
    note_numbers(&names, 100000);
    while (list_names_sort(&names) > 0)
        ;
    check_numbers(&names, 100000);
    list_names_done(&names);
}

/* By each member in its turn, and those of two namespaces that were noted in turns. */
static void test_by_all_members(void **state)
{
    static const char *const words[] = {"", "b", "a", "ab"};
    struct list_names names = {0};
    size_t n = 0;

    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (size_t space = 4; space-- > 1;) {
            assert_int_equal(list_names_begin_namespace(&names, words[space]), 0);
            for (size_t client = 0; client < 4; client++)
                for (size_t name = 1; name < 4; name++)
                    for (uint16_t port = 3; port-- > 0;)
                        for (uint8_t protocol = 2; protocol-- > 0; n++)
                            assert_int_equal(list_names_note(&names, words[client], words[name],
                                                             (uint16_t)(port * 30000 + round), protocol),
                                             0);
        }
    while (list_names_sort(&names) > 0)
        ;
    assert_int_equal(names.n, n);
    for (size_t i = 1; i < n; i++) {
        const struct list_key left = list_names_key(&names, i - 1);
        const struct list_key right = list_names_key(&names, i);

        assert_true(by_key(&left, &right) < 0);
    }
    list_names_done(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number),
        cmocka_unit_test(test_a_piece_is_small),
        cmocka_unit_test(test_a_hundred_thousand),
        cmocka_unit_test(test_by_all_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
