/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries that are kept back and written many at once, in both forms. */
#include "unit/datapath/entries_lab.h"

static void test_what_is_held_comes_with_the_release(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_endpoint_stats stats;

    assert_int_equal(datapath_release(lab->datapath), 0); /* nothing is held */
    datapath_hold(lab->datapath);
    assert_int_equal(put_endpoint(lab, 1, 5), 0);
    assert_int_equal(put_endpoint(lab, 2, 6), 0);
    assert_int_equal(put_peer(lab, 1, 2), 0);
    assert_int_equal(datapath_writes(lab->datapath), 0);
    assert_int_equal(sum_endpoints(lab) + sum_peers(lab), 0);
    assert_int_equal(datapath_release(lab->datapath), 0);
    assert_int_equal(sum_endpoints(lab), 3011);
    assert_int_equal(sum_peers(lab), 1002);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 2, &stats), 0);
    assert_int_equal(datapath_writes(lab->datapath), 5);
    assert_int_equal(datapath_release(lab->datapath), 0); /* not twice */
    assert_int_equal(datapath_writes(lab->datapath), 5);
}

static void test_aliases_and_tasks_are_never_held(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias_key key = {.scope = 1};
    struct svc_alias alias = {.service = 1};
    struct svc_task task = {.scope = 1};

    datapath_hold(lab->datapath);
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    assert_int_equal(datapath_put_task(lab->datapath, 5, &task), 0);
    assert_int_equal(datapath_writes(lab->datapath), 2);
    assert_int_equal(datapath_release(lab->datapath), 0);
    assert_int_equal(datapath_writes(lab->datapath), 2);
}

static void test_a_release_tells_what_did_not_fit(void **state)
{
    struct lab *lab = lab_of(state);
    uint64_t sum;

    datapath_hold(lab->datapath);
    for (uint32_t scope = 1; scope <= lab->config.endpoints + 2; scope++)
        assert_int_equal(put_peer(lab, scope, 0), 0);
    assert_int_equal(datapath_release(lab->datapath), -E2BIG);
    /* As many as fit are there, whichever they are. */
    sum = sum_peers(lab);
    assert_true(sum >= 21000 && sum <= 33000);
    assert_int_equal(datapath_writes(lab->datapath), lab->config.endpoints);
    assert_int_equal(datapath_release(lab->datapath), 0);
}

/* An adopted endpoint has counted, and a batch would put nothing in the place of that. */
static void test_holding_keeps_what_an_adopted_endpoint_counted(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_endpoint_stats stats;
    uint64_t cpus;

    assert_int_equal(put_endpoint(lab, 1, 5), 0);
    cpus = lab_count(lab, 1, 10, 0);
    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_ADOPTED);
    datapath_hold(lab->datapath);
    assert_int_equal(put_endpoint(lab, 1, 6), 0);
    assert_int_equal(put_endpoint(lab, 2, 7), 0);
    assert_int_equal(datapath_release(lab->datapath), 0);
    assert_int_equal(sum_endpoints(lab), 3013);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 10 * cpus);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 2, &stats), 0);
    assert_int_equal(stats.connections, 0);
}

#define MANY 1500u /* more than are held at once, and more than a walk reads at once */

static int setup_large(struct lab *lab)
{
    datapath_close(&lab->datapath);
    lab->config.endpoints = MANY;
    if (!lab->is_kernel)
        return datapath_new_in_memory(&lab->config, &lab->datapath);
    lab_open(lab);
    return 0;
}

static void test_more_than_are_held_at_once(void **state)
{
    struct lab *lab = lab_of(state);
    uint64_t before_release;
    uint64_t wanted = 0;

    assert_int_equal(setup_large(lab), 0);
    datapath_hold(lab->datapath);
    for (uint32_t number = 1; number <= MANY; number++) {
        assert_int_equal(put_endpoint(lab, number, 1), 0);
        wanted += number * 1000 + 1;
    }
    before_release = datapath_writes(lab->datapath);
    assert_int_equal(before_release % 512, 0);
    assert_true(before_release > 0 && before_release < 2 * MANY);
    assert_int_equal(datapath_release(lab->datapath), 0);
    assert_int_equal(datapath_writes(lab->datapath), 2 * MANY);
    assert_int_equal(sum_endpoints(lab), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_what_is_held_comes_with_the_release),
        BOTH_FORMS(test_aliases_and_tasks_are_never_held),
        BOTH_FORMS(test_a_release_tells_what_did_not_fit),
        BOTH_FORMS(test_holding_keeps_what_an_adopted_endpoint_counted),
        BOTH_FORMS(test_more_than_are_held_at_once),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
