/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests to close connections: their order, their number, what is told of them, and that they are copies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "unit/house.h"
#include "upkeep/policy_closing.h"

struct lab {
    struct house house;
    struct policy_closing closing;
};

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    policy_closing_init(&lab->closing, lab->house.base, &lab->house.events);
    house_begin(&lab->house);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    policy_closing_done(&lab->closing);
    assert_null(lab->closing.waiting);
    assert_null(lab->closing.look);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* Of a task whose directory does not exist: its looks run and find nothing. The texts are overwritten at once. */
static int begin_closing(struct lab *lab, const char *name, size_t n_places)
{
    char directory[] = "/nonexistent/task";
    char service[16];
    char *directories[] = {directory};
    struct policy_closing_place places[3] = {{.port = 1}, {.port = 2, .is_udp = true}, {.port = 3}};
    const struct policy_closing_request request = {"ns", service, directories, 1, places, n_places};
    int r;

    (void)snprintf(service, sizeof(service), "%s", name);
    r = policy_closing_begin(&lab->closing, &request);
    memset(service, 'x', sizeof(service) - 1);
    memset(directory, 'x', sizeof(directory) - 1);
    memset(places, 'x', sizeof(places));
    return r;
}

static bool is_no_closing_left(void *user)
{
    return ((const struct lab *)user)->closing.n == 0;
}

static void test_one_after_the_other(void **state)
{
    struct lab *lab = *state;
    const struct event_entry *entry;
    uint64_t after = 0;

    assert_int_equal(begin_closing(lab, "a", 3), 0);
    assert_int_equal(begin_closing(lab, "b", 1), 0);
    assert_int_equal(lab->closing.n, 2);
    assert_non_null(lab->closing.look);
    assert_null(event_log_next(&lab->house.events, 0));
    house_until(&lab->house, is_no_closing_left, lab, "both of them");
    for (int i = 0; i < 2; i++) {
        entry = event_log_next(&lab->house.events, after);
        assert_non_null(entry);
        assert_string_equal(entry->service, i ? "b" : "a");
        assert_string_equal(entry->message, "closed 0 of 0 connections of tasks that may not call it");
        after = entry->sequence;
    }
    assert_null(event_log_next(&lab->house.events, after));
}

static void test_no_place_is_told_at_once(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(begin_closing(lab, "a", 0), 0);
    assert_int_equal(lab->closing.n, 0);
    assert_non_null(event_log_next(&lab->house.events, 0));
}

static void test_so_many_wait(void **state)
{
    struct lab *lab = *state;

    for (unsigned i = 0; i < POLICY_CLOSING_WAITING; i++)
        assert_int_equal(begin_closing(lab, "a", 1), 0);
    assert_int_equal(begin_closing(lab, "b", 1), -EBUSY);
    assert_int_equal(lab->closing.n, POLICY_CLOSING_WAITING);
    house_until(&lab->house, is_no_closing_left, lab, "all of them");
    assert_int_equal(begin_closing(lab, "b", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_place_is_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_wait, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
