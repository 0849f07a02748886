/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "events/event_log.h"

static int64_t now_ms;

static int64_t fake_clock(void)
{
    return now_ms;
}

static int setup(void **state)
{
    struct event_log *log = calloc(1, sizeof(*log));

    if (!log || event_log_init(log) < 0)
        return -1;
    log->clock_ms = fake_clock;
    now_ms = 1000000;
    *state = log;
    return 0;
}

static int teardown(void **state)
{
    event_log_done(*state);
    free(*state);
    return 0;
}

static void fail_connect(struct event_log *log, const char *instance, const char *why)
{
    event_log_add(log, EVENT_CONNECT_FAILED, "default", "web", instance, "%s", why);
}

static const struct event_entry *newest(const struct event_log *log)
{
    return event_log_next(log, event_log_newest(log) - 1);
}

static void test_empty(void **state)
{
    const struct event_log *log = *state;

    assert_int_equal(event_log_newest(log), 0);
    assert_int_equal(event_log_oldest(log), 1);
    assert_null(event_log_next(log, 0));
    assert_null(event_log_next(log, 7));
    assert_int_equal(strlen(event_log_epoch(log)), EVENT_EPOCH_SIZE - 1);
}

static void test_zeroed_log_takes_nothing(void **state)
{
    struct event_log log = {0};

    (void)state;
    event_log_add(&log, EVENT_TASK, "default", "web", NULL, "attached");
    assert_int_equal(event_log_newest(&log), 0);
    assert_null(event_log_next(&log, 0));
    event_log_done(&log);
}

static void test_epochs_differ(void **state)
{
    struct event_log other;

    assert_int_equal(event_log_init(&other), 0);
    assert_string_not_equal(event_log_epoch(&other), event_log_epoch(*state));
    event_log_done(&other);
}

static void test_entries_as_given(void **state)
{
    struct event_log *log = *state;
    const struct event_entry *entry;

    event_log_add(log, EVENT_HEALTH, "red", "web", "a", "%s is now %s", "a", "UNHEALTHY");
    now_ms = 1000007;
    event_log_add(log, EVENT_TASK, "red", NULL, NULL, "attached");
    entry = event_log_next(log, 0);
    assert_non_null(entry);
    assert_int_equal(entry->sequence, 1);
    assert_int_equal(entry->time_ms, 1000000);
    assert_int_equal(entry->kind, EVENT_HEALTH);
    assert_int_equal(entry->count, 1);
    assert_string_equal(entry->namespace_name, "red");
    assert_string_equal(entry->service, "web");
    assert_string_equal(entry->instance, "a");
    assert_string_equal(entry->message, "a is now UNHEALTHY");
    entry = event_log_next(log, entry->sequence);
    assert_non_null(entry);
    assert_int_equal(entry->sequence, 2);
    assert_int_equal(entry->time_ms, 1000007);
    assert_string_equal(entry->service, "");
    assert_string_equal(entry->instance, "");
    assert_null(event_log_next(log, 2));
    assert_null(event_log_next(log, UINT64_MAX));
}

static void test_oldest_give_way(void **state)
{
    struct event_log *log = *state;
    uint64_t after = 0;
    const struct event_entry *entry;
    unsigned n = 0;

    for (unsigned i = 1; i <= EVENT_LOG_CAPACITY; i++)
        event_log_add(log, EVENT_TASK, "default", NULL, NULL, "event %u", i);
    assert_int_equal(event_log_oldest(log), 1);
    for (unsigned i = 1; i <= 10; i++)
        event_log_add(log, EVENT_TASK, "default", NULL, NULL, "event %u", EVENT_LOG_CAPACITY + i);
    assert_int_equal(event_log_oldest(log), 11);
    assert_int_equal(event_log_newest(log), EVENT_LOG_CAPACITY + 10);
    for (; (entry = event_log_next(log, after)); after = entry->sequence, n++) {
        char wanted[32];

        (void)snprintf(wanted, sizeof(wanted), "event %u", n + 11);
        assert_int_equal(entry->sequence, n + 11);
        assert_string_equal(entry->message, wanted);
    }
    assert_int_equal(n, EVENT_LOG_CAPACITY);
    assert_int_equal(event_log_next(log, 500)->sequence, 501);
}

