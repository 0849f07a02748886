/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The ring of connections: what is kept, from where on it is read, and which are asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "events/connection_log.h"

static const struct connection_names names = {.namespace_name = "shop",
                                              .client = "web",
                                              .cgroup = "",
                                              .alias = "backend",
                                              .service = "v1",
                                              .instance = "a"};

static void add(struct connection_log *log, uint64_t bytes)
{
    const struct svc_connection what = {
        .outcome = CLOSED, .bytes_sent = bytes, .process = "0123456789abcde!"};

    connection_log_add(log, &what, 5, &names);
}

static void test_the_newest_are_kept(void **state)
{
    struct connection_log log;
    const struct connection_entry *entry;
    uint64_t after = 0, n = 0;

    (void)state;
    assert_int_equal(connection_log_init(&log), 0);
    assert_null(connection_log_next(&log, 0));
    assert_int_equal(connection_log_oldest(&log), 1);
    for (uint64_t i = 1; i <= CONNECTION_LOG_CAPACITY; i++)
        add(&log, i);
    assert_int_equal(connection_log_oldest(&log), 1);
    assert_int_equal(connection_log_next(&log, 0)->what.bytes_sent, 1);
    add(&log, CONNECTION_LOG_CAPACITY + 1);
    assert_int_equal(connection_log_oldest(&log), 2);
    while ((entry = connection_log_next(&log, after))) {
        n++;
        assert_int_equal(entry->sequence, n + 1);
        assert_int_equal(entry->what.bytes_sent, n + 1);
        assert_string_equal(entry->names.client, "web");
        assert_string_equal(entry->names.instance, "a");
        assert_string_equal(entry->what.process, "0123456789abcde");
        after = entry->sequence;
    }
    assert_int_equal(n, CONNECTION_LOG_CAPACITY);
    connection_log_done(&log);
}

static void test_a_zeroed_one_takes_nothing(void **state)
{
    struct connection_log log = {0};

    (void)state;
    add(&log, 1);
    assert_null(connection_log_next(&log, 0));
    connection_log_done(&log);
}

/* A process calls itself what it likes: no byte of that is to break an answer or a terminal. */
static void test_names_of_processes_are_legible(void **state)
{
    const struct svc_connection what = {.outcome = CLOSED, .process = "a\x1b[31m\xff\n\"b"};
    struct connection_log log;

    (void)state;
    assert_int_equal(connection_log_init(&log), 0);
    connection_log_add(&log, &what, 5, &names);
    assert_string_equal(connection_log_next(&log, 0)->what.process, "a?[31m??\"b");
    connection_log_done(&log);
}

static void test_how_long_it_lasted(void **state)
{
    struct svc_connection what = {.ended = 5000000};

    (void)state;
    assert_true(connection_duration_us(&what) == UINT64_MAX);
    what.begun = 3000000;
    assert_int_equal(connection_duration_us(&what), 2000);
    what.begun = 6000000;
    assert_int_equal(connection_duration_us(&what), 0);
}

static void test_which_are_asked_for(void **state)
{
    const struct svc_connection what = {.begun = 1, .ended = 2000001, .outcome = CLOSED};
    struct connection_entry entry = {.what = what, .names = names};
    const struct connection_filter all = {0};
    struct connection_filter filter = {
        .namespace_name = "shop", .client = "web", .service = "v1", .slow_us = 2000};

    (void)state;
    assert_true(connection_is_wanted(&all, &entry));
    assert_true(connection_is_wanted(&filter, &entry));
    filter.slow_us = 2001;
    assert_false(connection_is_wanted(&filter, &entry));
    filter = (struct connection_filter){.only_failed = true};
    assert_false(connection_is_wanted(&filter, &entry));
    entry.what.outcome = GAVE_UP;
    assert_true(connection_is_wanted(&filter, &entry));
    assert_false(connection_is_wanted(&(struct connection_filter){.namespace_name = "other"}, &entry));
    assert_false(connection_is_wanted(&(struct connection_filter){.service = "backend"}, &entry));
    assert_false(connection_is_wanted(&(struct connection_filter){.client = "/task"}, &entry));
    entry.names.client = "";
    entry.names.cgroup = "/task";
    assert_true(connection_is_wanted(&(struct connection_filter){.client = "/task"}, &entry));
}

static void test_outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(connection_outcome(CLOSED), "closed");
    assert_string_equal(connection_outcome(TIMED_OUT), "timedOut");
    assert_string_equal(connection_outcome(RETRANSMITTED), "unknown"); /* ends no connection */
    assert_string_equal(connection_outcome(UINT32_MAX), "unknown");
    assert_string_equal(connection_outcome(SVC_REFUSED_NO_ALIAS), "noAlias");
    assert_string_equal(connection_outcome(SVC_REFUSED_POLICY), "denied");
    assert_non_null(strstr(connection_reason(SVC_REFUSED_NO_ENDPOINT), "ECONNREFUSED"));
    assert_non_null(strstr(connection_reason(SVC_REFUSED_POLICY), "EACCES"));
    assert_null(connection_reason(CLOSED));
    assert_null(connection_reason(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_are_kept),
        cmocka_unit_test(test_a_zeroed_one_takes_nothing),
        cmocka_unit_test(test_names_of_processes_are_legible),
        cmocka_unit_test(test_how_long_it_lasted),
        cmocka_unit_test(test_which_are_asked_for),
        cmocka_unit_test(test_outcomes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
