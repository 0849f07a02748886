/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who makes a look be taken, on a loop and a data path in memory; what is seen there is test_neighbourhood's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/house.h"
#include "upkeep/liveness.h"

#define SOONER_MS 4000 /* than what is looked for now and then only */

struct lab {
    struct house house;
    struct liveness *liveness;
    struct event *timer;
    unsigned asked; /* how often for tasks */
    bool is_late;
};

static int no_directories(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n)
{
    struct lab *lab = user;

    assert_null(namespace_name);
    lab->asked++;
    *ret_directories = NULL;
    *ret_n = 0;
    return 0;
}

static void on_late(evutil_socket_t fd, short what, void *user)
{
    struct lab *lab = user;

    (void)fd;
    (void)what;
    lab->is_late = true;
}

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct liveness_settings settings = {
        .max_endpoints = HOUSE_ENDPOINTS, .directories = no_directories, .user = lab};

    *state = lab;
    house_make(&lab->house);
    settings.base = lab->house.base;
    settings.engine = lab->house.engine;
    settings.datapath = lab->house.datapath;
    assert_int_equal(liveness_new(&settings, &lab->liveness), 0);
    assert_int_equal(engine_follow(lab->house.engine, &liveness_follower, &lab->liveness), 0);
    lab->timer = event_new(lab->house.base, -1, 0, on_late, lab);
    house_begin(&lab->house);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    event_free(lab->timer);
    house_stop(&lab->house);
    liveness_free(&lab->liveness);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* Until so many looks have ended, or what is late is due. */
static bool looks_come(struct lab *lab, uint64_t looks)
{
    const struct timeval late = {.tv_sec = SOONER_MS / 1000};

    lab->is_late = false;
    assert_int_equal(event_add(lab->timer, &late), 0);
    while (liveness_figures(lab->liveness).looks < looks && !lab->is_late)
        assert_int_equal(event_base_loop(lab->house.base, EVLOOP_ONCE), 0);
    (void)event_del(lab->timer);
    return liveness_figures(lab->liveness).looks >= looks;
}

static void put_instance(struct lab *lab, int last)
{
    char key[64], value[160];

    (void)snprintf(key, sizeof(key), "instances/default/web/%d", last);
    (void)snprintf(value, sizeof(value),
                   "{\"address\":\"10.0.0.%d\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":"
                   "\"HEALTHY\"}",
                   last);
    house_put(&lab->house, key, value);
}

static void test_a_task_is_looked_at_twice(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(liveness_begin(lab->liveness), 0);
    assert_true(looks_come(lab, 1));
    assert_int_equal(lab->asked, 1);
    liveness_task_put(lab->liveness);
    assert_true(looks_come(lab, 2)); /* at once */
    assert_true(looks_come(lab, 3)); /* its processes may have come since */
    assert_int_equal(lab->asked, 3);
}

static void test_the_first_look_waits_for_its_beginning(void **state)
{
    struct lab *lab = *state;

    liveness_task_put(lab->liveness); /* adopted: there are no tasks to ask for yet */
    assert_int_equal(event_base_loop(lab->house.base, EVLOOP_NONBLOCK), 0);
    assert_int_equal(lab->asked, 0);
    assert_int_equal(liveness_begin(lab->liveness), 0);
    assert_true(looks_come(lab, 2)); /* the first is one of its two */
}

static void test_an_instance_is_looked_at_once(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(liveness_begin(lab->liveness), 0);
    assert_true(looks_come(lab, 1));
    put_instance(lab, 1);
    put_instance(lab, 2);
    assert_true(looks_come(lab, 2));
    assert_false(looks_come(lab, 3));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_task_is_looked_at_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_look_waits_for_its_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_instance_is_looked_at_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
