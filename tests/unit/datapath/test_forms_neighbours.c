/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints of this host and the numbers of namespaces, in both forms. */
#include "unit/datapath/datapath_lab.h"

static void test_an_endpoint_has_a_place_or_none(void **state)
{
    struct lab *lab = lab_of(state);
    uint32_t last = lab->config.endpoints;

    assert_int_equal(datapath_neighbour(lab->datapath, last), 0);
    datapath_set_neighbour(lab->datapath, last, 7);
    datapath_set_neighbour(lab->datapath, 1, SVC_NETNS_OF_CALLER);
    assert_int_equal(datapath_neighbour(lab->datapath, last), 7);
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_OF_CALLER);
    assert_int_equal(datapath_neighbour(lab->datapath, 2), 0);
    assert_false(datapath_is_neighbour_seen(lab->datapath, last));
    datapath_set_neighbour(lab->datapath, last, 0);
    assert_int_equal(datapath_neighbour(lab->datapath, last), 0);
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_OF_CALLER);
    datapath_set_neighbour(lab->datapath, last + 1, 7);
    assert_int_equal(datapath_neighbour(lab->datapath, last + 1), 0);
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static int sum_pair(const struct svc_netns_pair *pair, uint32_t id, void *user)
{
    *(uint64_t *)user += pair->caller * 10000 + pair->target * 100 + id;
    return 0;
}

static uint64_t sum_pairs(struct lab *lab)
{
    uint64_t sum = 0;

    assert_int_equal(datapath_each_netns_id(lab->datapath, sum_pair, &sum), 0);
    return sum;
}

static void test_pairs_have_numbers(void **state)
{
    const struct svc_netns_pair there = {1, 2}, back = {2, 1};
    struct lab *lab = lab_of(state);

    assert_int_equal(datapath_put_netns_id(lab->datapath, &there, 0), 0);
    assert_int_equal(datapath_put_netns_id(lab->datapath, &back, 5), 0);
    assert_int_equal(sum_pairs(lab), 10200 + 20105);
    assert_int_equal(datapath_put_netns_id(lab->datapath, &there, 3), 0);
    assert_int_equal(datapath_put_netns_id(lab->datapath, &there, 3), 0);
    assert_int_equal(sum_pairs(lab), 10203 + 20105);
    assert_int_equal(datapath_delete_netns_id(lab->datapath, &there), 0);
    assert_int_equal(datapath_delete_netns_id(lab->datapath, &there), 0);
    assert_int_equal(sum_pairs(lab), 20105);
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

/* A daemon that dies leaves all of it to the next. */
static void test_it_outlives_a_run(void **state)
{
    const struct svc_netns_pair there = {1, 2};
    struct lab *lab = lab_of(state);

    (void)lab_activate(lab);
    datapath_set_neighbour(lab->datapath, 3, 7);
    assert_int_equal(datapath_put_netns_id(lab->datapath, &there, 4), 0);
    lab_restart(lab, DATAPATH_ADOPTED);
    assert_int_equal(datapath_neighbour(lab->datapath, 3), 7);
    assert_int_equal(sum_pairs(lab), 10204);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_an_endpoint_has_a_place_or_none),
        BOTH_FORMS(test_pairs_have_numbers),
        BOTH_FORMS(test_it_outlives_a_run),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
