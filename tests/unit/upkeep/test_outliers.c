/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints by address, and their cells, on a data path in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "outliers_lab.h"

/* ---- lists ---- */

static void test_lists_ascend_whatever_the_order(void **state)
{
    static const uint32_t orders[][3] = {{1, 3, 5}, {1, 5, 3}, {3, 1, 5}, {3, 5, 1}, {5, 1, 3}, {5, 3, 1}};
    struct lab *lab = *state;

    for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
        for (size_t i = 0; i < 3; i++)
            (void)put(lab, orders[o][i], 1);
        expect_list(lab, 1, "1 3 5");
        assert_int_equal(count_peers(lab), 1);
        for (size_t i = 0; i < 3; i++)
            outliers_remove(&lab->outliers, orders[o][i]);
        expect_list(lab, 1, "");
        assert_int_equal(count_peers(lab), 0);
        assert_null(lab->outliers.all);
    }
}

static void test_removal_from_any_place(void **state)
{
    static const struct {
        uint32_t number;
        const char *left;
    } removals[] = {{1, "3 5 7"}, {3, "1 5 7"}, {5, "1 3 7"}, {7, "1 3 5"}};
    struct lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
        for (uint32_t number = 1; number <= 7; number += 2)
            (void)put(lab, number, 1);
        expect_list(lab, 1, "1 3 5 7");
        outliers_remove(&lab->outliers, removals[i].number);
        expect_list(lab, 1, removals[i].left);
        outliers_remove(&lab->outliers, removals[i].number); /* nothing is there any more */
        expect_list(lab, 1, removals[i].left);
    }
    outliers_remove(&lab->outliers, 2); /* never was */
    outliers_remove(&lab->outliers, MAX_ENDPOINTS + 1);
}

