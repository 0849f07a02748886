/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints by network namespace, and pairs of those, on a data path in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "datapath/memory.h"
#include "upkeep/neighbourhood.h"

#define ENDPOINTS 200
#define SIZE      8

struct lab {
    struct datapath *datapath;
    struct neighbourhood hood;
    struct neighbour_wanted wanted[SIZE];
};

static int make_lab(void **state)
{
    const struct datapath_config config = {.aliases = 4, .slots = 8, .endpoints = ENDPOINTS, .tasks = 2};
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_int_equal(datapath_new_in_memory(&config, &lab->datapath), 0);
    assert_int_equal(neighbourhood_init(&lab->hood, lab->datapath, ENDPOINTS), 0);
    *state = lab;
    return 0;
}

static int end_lab(void **state)
{
    struct lab *lab = *state;

    neighbourhood_done(&lab->hood);
    datapath_close(&lab->datapath);
    free(lab);
    return 0;
}

static struct ip_address parse(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(text, &address), 0);
    return address;
}

static bool put(struct lab *lab, uint32_t number, const char *text)
{
    struct ip_address address = parse(text);

    return neighbourhood_put(&lab->hood, number, &address, true, 0);
}

/* Namespaces with the cookies 101, 102... and one address each. */
static size_t take(struct lab *lab, size_t n, const char *const addresses[], bool is_cut)
{
    struct netns_seen all[SIZE] = {0};
    struct ip_address parsed[SIZE];
    struct netns_look seen = {.all = all, .n = n, .is_cut = is_cut};
    size_t n_wanted;

    for (size_t i = 0; i < n; i++) {
        parsed[i] = parse(addresses[i]);
        all[i] = (struct netns_seen){.cookie = 101 + i, .addresses = &parsed[i], .n_addresses = 1};
    }
    n_wanted = neighbourhood_take(&lab->hood, &seen, lab->wanted, SIZE);
    for (size_t i = 0; i < n_wanted; i++)
        lab->wanted[i].number = (int)(10 * lab->wanted[i].caller + lab->wanted[i].target);
    neighbourhood_number(&lab->hood, &seen, lab->wanted, n_wanted);
    return n_wanted;
}

static int find_pair(const struct svc_netns_pair *pair, uint32_t id, void *user)
{
    uint64_t *sum = user;

    *sum += (pair->caller - 100) * 10000 + (pair->target - 100) * 1000 + id;
    return 0;
}

/* Each as caller, target and two digits of the number; their sum. */
static uint64_t pairs(struct lab *lab)
{
    uint64_t sum = 0;

    assert_int_equal(datapath_each_netns_id(lab->datapath, find_pair, &sum), 0);
    return sum;
}

static void test_loopback_is_the_callers_at_once(void **state)
{
    struct lab *lab = *state;

    assert_false(put(lab, 1, "127.0.0.1"));
    assert_false(put(lab, 64, "::1"));
    assert_true(put(lab, 65, "10.0.0.1"));
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_OF_CALLER);
    assert_true(datapath_neighbour(lab->datapath, 64) == SVC_NETNS_OF_CALLER);
    assert_int_equal(datapath_neighbour(lab->datapath, 65), 0);
    neighbourhood_remove(&lab->hood, 1);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
    assert_true(datapath_neighbour(lab->datapath, 64) == SVC_NETNS_OF_CALLER);
    assert_false(put(lab, 0, "127.0.0.1"));
    assert_false(put(lab, ENDPOINTS + 1, "127.0.0.1"));
    neighbourhood_remove(&lab->hood, ENDPOINTS + 1);
}

static void test_endpoints_are_where_their_address_is(void **state)
{
    static const char *const seen[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    struct lab *lab = *state;

    (void)put(lab, 1, "10.0.0.2");
    (void)put(lab, 2, "10.0.0.9");
    assert_int_equal(take(lab, 3, seen, false), 2);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 102);
    assert_int_equal(datapath_neighbour(lab->datapath, 2), 0);
    assert_int_equal(pairs(lab), 12000 + 1 + 32000 + 21); /* the first and the third call the second */
    assert_int_equal(take(lab, 3, seen, false), 0);       /* all is known */
    assert_true(put(lab, 2, "10.0.0.3"));
    assert_int_equal(datapath_neighbour(lab->datapath, 2), 103); /* at once */
    assert_int_equal(take(lab, 3, seen, false), 2);
    assert_false(put(lab, 2, "10.0.0.3"));
}

