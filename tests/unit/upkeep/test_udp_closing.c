/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose sockets are looked for when an endpoint goes: who is asked for tasks tells the decision. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/house.h"
#include "upkeep/outliers.h"
#include "upkeep/udp_closing.h"

struct lab {
    struct house house;
    struct outliers outliers;
    struct udp_closing closing;
    unsigned asked;
    char last[32];
    bool has_task; /* one whose directory does not exist: its job runs and finds nothing */
};

static int directories(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n)
{
    struct lab *lab = user;

    lab->asked++;
    (void)snprintf(lab->last, sizeof(lab->last), "%s", namespace_name);
    *ret_directories = calloc(1, sizeof(**ret_directories));
    *ret_n = lab->has_task;
    if (lab->has_task)
        (*ret_directories)[0] = strdup("/nonexistent/task");
    return 0;
}

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct socket_looks looks = {.directories = directories, .user = lab};

    *state = lab;
    house_make(&lab->house);
    looks.base = lab->house.base;
    assert_int_equal(outliers_init(&lab->outliers, lab->house.engine, HOUSE_ENDPOINTS), 0);
    lab->outliers.datapath = lab->house.datapath;
    udp_closing_init(&lab->closing, &lab->outliers, &looks);
    assert_int_equal(engine_follow(lab->house.engine, &udp_closing_follower, &lab->closing), 0);
    assert_int_equal(engine_follow(lab->house.engine, &outliers_follower, &lab->outliers), 0);
    house_begin(&lab->house);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    udp_closing_done(&lab->closing);
    outliers_done(&lab->outliers);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static void put(struct lab *lab, const char *namespace_name, const char *id, const char *protocol, int last)
{
    char key[64], value[160];

    (void)snprintf(key, sizeof(key), "instances/%s/web/%s", namespace_name, id);
    (void)snprintf(value, sizeof(value),
                   "{\"address\":\"10.0.0.%d\",\"port\":53,\"protocol\":\"%s\",\"weight\":1,\"health\":"
                   "\"HEALTHY\"}",
                   last, protocol);
    house_put(&lab->house, key, value);
}

static void remove_instance(struct lab *lab, const char *namespace_name, const char *id)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "instances/%s/web/%s", namespace_name, id);
    house_put(&lab->house, key, NULL);
}

static void test_only_udp(void **state)
{
    struct lab *lab = *state;

    put(lab, "ns", "tcp", "tcp", 1);
    put(lab, "ns", "udp", "udp", 1);
    remove_instance(lab, "ns", "tcp");
    assert_int_equal(lab->asked, 0);
    remove_instance(lab, "ns", "udp");
    assert_int_equal(lab->asked, 1);
    assert_string_equal(lab->last, "ns");
    assert_null(lab->closing.waiting); /* no task, nothing to wait for */
    assert_int_equal(lab->closing.n, 0);
}

/* As long as another endpoint of the namespace has the address, sockets there are as good as ever. */
static void test_only_the_last_at_its_address(void **state)
{
    struct lab *lab = *state;

    put(lab, "ns", "a", "udp", 1);
    put(lab, "ns", "b", "udp", 1);
    put(lab, "ns", "c", "udp", 1);
    put(lab, "other", "a", "udp", 1);
    remove_instance(lab, "ns", "c"); /* the last of three in the list of the address, then the first of two */
    remove_instance(lab, "ns", "a");
    assert_int_equal(lab->asked, 0);
    remove_instance(lab, "ns", "b");
    assert_int_equal(lab->asked, 1);
    remove_instance(lab, "other", "a");
    assert_int_equal(lab->asked, 2);
    assert_string_equal(lab->last, "other");
}

/* A change of the instance is no removal. */
static void test_not_by_a_change(void **state)
{
    struct lab *lab = *state;

    put(lab, "ns", "a", "udp", 1);
    put(lab, "ns", "a", "udp", 2);
    assert_int_equal(lab->asked, 0);
}

static bool is_nobody_waiting(void *user)
{
    return ((const struct lab *)user)->closing.n == 0;
}

/* One after the other, each by a job of its own. */
static void test_several_wait_in_order(void **state)
{
    struct lab *lab = *state;

    lab->has_task = true;
    for (int i = 1; i <= 3; i++) {
        char id[12];

        (void)snprintf(id, sizeof(id), "%d", i);
        put(lab, "ns", id, "udp", i);
    }
    for (int i = 1; i <= 3; i++) {
        char id[12];

        (void)snprintf(id, sizeof(id), "%d", i);
        remove_instance(lab, "ns", id);
    }
    assert_int_equal(lab->asked, 1);
    assert_int_equal(lab->closing.n, 3);
    assert_non_null(lab->closing.look);
    house_until(&lab->house, is_nobody_waiting, lab, "all of them");
    assert_int_equal(lab->asked, 3);
    assert_null(lab->closing.look);
}

static void test_the_end_comes_first(void **state)
{
    struct lab *lab = *state;

    lab->has_task = true;
    put(lab, "ns", "a", "udp", 1);
    put(lab, "ns", "b", "udp", 2);
    remove_instance(lab, "ns", "a");
    remove_instance(lab, "ns", "b");
    assert_int_equal(lab->closing.n, 2); /* freed by the end: the sanitizer would say */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_udp),
        TEST(test_only_the_last_at_its_address),
        TEST(test_not_by_a_change),
        TEST(test_several_wait_in_order),
        TEST(test_the_end_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