/* One namespace's flood leaves what others had to say, also where several flood. */
static void test_no_namespace_pushes_out_anothers(void **state)
{
    struct event_log *log = *state;
    unsigned quiet = 0, loud = 0;
    uint64_t last = 0;

    for (unsigned i = 0; i < 5; i++)
        event_log_add(log, EVENT_HEALTH, "quiet", "s", "i", "before %u", i);
    for (unsigned i = 0; i < 3 * EVENT_LOG_CAPACITY; i++)
        event_log_add(log, EVENT_HEALTH, "loud", "s", "i", "number %u", i);
    for (unsigned i = 0; i < 5; i++)
        event_log_add(log, EVENT_HEALTH, "quiet", "s", "i", "meanwhile %u", i);
    for (unsigned i = 0; i < 3 * EVENT_LOG_CAPACITY; i++)
        event_log_add(log, EVENT_HEALTH, i % 2 ? "loud" : "louder", "s", "i", "number %u", i);
    for (const struct event_entry *entry = NULL; (entry = event_log_next(log, last));
         last = entry->sequence) {
        assert_true(entry->sequence > last);
        quiet += strcmp(entry->namespace_name, "quiet") == 0;
        loud += strcmp(entry->namespace_name, "loud") == 0;
    }
    assert_int_equal(quiet, 10);
    assert_true(loud >= EVENT_LOG_SHARE);
    assert_int_equal(log->n, EVENT_LOG_CAPACITY);
    assert_int_equal(last, event_log_newest(log));
}

static void test_a_storm_is_one_event_per_second(void **state)
{
    struct event_log *log = *state;

    event_log_add(log, EVENT_TASK, "default", NULL, NULL, "kept");
    for (unsigned i = 0; i < 37; i++, now_ms += 27) /* 999 ms in all */
        fail_connect(log, "a", "refused");
    assert_int_equal(event_log_newest(log), 2);
    assert_int_equal(newest(log)->count, 37);
    assert_int_equal(newest(log)->time_ms, 1000000);
    assert_string_equal(newest(log)->message, "refused");
    now_ms = 1001000;
    fail_connect(log, "a", "refused");
    assert_int_equal(event_log_newest(log), 3);
    assert_int_equal(newest(log)->count, 1);
    assert_string_equal(event_log_next(log, 0)->message, "kept");
}

/* Each of many endpoints has its own, whatever happens in between. */
static void test_interleaved_failures(void **state)
{
    struct event_log *log = *state;
    char instance[16];

    for (unsigned round = 0; round < 100; round++)
        for (unsigned i = 0; i < 20; i++) {
            (void)snprintf(instance, sizeof(instance), "i%u", i);
            fail_connect(log, instance, "refused");
        }
    assert_int_equal(event_log_newest(log), 20);
    for (uint64_t after = 0; after < 20; after++)
        assert_int_equal(event_log_next(log, after)->count, 100);
}

static void test_what_differs_is_not_merged(void **state)
{
    struct event_log *log = *state;

    fail_connect(log, "a", "refused");
    fail_connect(log, "b", "refused");
    fail_connect(log, "a", "timed out");
    event_log_add(log, EVENT_CONNECT_FAILED, "red", "web", "a", "refused");
    event_log_add(log, EVENT_CONNECT_FAILED, "default", "api", "a", "refused");
    event_log_add(log, EVENT_CONNECT_FAILED, "default", "we", "ba", "refused");
    event_log_add(log, EVENT_HEALTH, "default", "web", "a", "refused");
    event_log_add(log, EVENT_HEALTH, "default", "web", "a", "refused");
    assert_int_equal(event_log_newest(log), 8);
    for (uint64_t after = 0; after < 8; after++)
        assert_int_equal(event_log_next(log, after)->count, 1);
}

static void test_merged_into_an_overwritten_place(void **state)
{
    struct event_log *log = *state;

    fail_connect(log, "a", "refused");
    for (unsigned i = 0; i < EVENT_LOG_CAPACITY; i++)
        event_log_add(log, EVENT_TASK, "default", NULL, NULL, "event");
    fail_connect(log, "a", "refused");
    assert_int_equal(event_log_newest(log), EVENT_LOG_CAPACITY + 2);
    assert_int_equal(newest(log)->count, 1);
}