static void test_moving_to_another_address(void **state)
{
    struct lab *lab = *state;
    struct instance *moving;

    for (uint32_t number = 1; number <= 5; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    expect_list(lab, 1, "1 3 5");
    expect_list(lab, 2, "2 4");
    cell_of(lab, 3)->ejections = 9;
    cell_of(lab, 3)->history = 9;
    cell_of(lab, 3)->ejected_until = 9;
    moving = make_in(lab, "ns", 3, 2);
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    assert_true(outliers_is_at(&lab->outliers, moving));
    expect_list(lab, 1, "1 5");
    expect_list(lab, 2, "2 3 4");
    assert_int_equal(cell_of(lab, 3)->ejections, 0); /* another address has another record */
    assert_true(cell_of(lab, 3)->history == 0);
    assert_true(cell_of(lab, 3)->ejected_until == 0);
    moving->port = 81;
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 4");
    assert_int_equal(count_peers(lab), 3);
    assert_int_equal(cell_of(lab, 3)->next, 0);
    assert_int_equal(cell_of(lab, 3)->port_be, htons(81));
    moving->port = 8080;
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 3 4");
    moving->protocol = UDP;
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 4");
}

static void test_namespaces_have_lists_of_their_own(void **state)
{
    struct lab *lab = *state;
    char text[64];

    (void)put(lab, 1, 1);
    outliers_put(&lab->outliers, make_in(lab, "other", 2, 1));
    (void)put(lab, 3, 1);
    expect_list(lab, 1, "1 3");
    assert_string_equal(list_in(lab, 2, 1, text), "2");
}

static void test_alone_at_an_address(void **state)
{
    struct lab *lab = *state;
    const struct svc_peer_key *key;

    assert_null(outliers_alone_at(&lab->outliers, 1));
    assert_null(outliers_alone_at(&lab->outliers, MAX_ENDPOINTS + 1));
    (void)put(lab, 1, 1);
    key = outliers_alone_at(&lab->outliers, 1);
    assert_non_null(key);
    assert_int_equal(key->address[15], 1);
    assert_int_equal(key->port_be, htons(8080));
    (void)put(lab, 2, 1);
    assert_null(outliers_alone_at(&lab->outliers, 1)); /* somebody is after it */
    assert_null(outliers_alone_at(&lab->outliers, 2)); /* or before it */
    outliers_remove(&lab->outliers, 1);
    assert_null(outliers_alone_at(&lab->outliers, 1));
    assert_non_null(outliers_alone_at(&lab->outliers, 2));
}

/* ---- cells ---- */

static void set_ejection(struct service *service, uint32_t failures, uint32_t window_ms)
{
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    settings.has_ejection = true;
    settings.ejection.failures = failures;
    settings.ejection.window_ms = window_ms;
    settings.has_connect_timeout = true;
    settings.connect_timeout_ms = 4000;
    settings.syn_timeout_ms = 200;
    assert_int_equal(catalog_set_settings(service, &settings), 0);
}

static void test_policies_are_written_where_they_differ(void **state)
{
    struct lab *lab = *state;
    struct instance *instance = put(lab, 1, 1);
    struct svc_outlier *cell = cell_of(lab, 1);
    uint64_t writes = datapath_writes(lab->datapath);

    assert_int_equal(cell->failures, 5);
    assert_int_equal(cell->window_ms, 30000);
    assert_int_equal(cell->base_ms, 30000);
    assert_int_equal(cell->max_ms, 300000);
    assert_int_equal(cell->connect_timeout_ms, 0);
    cell->history = 3;
    cell->ejections = 2;
    outliers_put(&lab->outliers, instance);
    outliers_refresh(&lab->outliers);
    assert_int_equal(datapath_writes(lab->datapath), writes);
    set_ejection(instance->service, 7, 30000);
    outliers_refresh(&lab->outliers);
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
    assert_int_equal(cell->failures, 7);
    assert_int_equal(cell->connect_timeout_ms, 4000);
    assert_int_equal(cell->syn_timeout_ms, 200);
    assert_true(cell->history == 3); /* the program's own, in parts of the same length */
    set_ejection(instance->service, 7, 10000);
    outliers_put(&lab->outliers, instance);
    assert_int_equal(datapath_writes(lab->datapath), writes + 2);
    assert_int_equal(cell->window_ms, 10000);
    assert_true(cell->history == 0);
    assert_int_equal(cell->ejections, 2);
}

static void test_by_hand(void **state)
{
    struct lab *lab = *state;
    const struct svc_outlier *cell = cell_of(lab, 1);

    assert_int_equal(outliers_eject(&lab->outliers, 1, 1000), -ENOENT);
    assert_int_equal(outliers_clear(&lab->outliers, 1), -ENOENT);
    assert_int_equal(outliers_eject(&lab->outliers, MAX_ENDPOINTS + 1, 1000), -ENOENT);
    assert_int_equal(outliers_clear(&lab->outliers, UINT32_MAX), -ENOENT);
    assert_true(outliers_ejected_ms(&lab->outliers, UINT32_MAX) == 0);
    (void)put(lab, 1, 1);
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
    assert_int_equal(outliers_eject(&lab->outliers, 1, 60000), 0);
    assert_in_range(outliers_ejected_ms(&lab->outliers, 1), 59000, 60000);
    assert_true(cell_of(lab, 0)->ejected_until != 0);
    cell_of(lab, 1)->ejections = 4;
    assert_int_equal(outliers_clear(&lab->outliers, 1), 0);
    assert_true(cell_of(lab, 0)->ejected_until == 0);
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
    assert_int_equal(cell->ejections, 0);
    cell_of(lab, 1)->ejected_until = clock_monotonic_ns() - 1; /* over, and nobody has cleared it */
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
}

static void test_whoever_gets_the_number_begins_with_a_clean_record(void **state)
{
    struct lab *lab = *state;
    struct svc_outlier *cells = cell_of(lab, 0);
    struct instance *first = put(lab, 1, 1);

    (void)put(lab, 2, 2);
    cells[1].ejected_until = cells[0].ejected_until = 77;
    outliers_settle(&lab->outliers);
    assert_true(cells[0].ejected_until != 0);
    outliers_put(&lab->outliers, first); /* as it was: nothing is forgotten */
    assert_true(cells[1].ejected_until == 77);
    outliers_remove(&lab->outliers, 1);
    outliers_settle(&lab->outliers);
    assert_true(cells[0].ejected_until == 0);
    cells[1].history = 5; /* a connect of before that fails now */
    outliers_put(&lab->outliers, first);
    assert_true(cells[1].ejected_until == 0);
    assert_true(cells[1].history == 0);
    assert_true(cells[1].ejections == 0);
    assert_true(cells[0].ejected_until == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lists_ascend_whatever_the_order),
        TEST(test_removal_from_any_place),
        TEST(test_moving_to_another_address),
        TEST(test_alone_at_an_address),
        TEST(test_namespaces_have_lists_of_their_own),
        TEST(test_policies_are_written_where_they_differ),
        TEST(test_by_hand),
        TEST(test_whoever_gets_the_number_begins_with_a_clean_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