static void test_who_has_not_been_wanted_is_not_asked(void **state)
{
    static const char *const seen[] = {"10.0.0.1", "10.0.0.2"};
    struct lab *lab = *state;
    struct ip_address address = parse("10.0.0.2");

    assert_false(neighbourhood_put(&lab->hood, 1, &address, false, 0));
    assert_int_equal(take(lab, 2, seen, false), 0);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
    assert_true(neighbourhood_put(&lab->hood, 1, &address, true, 0));
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 102);
    assert_false(neighbourhood_put(&lab->hood, 1, &address, false, 0));
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
}

static void test_an_address_of_two_is_nobodys(void **state)
{
    static const char *const twice[] = {"10.0.0.1", "10.0.0.2", "10.0.0.2"};
    static const char *const once[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    struct lab *lab = *state;

    (void)put(lab, 1, "10.0.0.2");
    assert_int_equal(take(lab, 3, twice, false), 0);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
    assert_int_equal(take(lab, 3, once, false), 2);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 102);
    assert_int_equal(take(lab, 3, twice, false), 0);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
}

static void test_what_has_gone_is_taken_away(void **state)
{
    static const char *const seen[] = {"10.0.0.1", "10.0.0.2"};
    struct lab *lab = *state;

    (void)put(lab, 1, "10.0.0.2");
    assert_int_equal(take(lab, 2, seen, false), 1);
    assert_int_equal(pairs(lab), 12001);
    (void)take(lab, 1, seen, true); /* the rest may be there and was not seen */
    assert_int_equal(pairs(lab), 12001);
    (void)put(lab, 2, "10.0.0.7");
    (void)take(lab, 1, seen, false);
    assert_int_equal(pairs(lab), 0);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
}

static void test_a_restart_keeps_what_is_written_until_it_has_looked(void **state)
{
    static const char *const seen[] = {"10.0.0.1", "10.0.0.2"};
    static const char *const moved[] = {"10.0.0.2", "10.0.0.9"};
    struct lab *lab = *state;

    (void)put(lab, 1, "10.0.0.2");
    (void)take(lab, 2, seen, false);
    neighbourhood_done(&lab->hood);
    assert_int_equal(neighbourhood_init(&lab->hood, lab->datapath, ENDPOINTS), 0);
    assert_true(put(lab, 1, "10.0.0.2"));
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 102);
    assert_int_equal(take(lab, 2, seen, false), 0); /* the pair is known */
    assert_int_equal(pairs(lab), 12001);
    (void)take(lab, 2, moved, false);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 101);
}

static void test_more_pairs_than_one_job_takes(void **state)
{
    static const char *const seen[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};
    struct lab *lab = *state;

    for (uint32_t i = 0; i < 5; i++)
        (void)put(lab, i + 1, seen[i]);
    assert_int_equal(take(lab, 5, seen, false), SIZE);
    assert_true(lab->hood.is_stirred);
    assert_int_equal(take(lab, 5, seen, false), SIZE);
    assert_int_equal(take(lab, 5, seen, false), 4);
    assert_false(lab->hood.is_stirred);
    assert_int_equal(take(lab, 5, seen, false), 0);
}

static void test_a_kernel_that_does_not_tell(void **state)
{
    struct lab *lab = *state;

    (void)put(lab, 1, "10.0.0.2");
    (void)put(lab, 2, "127.0.0.1");
    assert_int_equal(neighbourhood_take(&lab->hood, NULL, lab->wanted, SIZE), 0);
    assert_int_equal(datapath_neighbour(lab->datapath, 1), 0);
    assert_true(datapath_neighbour(lab->datapath, 2) == SVC_NETNS_OF_CALLER);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_lab, end_lab)

