/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who calls whom, in both forms: numbers of clients, their names, and rows that go. */
#include "unit/datapath/datapath_lab.h"

/* As a program would have it. */
static struct svc_caller *row_of(struct lab *lab, uint32_t number)
{
    return (struct svc_caller *)(uintptr_t)datapath_caller(lab->datapath, number);
}

static int join_name(uint32_t caller, const struct svc_caller_name *name, void *user)
{
    char *text = user;

    (void)sprintf(text + strlen(text), "%u %s %s %s\n", caller, name->namespace, name->service, name->cgroup);
    return 0;
}

static void expect_names(struct lab *lab, const char *wanted)
{
    char text[512] = "";

    assert_int_equal(datapath_each_caller_name(lab->datapath, join_name, text), 0);
    assert_string_equal(text, wanted);
}

static void test_names_and_rows_outlive_a_run(void **state)
{
    const struct svc_caller_name web = {.namespace = "shop", .service = "web"};
    struct lab *lab = lab_of(state);

    (void)lab_activate(lab);
    expect_names(lab, "");
    assert_int_equal(datapath_put_caller_name(lab->datapath, 3, &web), 0);
    row_of(lab, SVC_CALLERS)->connections = 5;
    row_of(lab, SVC_CALLERS)->caller = 3;
    lab_restart(lab, DATAPATH_ADOPTED);
    expect_names(lab, "3 shop web \n");
    assert_int_equal(datapath_caller(lab->datapath, SVC_CALLERS)->connections, 5);
    assert_null(datapath_caller(lab->datapath, SVC_CALLERS + 1));
    assert_int_equal(datapath_delete_caller_name(lab->datapath, 3), 0);
    assert_int_equal(datapath_delete_caller_name(lab->datapath, 3), 0);
    expect_names(lab, "");
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static void test_a_row_goes_into_the_others(void **state)
{
    struct lab *lab = lab_of(state);
    const struct svc_caller *others = datapath_caller(lab->datapath, 0);
    struct svc_caller *row = row_of(lab, 9);
    struct svc_first_byte *first_byte =
        (struct svc_first_byte *)(uintptr_t)datapath_caller_first_byte(lab->datapath, 9);

    *row = (struct svc_caller){.caller = 2, .connections = 10, .bytes_sent = 100, .bytes_received = 7};
    row->closed = 8;
    row->rtt[3] = 8;
    row->failed[REFUSED] = 1;
    first_byte->sum_us = 900;
    first_byte->buckets[4] = 2;
    datapath_drop_caller(lab->datapath, 9);
    row->connections += 2;
    datapath_drop_caller(lab->datapath, 9);
    assert_int_equal(row->caller, 0);
    assert_int_equal(row->connections, 0);
    assert_int_equal(row->closed, 0);
    assert_int_equal(others->connections, 12);
    assert_int_equal(others->closed, 8);
    assert_int_equal(others->rtt[3], 8);
    assert_int_equal(others->failed[REFUSED], 1);
    assert_int_equal(others->bytes_sent, 100);
    assert_int_equal(others->bytes_received, 7);
    assert_int_equal(first_byte->sum_us + first_byte->buckets[4], 0);
    assert_int_equal(datapath_caller_first_byte(lab->datapath, 0)->sum_us, 900);
    assert_int_equal(datapath_caller_first_byte(lab->datapath, 0)->buckets[4], 2);
    assert_null(datapath_caller_first_byte(lab->datapath, SVC_CALLERS + 1));
    datapath_drop_caller(lab->datapath, 0);
    datapath_drop_caller(lab->datapath, SVC_CALLERS + 1);
    assert_int_equal(others->connections, 12);
}

/* Beside what else is known of the task, and only of one that has a scope. */
static void test_a_task_has_a_number(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");
    uint32_t own, namespaces;

    assert_true(datapath_set_caller(lab->datapath, UINT64_MAX - 1, 4) < 0);
    (void)lab_activate(lab);
    lab_attach(lab, &cgroup);
    assert_int_equal(datapath_set_scope(lab->datapath, cgroup.cgroup.id, 1, 2), 0);
    assert_int_equal(datapath_task_caller(lab->datapath, cgroup.cgroup.id), 0);
    assert_int_equal(datapath_set_caller(lab->datapath, cgroup.cgroup.id, 4), 0);
    assert_int_equal(datapath_set_scope(lab->datapath, cgroup.cgroup.id, 5, 6), 0);
    assert_int_equal(datapath_set_networks(lab->datapath, cgroup.cgroup.id, 3), 0);
    assert_int_equal(datapath_get_scope(lab->datapath, cgroup.cgroup.id, &own, &namespaces), 0);
    assert_int_equal(own, 5);
    assert_int_equal(datapath_task_caller(lab->datapath, cgroup.cgroup.id), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_names_and_rows_outlive_a_run),
        BOTH_FORMS(test_a_row_goes_into_the_others),
        BOTH_FORMS(test_a_task_has_a_number),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