static void test_open_until_the_second_is_over(void **state)
{
    struct event_log *log = *state;

    event_log_add(log, EVENT_TASK, "default", NULL, NULL, "attached");
    assert_false(event_log_is_open(log, newest(log)));
    fail_connect(log, "a", "refused");
    assert_true(event_log_is_open(log, newest(log)));
    now_ms += EVENT_LOG_MERGE_MS - 1;
    assert_true(event_log_is_open(log, newest(log)));
    now_ms += 1;
    assert_false(event_log_is_open(log, newest(log)));
}

/* Otherwise a follower would wait until the clock has caught up. */
static void test_a_clock_set_back_closes(void **state)
{
    struct event_log *log = *state;

    fail_connect(log, "a", "refused");
    now_ms -= 3600000;
    assert_false(event_log_is_open(log, newest(log)));
    fail_connect(log, "a", "refused");
    assert_int_equal(event_log_newest(log), 2);
}

static void test_long_text_is_cut(void **state)
{
    struct event_log *log = *state;
    char text[EVENT_MESSAGE_SIZE * 2 + 1];
    const struct event_entry *entry;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    event_log_add(log, EVENT_TASK, text, text, text, "%s", text);
    entry = newest(log);
    assert_int_equal(strlen(entry->namespace_name), SVC_NAMESPACE_SIZE - 1);
    assert_int_equal(strlen(entry->service), SVC_SERVICE_SIZE - 1);
    assert_int_equal(strlen(entry->instance), SVC_INSTANCE_SIZE - 1);
    assert_int_equal(strlen(entry->message), EVENT_MESSAGE_SIZE - 1);
}

/* A euro sign of three bytes, at every place that the end of the text can have in it. */
static void test_text_is_not_cut_inside_a_character(void **state)
{
    struct event_log *log = *state;

    for (int lead = EVENT_MESSAGE_SIZE - 5; lead < EVENT_MESSAGE_SIZE; lead++) {
        const char *message;
        size_t length;

        event_log_add(log, EVENT_TASK, NULL, NULL, NULL, "%*s\xe2\x82\xac\xe2\x82\xac", lead, "");
        message = newest(log)->message;
        length = strlen(message);
        while (length > 0 && message[length - 1] == ' ')
            length--;
        if (length != strlen(message) || length == 0)
            continue;
        assert_true(length >= 3);
        assert_memory_equal(message + length - 3, "\xe2\x82\xac", 3);
    }
}

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(event_kind_name(EVENT_EJECTED), "EJECTED");
    assert_string_equal(event_kind_name(EVENT_RETURNED), "RETURNED");
    assert_string_equal(event_kind_name(EVENT_CONNECT_FAILED), "CONNECT_FAILED");
    assert_string_equal(event_kind_name(EVENT_HEALTH), "HEALTH");
    assert_string_equal(event_kind_name(EVENT_DRAINING), "DRAINING");
    assert_string_equal(event_kind_name(EVENT_DRAINED), "DRAINED");
    assert_string_equal(event_kind_name(EVENT_CANARY), "CANARY");
    assert_string_equal(event_kind_name(EVENT_TASK), "TASK");
    assert_string_equal(event_kind_name(EVENT_EVENTS_LOST), "EVENTS_LOST");
    assert_string_equal(event_kind_name(EVENT_OBSERVER), "OBSERVER");
    assert_string_equal(event_kind_name(EVENT_POLICY), "POLICY");
    assert_string_equal(event_kind_name((enum event_kind)99), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test(test_zeroed_log_takes_nothing),
        cmocka_unit_test_setup_teardown(test_epochs_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entries_as_given, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oldest_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_namespace_pushes_out_anothers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_storm_is_one_event_per_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interleaved_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_differs_is_not_merged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merged_into_an_overwritten_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_until_the_second_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_set_back_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_text_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_is_not_cut_inside_a_character, setup, teardown),
        cmocka_unit_test(test_kind_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
