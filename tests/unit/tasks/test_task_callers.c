/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* As whom connections are counted: numbers that stay over restarts, and room for those who call now. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "datapath/memory.h"
#include "tasks/task_callers.h"

struct lab {
    struct datapath *datapath;
    struct task_callers callers;
    bool is_living[SVC_CALLER_NAMES + 1];
};

static int begin(void **state)
{
    const struct datapath_config config = {.aliases = 64, .slots = 64, .endpoints = 16, .tasks = 4};
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    assert_int_equal(datapath_new_in_memory(&config, &lab->datapath), 0);
    assert_int_equal(task_callers_adopt(&lab->callers, lab->datapath), 0);
    *state = lab;
    return 0;
}

static int end(void **state)
{
    struct lab *lab = *state;

    task_callers_done(&lab->callers);
    datapath_close(&lab->datapath);
    free(lab);
    return 0;
}

static uint32_t number(struct lab *lab, const char *service, const char *cgroup)
{
    return task_callers_number(&lab->callers, "shop", service, cgroup);
}

/* As a program would have made it. */
static struct svc_caller *make_row(struct lab *lab, uint32_t row, uint32_t caller, uint64_t connections)
{
    struct svc_caller *made = (struct svc_caller *)(uintptr_t)datapath_caller(lab->datapath, row);

    *made = (struct svc_caller){.caller = caller, .connections = connections};
    return made;
}

static uint32_t count_used(struct lab *lab)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i <= SVC_CALLERS; i++)
        n += datapath_caller(lab->datapath, i)->caller != 0;
    return n;
}

static void test_a_number_for_each_client(void **state)
{
    struct lab *lab = *state;
    uint32_t web = number(lab, "web", "/a");

    assert_int_not_equal(web, 0);
    assert_int_equal(number(lab, "web", "/b"), web); /* another task of it */
    assert_int_not_equal(number(lab, "api", "/a"), web);
    assert_int_not_equal(number(lab, "", "/a"), number(lab, "", "/b"));
    assert_int_equal(number(lab, "", "/a"), number(lab, "", "/a"));
    assert_int_not_equal(task_callers_number(&lab->callers, "other", "web", "/a"), web);
    assert_string_equal(task_callers_name(&lab->callers, web)->service, "web");
    assert_string_equal(task_callers_name(&lab->callers, web)->cgroup, "");
    assert_string_equal(task_callers_name(&lab->callers, number(lab, "", "/a"))->cgroup, "/a");
    assert_null(task_callers_name(&lab->callers, 0));
    assert_null(task_callers_name(&lab->callers, SVC_CALLER_NAMES + 1));
}

static void test_numbers_stay_over_a_restart(void **state)
{
    struct lab *lab = *state;
    uint32_t web = number(lab, "web", "/a"), bare = number(lab, "", "/a");

    assert_int_equal(task_callers_adopt(&lab->callers, lab->datapath), 0);
    assert_int_equal(number(lab, "", "/a"), bare);
    assert_int_equal(number(lab, "web", "/c"), web);
    assert_int_not_equal(number(lab, "new", "/c"), web);
    assert_int_not_equal(number(lab, "new", "/c"), bare);
}

static void test_without_a_data_path_nobody_has_one(void **state)
{
    struct task_callers none = {0};

    (void)state;
    assert_int_equal(task_callers_number(&none, "shop", "web", "/a"), 0);
    assert_null(task_callers_name(&none, 1));
    task_callers_make_room(&none, NULL);
}

static void test_who_has_ended_goes_when_numbers_are_short(void **state)
{
    struct lab *lab = *state;
    char path[32];
    uint32_t last = 0;

    for (unsigned i = 0; i < SVC_CALLER_NAMES; i++) {
        (void)snprintf(path, sizeof(path), "/task-%u", i);
        last = number(lab, "", path);
        assert_int_not_equal(last, 0);
    }
    assert_int_equal(number(lab, "web", "/a"), 0); /* counted as nobody in particular */
    lab->is_living[last] = true;
    (void)make_row(lab, 5, last, 1);
    (void)make_row(lab, 6, last - 1, 20);
    task_callers_make_room(&lab->callers, lab->is_living);
    assert_int_equal(number(lab, "", path), last);
    assert_int_not_equal(number(lab, "web", "/a"), 0);
    assert_int_equal(datapath_caller(lab->datapath, 5)->connections, 1);
    assert_int_equal(datapath_caller(lab->datapath, 6)->caller, 0);
    assert_int_equal(datapath_caller(lab->datapath, 0)->connections, 20);
}

static void test_the_least_used_goes_when_rows_are_short(void **state)
{
    struct lab *lab = *state;
    uint32_t web = number(lab, "web", "/a");
    uint64_t sum = 0;

    lab->is_living[web] = true;
    for (uint32_t i = 1; i <= SVC_CALLERS / 8 * 5; i++)
        (void)make_row(lab, i, web, i);
    task_callers_make_room(&lab->callers, lab->is_living);
    assert_int_equal(count_used(lab), SVC_CALLERS / 8 * 5); /* that is not short yet */
    (void)make_row(lab, SVC_CALLERS, web, 1000000);
    task_callers_make_room(&lab->callers, lab->is_living);
    assert_int_equal(count_used(lab), SVC_CALLERS / 2);
    assert_int_equal(datapath_caller(lab->datapath, 1)->caller, 0);
    assert_int_equal(datapath_caller(lab->datapath, SVC_CALLERS / 8 * 5)->caller, web);
    assert_int_equal(datapath_caller(lab->datapath, SVC_CALLERS)->connections, 1000000);
    for (uint32_t i = 1; i <= SVC_CALLERS / 8 + 1; i++)
        sum += i;
    assert_int_equal(datapath_caller(lab->datapath, 0)->connections, sum);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_number_for_each_client),
        TEST(test_numbers_stay_over_a_restart),
        TEST(test_without_a_data_path_nobody_has_one),
        TEST(test_who_has_ended_goes_when_numbers_are_short),
        TEST(test_the_least_used_goes_when_rows_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
