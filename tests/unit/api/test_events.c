/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The event log by request: from a number on, for one namespace, what was overwritten, what is not over yet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

static void tell(struct lab *lab, const char *namespace_name, const char *message)
{
    event_log_add(&lab->house.events, EVENT_TASK, namespace_name, NULL, NULL, "%s", message);
}

/* The messages in the answer, each with a blank after it, and what it says of the rest. */
static void expect_events(struct lab *lab, const char *query, const char *wanted, unsigned next, bool is_lost)
{
    char what[64], text[1024] = "";
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *event;

    (void)snprintf(what, sizeof(what), "GET /v1/events%s", query);
    answer = lab_get(lab, what, "", 200);
    cJSON_ArrayForEach (event, json_at(answer, "events"))
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
                       json_at(event, "message")->valuestring);
    assert_string_equal(text, wanted);
    assert_int_equal(json_at(answer, "next")->valueint, next);
    assert_int_equal(cJSON_IsTrue(json_at(answer, "lost")), is_lost);
}

static void test_an_event_as_it_is_shown(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    event_log_add(&lab->house.events, EVENT_DRAINING, "ns", "web", "a", "from %s", "here");
    answer = lab_get(lab, "GET /v1/events", "", 200);
    json_expect(answer, "events.0.sequence", "1");
    json_expect(answer, "events.0.kind", "'DRAINING'");
    json_expect(answer, "events.0.namespace", "'ns'");
    json_expect(answer, "events.0.service", "'web'");
    json_expect(answer, "events.0.instance", "'a'");
    json_expect(answer, "events.0.message", "'from here'");
    json_expect(answer, "events.0.count", "1");
    assert_string_equal(json_at(answer, "epoch")->valuestring, event_log_epoch(&lab->house.events));
}

static void test_from_a_number_on(void **state)
{
    struct lab *lab = *state;

    expect_events(lab, "", "", 0, false);
    expect_events(lab, "?after=0", "", 0, false);
    tell(lab, "ns", "one");
    tell(lab, "ns", "two");
    tell(lab, "ns", "three");
    expect_events(lab, "", "one two three ", 3, false);
    expect_events(lab, "?after=0", "one two three ", 3, false);
    expect_events(lab, "?after=1", "two three ", 3, false);
    expect_events(lab, "?after=3", "", 3, false);
    /* A number from before a restart: what is new has smaller ones. */
    expect_events(lab, "?after=700", "", 3, false);
    expect_events(lab, "?after=9007199254740992", "", 3, false);
}

static void test_of_one_namespace(void **state)
{
    struct lab *lab = *state;

    tell(lab, "ours", "one");
    tell(lab, "theirs", "two");
    tell(lab, "", "all");
    tell(lab, "theirs", "three");
    /* What concerns no namespace concerns everybody; who reads on does not meet the others' again. */
    expect_events(lab, "?namespace=ours", "one all ", 4, false);
    expect_events(lab, "?namespace=theirs&after=2", "all three ", 4, false);
    expect_events(lab, "?namespace=nobody", "all ", 4, false);
}

static void test_what_was_overwritten(void **state)
{
    struct lab *lab = *state;
    char text[16];

    for (unsigned i = 1; i <= EVENT_LOG_CAPACITY + 2; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        tell(lab, i < EVENT_LOG_CAPACITY ? "many" : "few", text);
    }
    expect_events(lab, "?namespace=few&after=0", "1024 1025 1026 ", 1026, true);
    expect_events(lab, "?namespace=few&after=1", "1024 1025 1026 ", 1026, true);
    expect_events(lab, "?namespace=few&after=2", "1024 1025 1026 ", 1026, false);
    expect_events(lab, "?namespace=few", "1024 1025 1026 ", 1026,
                  false); /* who asks for no number misses none */
}

static int64_t now_ms = 1700000000123;

static int64_t stopped_clock(void)
{
    return now_ms;
}

/* Failures within a second are one event, whose count still grows. */
static void test_what_is_not_over_yet(void **state)
{
    struct lab *lab = *state;
    struct event_log *log = &lab->house.events;
    _cleanup_json_ cJSON *answer = NULL;

    log->clock_ms = stopped_clock;
    tell(lab, "ns", "before");
    event_log_add(log, EVENT_CONNECT_FAILED, "ns", "web", "a", "failed");
    event_log_add(log, EVENT_CONNECT_FAILED, "ns", "web", "a", "failed");
    tell(lab, "ns", "after");
    expect_events(lab, "?settled=false", "before failed after ", 3, false);
    expect_events(lab, "?settled=true", "before ", 1, false);
    now_ms += 2000;
    expect_events(lab, "?settled=true&after=1", "failed after ", 3, false);
    answer = lab_get(lab, "GET /v1/events?after=1", "", 200);
    json_expect(answer, "events.0.count", "2");
    json_expect(answer, "events.0.time", "'2023-11-14T22:13:20.123Z'");
}

static void test_what_cannot_be_asked(void **state)
{
    static const struct refusal all[] = {
        {"GET /v1/events?after=-1", "", 400, "after", "the sequence number of an event, or 0"},
        {"GET /v1/events?after=", "", 400, "after", "the sequence number of an event"},
        {"GET /v1/events?after=1x", "", 400, "after", "the sequence number of an event"},
        {"GET /v1/events?after=9007199254740993", "", 400, "after", "the sequence number of an event"},
        {"GET /v1/events?settled=yes", "", 400, "settled", "true or false"},
        {"GET /v1/events?settled=", "", 400, "settled", "true or false"},
    };
    struct lab *lab = *state;

    tell(lab, "ns", "one");
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
}

/* What is done by request is told there. */
static void test_what_is_done_is_told(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/ejections", "{'service':'v1','id':'a','forSeconds':9}");
    expect_events(lab, "?namespace=default", "ejected for 9 s by hand ", 1, false);
    lab_do(lab, "POST /v1/drains", "{'service':'v2','id':'b','timeoutSeconds':600}");
    {
        _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/events?after=1", "", 200);

        json_expect(answer, "events.0.kind", "'DRAINING'");
        json_expect(answer, "events.0.instance", "'b'");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_an_event_as_it_is_shown), LAB_TEST(test_from_a_number_on),
        LAB_TEST(test_of_one_namespace),        LAB_TEST(test_what_was_overwritten),
        LAB_TEST(test_what_is_not_over_yet),    LAB_TEST(test_what_cannot_be_asked),
        LAB_TEST(test_what_is_done_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
