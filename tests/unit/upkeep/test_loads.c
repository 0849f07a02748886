/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose open connections are kept, and what sets them right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <svcconnect/first_byte.h>

#include "outliers_lab.h"
#include "upkeep/loads.h"

static void set_balance(const struct lab *lab, uint32_t balance)
{
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    settings.balance = balance;
    assert_int_equal(catalog_set_settings(catalog_service(lab->catalog, "ns", "web"), &settings), 0);
}

static void set_stats(const struct lab *lab, uint32_t number, uint64_t established, uint64_t closed)
{
    const struct svc_endpoint_stats stats = {.established = established, .closed = closed};
    const struct svc_endpoint endpoint = {0};

    assert_int_equal(datapath_put_endpoint(lab->datapath, number, &endpoint), 0);
    assert_int_equal(memory_datapath_set_stats(lab->datapath, number, &stats), 0);
}

static void test_weights_are_written_where_a_service_balances(void **state)
{
    struct lab *lab = *state;
    struct instance *instance = put(lab, 1, 1);
    struct instance *idle = put(lab, 2, 2);

    instance->weight = 7;
    idle->weight = 0;
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->load_weight, 0);
    assert_false(lab->outliers.has_loads);
    set_balance(lab, BALANCE_LEAST_CONNECTIONS);
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->load_weight, 7);
    assert_int_equal(cell_of(lab, 2)->load_weight, 1); /* 0 would say that nobody counts */
    assert_true(lab->outliers.has_loads);
    instance->weight = 9;
    outliers_put(&lab->outliers, instance);
    assert_int_equal(cell_of(lab, 1)->load_weight, 9);
    set_balance(lab, BALANCE_WEIGHTED);
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->load_weight, 0);
}

static void test_times_are_written_where_a_service_wants_them(void **state)
{
    struct lab *lab = *state;
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    struct instance *instance = put(lab, 1, 1);

    instance->weight = 7;
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->timed, svc_timed_of(SERVICE_RESPONSE_TIME));
    assert_int_equal(cell_of(lab, 1)->is_by_time, 0);
    cell_of(lab, 1)->first_byte_us = 20100; /* a program's, which stays */
    set_balance(lab, BALANCE_LEAST_TIME);
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->is_by_time, 1);
    assert_int_equal(cell_of(lab, 1)->load_weight, 7);
    assert_int_equal(cell_of(lab, 1)->first_byte_us, 20100);
    settings.response_time = 0;
    assert_int_equal(catalog_set_settings(catalog_service(lab->catalog, "ns", "web"), &settings), 0);
    outliers_refresh(&lab->outliers);
    assert_int_equal(cell_of(lab, 1)->timed, 0);
    assert_int_equal(cell_of(lab, 1)->is_by_time, 0);
    assert_int_equal(cell_of(lab, 1)->load_weight, 0);
    assert_int_equal(cell_of(lab, 1)->first_byte_us, 20100);
}

static void test_counts_are_set_right(void **state)
{
    struct lab *lab = *state;
    struct loads loads;

    loads_init(&loads, &lab->outliers);
    for (uint32_t number = 1; number <= 4; number++)
        put(lab, number, (uint8_t)number)->weight = 1;
    set_stats(lab, 1, 12, 5);
    set_stats(lab, 2, 5, 12); /* closed on another processor than it was seen on */
    set_stats(lab, 3, 9, 9);
    loads_go_on(&loads);
    assert_int_equal(cell_of(lab, 1)->open, 0); /* nobody balances: nothing is asked for */
    set_balance(lab, BALANCE_LEAST_CONNECTIONS);
    outliers_refresh(&lab->outliers);
    cell_of(lab, 2)->open = -3;
    cell_of(lab, 3)->open = 4;
    cell_of(lab, 4)->open = 2; /* of which there are no totals */
    loads_go_on(&loads);
    assert_int_equal(cell_of(lab, 1)->open, 7);
    assert_int_equal(cell_of(lab, 2)->open, 0);
    assert_int_equal(cell_of(lab, 3)->open, 0);
    assert_int_equal(cell_of(lab, 4)->open, 2);
    set_stats(lab, 1, 20, 5);
    loads_go_on(&loads); /* round and round */
    assert_int_equal(cell_of(lab, 1)->open, 15);
    outliers_remove(&lab->outliers, 1);
    set_stats(lab, 1, 30, 5);
    loads_go_on(&loads);
    assert_int_equal(cell_of(lab, 1)->open, 15); /* nobody's any more */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_weights_are_written_where_a_service_balances),
        TEST(test_times_are_written_where_a_service_wants_them),
        TEST(test_counts_are_set_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