/* A container that has just begun: that nobody listens there is believed before anybody was found, for a while. */
static void test_a_container_that_has_just_begun(void **state)
{
    static const char *const one[] = {"192.0.2.1"};
    struct lab *lab = *state;
    struct ip_address address = parse("192.0.2.1");

    assert_true(
        neighbourhood_put(&lab->hood, 1, &address, true, 500)); /* of an earlier run: it has begun long ago */
    (void)take(lab, 1, one, false);
    assert_false(datapath_is_neighbour_seen(lab->datapath, 1));
    assert_true(neighbourhood_put(&lab->hood, 2, &address, true, 500));
    assert_true(datapath_is_neighbour_seen(lab->datapath, 2));
    assert_false(neighbourhood_put(&lab->hood, 2, &address, true, 900)); /* as it was: no longer for that */
    neighbourhood_age(&lab->hood, 499);
    assert_true(datapath_is_neighbour_seen(lab->datapath, 2));
    neighbourhood_age(&lab->hood, 500);
    assert_false(datapath_is_neighbour_seen(lab->datapath, 2));
    neighbourhood_remove(&lab->hood, 2);
    assert_true(neighbourhood_put(&lab->hood, 2, &address, true, 900));
    assert_true(datapath_is_neighbour_seen(lab->datapath, 2));
    neighbourhood_remove(&lab->hood, 2);
    assert_int_equal(lab->hood.n_fresh, 0);
    assert_int_equal(lab->hood.n_awaiting, 0);
}

/* Until a look that has begun afterwards has ended, its numbers included, nobody is there. */
static void test_where_one_that_has_just_begun_is(void **state)
{
    static const char *const one[] = {"192.0.2.1"};
    struct lab *lab = *state;
    struct ip_address address = parse("192.0.2.1");
    uint64_t cookie;

    (void)take(lab, 1, one, false);
    neighbourhood_look_begins(&lab->hood);
    (void)neighbourhood_put(&lab->hood, 1, &address, true, 500);
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_NOT_YET);
    (void)take(lab, 1, one, false);
    neighbourhood_look_ends(&lab->hood); /* it may have passed before the container was there */
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_NOT_YET);
    neighbourhood_look_begins(&lab->hood);
    (void)neighbourhood_put(&lab->hood, 1, &address, true, 900); /* as it was */
    (void)take(lab, 1, one, false);
    assert_true(datapath_neighbour(lab->datapath, 1) == SVC_NETNS_NOT_YET);
    neighbourhood_look_ends(&lab->hood);
    cookie = datapath_neighbour(lab->datapath, 1);
    assert_true(cookie != 0);
    assert_true(cookie != SVC_NETNS_NOT_YET);
    assert_true(datapath_is_neighbour_seen(lab->datapath, 1)); /* that nobody listens is believed */
    (void)neighbourhood_put(&lab->hood, 2, &address, true, 0); /* of no container */
    assert_true(datapath_neighbour(lab->datapath, 2) == cookie);
    neighbourhood_look_begins(&lab->hood);
    neighbourhood_remove(&lab->hood, 1);
    (void)neighbourhood_put(&lab->hood, 1, &address, true, 500);
    neighbourhood_look_begins(&lab->hood);
    neighbourhood_look_ends(&lab->hood); /* it has failed: nothing more is known */
    assert_true(datapath_neighbour(lab->datapath, 1) == cookie);
    assert_int_equal(lab->hood.n_awaiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loopback_is_the_callers_at_once),
        TEST(test_endpoints_are_where_their_address_is),
        TEST(test_who_has_not_been_wanted_is_not_asked),
        TEST(test_an_address_of_two_is_nobodys),
        TEST(test_what_has_gone_is_taken_away),
        TEST(test_a_restart_keeps_what_is_written_until_it_has_looked),
        TEST(test_more_pairs_than_one_job_takes),
        TEST(test_a_kernel_that_does_not_tell),
        TEST(test_a_container_that_has_just_begun),
        TEST(test_where_one_that_has_just_begun_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
