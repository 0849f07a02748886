/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sums over rows of who calls whom: by client, alias and service; rows that go and come again take nothing away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "observe/caller_totals.h"
#include "unit/api/api_lab.h"

static struct caller_totals totals;

static void begin(struct lab *lab)
{
    assert_int_equal(task_callers_adopt(&lab->tasks.callers, lab->house.datapath), 0);
    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'a','address':'10.0.0.1:80'}");
    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'b','address':'10.0.0.2:80'}");
    assert_int_equal(caller_totals_begin(&totals, &lab->api, lab->house.datapath), 0);
}

/* As a program would have it: a row of the client for an instance of `backend` at 10.0.0.LAST. */
static struct svc_caller *make_row(struct lab *lab, uint32_t number, const char *client, const char *id,
                                   uint8_t last)
{
    const struct service *service = catalog_service(engine_catalog(lab->house.engine), "default", "backend");
    struct svc_caller *row = (struct svc_caller *)(uintptr_t)datapath_caller(lab->house.datapath, number);

    *row = (struct svc_caller){.caller = task_callers_number(&lab->tasks.callers, "default", client, "/t"),
                               .endpoint = catalog_instance(service, id)->endpoint,
                               .port_be = htons(80),
                               .address = {[10] = 0xff, 0xff, 10, 0, 0, last}};
    return row;
}

static void set_first_byte(struct lab *lab, uint32_t number, uint32_t n)
{
    *(struct svc_first_byte *)(uintptr_t)datapath_caller_first_byte(lab->house.datapath, number) =
        (struct svc_first_byte){.sum_us = 100 * n, .buckets = {[1] = n}};
}

/* A round, in pieces that end within it. */
static void look(void)
{
    int r;

    caller_totals_join(&totals);
    do {
        caller_totals_join(&totals); /* somebody else, who shares it */
        r = caller_totals_piece(&totals, 1000);
    } while (r > 0);
    assert_int_equal(r, 0);
}

/* Of the client; false: it has none. */
static bool find(const char *client, bool is_service, struct metrics_caller *ret_caller)
{
    for (size_t i = 0; i < totals.n_sums; i++)
        if (caller_totals_sum(&totals, i, is_service, ret_caller) && strcmp(ret_caller->client, client) == 0)
            return true;
    return false;
}

static void test_endpoints_of_a_service_are_one(void **state)
{
    struct lab *lab = *state;
    struct metrics_caller sum;
    struct svc_caller *a, *b;

    begin(lab);
    look();
    assert_false(find("web", false, &sum));
    a = make_row(lab, 1, "web", "a", 1);
    b = make_row(lab, SVC_CALLERS, "web", "b", 2);
    *make_row(lab, 7, "api", "a", 1) = (struct svc_caller){0};
    a->connections = 5;
    a->closed = 3;
    a->failed[REFUSED] = 1;
    b->connections = 10;
    b->closed = 9;
    b->bytes_sent = 100;
    a->rtt[2] = 4;
    b->rtt[2] = 3;
    set_first_byte(lab, 1, 2);
    set_first_byte(lab, SVC_CALLERS, 5);
    look();
    assert_true(find("web", false, &sum));
    assert_string_equal(sum.namespace_name, "default");
    assert_string_equal(sum.service, "backend");
    assert_string_equal(sum.alias, "");
    assert_int_equal(sum.connections, 15);
    assert_int_equal(sum.closed, 12);
    assert_int_equal(sum.failed[REFUSED], 1);
    assert_int_equal(sum.open, 2);
    assert_int_equal(sum.bytes_sent, 100);
    assert_int_equal(sum.rtt[2], 7);
    assert_int_equal(sum.first_byte.buckets[1], 7);
    assert_int_equal(sum.first_byte.sum_us, 700);
    assert_false(find("api", false, &sum));
    a->connections++;
    set_first_byte(lab, 1, 3);
    b->bytes_received = 7;
    look();
    assert_true(find("web", false, &sum));
    assert_int_equal(sum.connections, 16);
    assert_int_equal(sum.open, 3);
    assert_true(find("", true, &sum));
    assert_string_equal(sum.service, "backend");
    assert_int_equal(sum.bytes_sent, 100);
    assert_int_equal(sum.bytes_received, 7);
    assert_int_equal(sum.first_byte.buckets[1], 8);
    assert_true(caller_totals_of_service(&totals, "default", "backend", &sum));
    assert_int_equal(sum.rtt[2], 7);
    assert_int_equal(sum.bytes_received, 7);
    assert_false(caller_totals_of_service(&totals, "default", "other", &sum));
    caller_totals_done(&totals);
}

static void test_a_row_that_goes_takes_nothing_away(void **state)
{
    struct lab *lab = *state;
    struct metrics_caller sum;

    begin(lab);
    make_row(lab, 1, "web", "a", 1)->connections = 5;
    set_first_byte(lab, 1, 4);
    make_row(lab, 2, "web", "b", 2)->connections = 6;
    make_row(lab, 3, "api", "b", 2)->connections = 1;
    look();
    datapath_drop_caller(lab->house.datapath, 1);
    look();
    assert_true(find("web", false, &sum));
    assert_int_equal(sum.connections, 11);
    make_row(lab, 1, "web", "a", 1)->connections = 2;
    make_row(lab, 2, "api", "b", 2)->connections = 4; /* another's in the same place */
    look();
    assert_true(find("web", false, &sum));
    assert_int_equal(sum.connections, 13);
    assert_int_equal(sum.first_byte.buckets[1], 4);
    assert_true(find("api", false, &sum));
    assert_int_equal(sum.connections, 5);
    /* Without a row it is told no more. */
    datapath_drop_caller(lab->house.datapath, 1);
    look();
    assert_false(find("web", false, &sum));
    caller_totals_done(&totals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_endpoints_of_a_service_are_one),
        LAB_TEST(test_a_row_that_goes_takes_nothing_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
