/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a start makes of what the data path holds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "outliers_lab.h"

/* The daemon ends, and the next one begins with what the data path holds. */
static void restart(struct lab *lab, enum datapath_origin origin)
{
    outliers_done(&lab->outliers);
    assert_int_equal(begin(lab), 0);
    assert_int_equal(memory_datapath_restart(lab->datapath, origin), 0);
}

static void test_adoption_of_what_is_right_writes_nothing(void **state)
{
    struct lab *lab = *state;
    struct svc_outlier before[MAX_ENDPOINTS + 1];

    for (uint32_t number = 1; number <= 6; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    outliers_put(&lab->outliers, make_in(lab, "other", 7, 1));
    cell_of(lab, 3)->history = 2;
    cell_of(lab, 3)->ejections = 1;
    cell_of(lab, 3)->ejected_until = 77;
    cell_of(lab, 0)->ejected_until = 77; /* the program's note that there is one */
    restart(lab, DATAPATH_ADOPTED);
    memcpy(before, cell_of(lab, 0), sizeof(before));
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_memory_equal(cell_of(lab, 0), before, sizeof(before));
    assert_string_equal(memory_datapath_record(lab->datapath), "");
    /* It knows them all: what comes now finds its place. */
    (void)put(lab, 8, 1);
    expect_list(lab, 1, "1 3 5 8");
    outliers_remove(&lab->outliers, 1);
    expect_list(lab, 1, "3 5 8");
}

static void test_adoption_writes_differences(void **state)
{
    struct lab *lab = *state;
    struct service *service;

    for (uint32_t number = 1; number <= 6; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    service = catalog_service(lab->catalog, "ns", "web");
    restart(lab, DATAPATH_ADOPTED);
    /* The first of one list and the whole other one have gone meanwhile; one has come. */
    catalog_remove_instance(lab->catalog, catalog_instance(service, "1"));
    for (uint32_t number = 2; number <= 6; number += 2) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%u", number);
        catalog_remove_instance(lab->catalog, catalog_instance(service, id));
    }
    (void)make_in(lab, "ns", 7, 3);
    cell_of(lab, 5)->history = 4;
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    expect_list(lab, 1, "3 5");
    expect_list(lab, 2, "");
    expect_list(lab, 3, "7");
    assert_int_equal(count_peers(lab), 2);
    /* The peer of each address, the cell of 7, and those of the four that have gone. */
    assert_int_equal(datapath_writes(lab->datapath), 8);
    assert_true(cell_of(lab, 5)->history == 4);
}

static void test_adoption_sets_a_broken_list_right(void **state)
{
    struct lab *lab = *state;

    for (uint32_t number = 1; number <= 4; number++)
        (void)put(lab, number, 1);
    restart(lab, DATAPATH_ADOPTED);
    cell_of(lab, 2)->next = 1; /* a circle */
    cell_of(lab, 3)->failures = 99;
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    expect_list(lab, 1, "1 2 3 4");
    assert_int_equal(cell_of(lab, 3)->failures, 5);
    assert_int_equal(datapath_writes(lab->datapath), 2);
}

/* New maps after a migration: a record goes along with its address, and with no other. */
static void test_adoption_carries_records_over(void **state)
{
    struct lab *lab = *state;

    for (uint32_t number = 1; number <= 3; number++) {
        (void)put(lab, number, (uint8_t)number);
        cell_of(lab, number)->ejected_until = 70 + number;
    }
    cell_of(lab, 1)->next = 9;
    cell_of(lab, 2)->address[15] ^= 0xff;
    cell_of(lab, 3)->port_be = 0;
    restart(lab, DATAPATH_MIGRATED);
    assert_int_equal(count_peers(lab), 0);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_int_equal(cell_of(lab, 1)->ejected_until, 71);
    assert_int_equal(cell_of(lab, 1)->next, 0);
    assert_int_equal(cell_of(lab, 2)->ejected_until, 0);
    assert_int_equal(cell_of(lab, 3)->ejected_until, 0);
}

/* Nothing is registered any more: every address goes. */
static void test_adoption_into_nothing(void **state)
{
    struct lab *lab = *state;
    const struct service *service;

    for (uint32_t number = 1; number <= MAX_ENDPOINTS; number++)
        (void)put(lab, number, (uint8_t)number);
    assert_int_equal(count_peers(lab), MAX_ENDPOINTS);
    restart(lab, DATAPATH_ADOPTED);
    while ((service = catalog_service(lab->catalog, "ns", "web"))) /* it goes with its last instance */
        catalog_remove_instance(lab->catalog, service->instances);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_int_equal(count_peers(lab), 0);
    assert_int_equal(datapath_writes(lab->datapath), 2 * MAX_ENDPOINTS); /* its peer, and its record */
    for (uint32_t number = 1; number <= MAX_ENDPOINTS; number++)
        assert_int_equal(cell_of(lab, number)->protocol, 0);
}

/* One endpoint that cannot be judged is told of and left out; the others are as they should be. */
static void test_without_room_for_a_peer(void **state)
{
    struct lab *lab = *state;

    memory_datapath_fail_puts(lab->datapath, "peers", 1, E2BIG);
    (void)put(lab, 1, 1);
    (void)put(lab, 2, 2);
    expect_list(lab, 1, "1");
    expect_list(lab, 2, "");
    restart(lab, DATAPATH_ADOPTED);
    memory_datapath_fail_puts(lab->datapath, "peers", 0, ENOMEM);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), -ENOMEM);
    restart(lab, DATAPATH_ADOPTED);
    memory_datapath_fail_puts(lab->datapath, "peers", 0, 0);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_string_equal(memory_datapath_record(lab->datapath), "put peers 1\n");
    expect_list(lab, 2, "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_adoption_of_what_is_right_writes_nothing),
        TEST(test_adoption_writes_differences),
        TEST(test_adoption_sets_a_broken_list_right),
        TEST(test_adoption_carries_records_over),
        TEST(test_adoption_into_nothing),
        TEST(test_without_room_for_a_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
