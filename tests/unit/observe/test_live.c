/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The live stream: a round tells all, the next what has changed, and what has gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#define HOUSE_ENDPOINTS 6000

#include "events/event_log.h"
#include "observe/caller_totals.h"
#include "observe/totals.h"
#include "observe/web/live.h"
#include "tasks/task_list.h"
#include "unit/api/lists_lab.h"

static struct totals totals;
static struct caller_totals callers;
static struct tasks no_tasks;

static void begin(struct lists_lab *lab, unsigned n)
{
    lab_begin(lab, n);
    lab->api.tasks = &no_tasks;
    lab->api.events = &lab->house.events;
    assert_int_equal(engine_follow(lab->house.engine, &totals_follower, &totals), 0);
    assert_int_equal(totals_begin(&totals, lab->house.engine, lab->house.datapath, &lab->outliers), 0);
    house_put(&lab->house, "services/ns/front",
              "{\"clientAliases\":[{\"dnsName\":\"front\",\"port\":80,\"protocol\":\"tcp\"}]}");
    house_put(&lab->house, "routes/ns//front:80/tcp",
              "{\"targets\":[{\"service\":\"s1\",\"weight\":3},{\"service\":\"s2\",\"weight\":1}]}");
}

static void end(struct lists_lab *lab)
{
    totals_done(&totals);
    lab_end(lab);
}

static struct http_writer stream_of(struct lists_lab *lab, struct live_settings *settings)
{
    struct http_writer writer;

    settings->api = &lab->api;
    settings->totals = &totals;
    settings->namespace_name = "ns";
    settings->round_ms = 20;
    assert_int_equal(live_writer(settings, &writer), 0);
    return writer;
}

static struct http_writer stream(struct lists_lab *lab, const char *service, bool has_all)
{
    return stream_of(
        lab, &(struct live_settings){.service = service, .has_all_endpoints = has_all, .has_tasks = true});
}

/* What a round tells, its end included; the caller's. */
static char *read_live_round(struct http_writer *writer)
{
    struct evbuffer *text = evbuffer_new();
    char *copy = NULL;

    assert_non_null(text);
    do {
        int r = writer->write(writer->user, text, 16384);

        assert_true(r > 0);
        if (r > 1)
            (void)usleep(10000);
    } while (evbuffer_search(text, "event: round\n", 13, NULL).pos < 0);
    assert_int_equal(evbuffer_add(text, "", 1), 0);
    copy = strdup((const char *)evbuffer_pullup(text, -1));
    assert_non_null(copy);
    evbuffer_free(text);
    return copy;
}

static unsigned n_of(const char *text, const char *part)
{
    unsigned n = 0;

    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

/* Each block is an event whose data is an object of JSON. */
static void expect_events(const char *text)
{
    for (const char *at = text; (at = strstr(at, "\ndata: ")); at++) {
        const char *line_end = strchr(at + 1, '\n');
        const char *parsed_end = NULL;
        cJSON *item = cJSON_ParseWithOpts(at + 7, &parsed_end, false);

        if (!item)
            fail_msg("no JSON: %.200s", at);
        assert_true(cJSON_IsObject(item));
        assert_ptr_equal(parsed_end, line_end);
        cJSON_Delete(item);
    }
}

static void test_first_round_tells_all(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 500);
    writer = stream(&lab, "s3", false);
    text = read_live_round(&writer);
    expect_events(text);
    assert_memory_equal(text, "retry: 2000\n\n", 13);
    assert_int_equal(n_of(text, "event: service\n"), LAB_SERVICES + 1);
    assert_int_equal(n_of(text, "event: endpoint\n"), 500 / LAB_SERVICES);
    assert_int_equal(n_of(text, "\"namespace\":\"ns\",\"service\":\"s3\",\"eligible\":"), 500 / LAB_SERVICES);
    assert_non_null(strstr(
        text, "{\"namespace\":\"ns\",\"name\":\"s3\",\"clientAliases\":[],\"instances\":50,\"eligible\":50,"
              "\"counted\":{\"connections\":0,"));
    assert_non_null(strstr(text, "\"open\":0,\"endpoints\":{\"drawn\":50}}"));
    assert_non_null(strstr(
        text, "{\"namespace\":\"ns\",\"dnsName\":\"front\",\"port\":80,\"protocol\":\"tcp\",\"drawn\":100,"
              "\"targets\":[{\"service\":\"s1\",\"wantedPercent\":75,\"effectivePercent\":75},"
              "{\"service\":\"s2\",\"wantedPercent\":25,\"effectivePercent\":25}]}"));
    assert_int_equal(n_of(text, "event: again\n"), 0);
    writer.done(writer.user);
    end(&lab);
}

/* Who calls whom, row by row, and of a service what its callers measure. */
static void test_callers_are_told(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;
    struct svc_caller *row;

    (void)state;
    begin(&lab, 20);
    assert_int_equal(caller_totals_begin(&callers, &lab.api, lab.house.datapath), 0);
    row = (struct svc_caller *)(uintptr_t)datapath_caller(lab.house.datapath, 9);
    writer = stream_of(&lab, &(struct live_settings){.callers = &callers, .has_callers = true});
    first = read_live_round(&writer);
    assert_int_equal(n_of(first, "event: caller\n"), 0);
    *row = (struct svc_caller){.caller = 1, .connections = 3, .bytes_sent = 77};
    second = read_live_round(&writer);
    expect_events(second);
    assert_int_equal(n_of(second, "event: caller\n"), 1);
    assert_int_equal(n_of(second, "\"bytesSent\":77,"), 1);
    datapath_drop_caller(lab.house.datapath, 9);
    third = read_live_round(&writer);
    assert_int_equal(n_of(third, "event: caller\n"), 0);
    assert_int_equal(n_of(third, "{\"kind\":\"caller\"}"), 1);
    writer.done(writer.user);
    caller_totals_done(&callers);
    end(&lab);
}

/* Two readers know different things. */
static void test_only_what_changed(void **state)
{
    struct lists_lab lab;
    struct http_writer writer, late;
    _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;

    (void)state;
    begin(&lab, 100);
    writer = stream(&lab, "s1", false);
    first = read_live_round(&writer);
    second = read_live_round(&writer);
    assert_int_equal(n_of(second, "data: "), 1);
    house_put(
        &lab.house, "instances/ns/s1/i00001",
        "{\"address\":\"10.0.0.2\",\"port\":80,\"protocol\":\"tcp\",\"weight\":0,\"health\":\"HEALTHY\"}");
    third = read_live_round(&writer);
    expect_events(third);
    assert_int_equal(n_of(third, "event: endpoint\n"), 1);
    assert_non_null(strstr(third, "\"id\":\"i00001\""));
    assert_int_equal(n_of(third, "event: service\n"), 1);
    assert_non_null(strstr(third, "\"endpoints\":{\"drawn\":9,\"idle\":1},\"reason\":\"weight 0\"}"));
    assert_int_equal(n_of(third, "event: alias\n"), 1); /* one endpoint less is drawn */
    late = stream(&lab, NULL, false);
    fourth = read_live_round(&late);
    assert_int_equal(n_of(fourth, "event: service\n"), LAB_SERVICES + 1);
    assert_int_equal(n_of(fourth, "event: endpoint\n"), 0);
    writer.done(writer.user);
    late.done(late.user);
    end(&lab);
}

static void test_a_share_that_changes(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *first = NULL, *second = NULL;

    (void)state;
    begin(&lab, 100);
    writer = stream(&lab, NULL, false);
    first = read_live_round(&writer);
    house_put(&lab.house, "routes/ns//front:80/tcp",
              "{\"targets\":[{\"service\":\"s1\",\"weight\":1},{\"service\":\"s2\",\"weight\":4}]}");
    second = read_live_round(&writer);
    assert_int_equal(n_of(second, "event: alias\n"), 1);
    assert_non_null(strstr(second, "\"service\":\"s2\",\"wantedPercent\":80,\"effectivePercent\":80"));
    assert_int_equal(n_of(second, "event: service\n"), 0);
    writer.done(writer.user);
    end(&lab);
}

/* What is left of a kind is told anew after something of it has gone; other kinds are not. */
static void test_what_has_gone(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;

    (void)state;
    begin(&lab, 100);
    writer = stream(&lab, "s2", false);
    first = read_live_round(&writer);
    house_put(&lab.house, "instances/ns/s2/i00002", NULL);
    second = read_live_round(&writer);
    assert_int_equal(n_of(second, "event: again\ndata: {\"kind\":\"endpoint\"}\n\n"), 1);
    assert_int_equal(n_of(second, "event: again\n"), 1);
    third = read_live_round(&writer);
    assert_int_equal(n_of(third, "event: endpoint\n"), 9);
    assert_int_equal(n_of(third, "event: service\n"), 0);
    assert_int_equal(n_of(third, "event: again\n"), 0);
    fourth = read_live_round(&writer);
    assert_int_equal(n_of(fourth, "data: "), 1);
    writer.done(writer.user);
    end(&lab);
}

static void test_all_endpoints(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *text = NULL, *other = NULL;

    (void)state;
    begin(&lab, LIVE_MOST_ENDPOINTS);
    writer = stream(&lab, "s1", true);
    text = read_live_round(&writer);
    expect_events(text);
    assert_int_equal(n_of(text, "event: endpoint\n"), LIVE_MOST_ENDPOINTS);
    assert_int_equal(n_of(text, "event: service\n"), LAB_SERVICES + 1);
    writer.done(writer.user);
    end(&lab);
    /* Of more than that only those that were asked for. */
    begin(&lab, LIVE_MOST_ENDPOINTS + LAB_SERVICES);
    writer = stream(&lab, "s1", true);
    other = read_live_round(&writer);
    assert_int_equal(n_of(other, "event: endpoint\n"), LIVE_MOST_ENDPOINTS / LAB_SERVICES + 1);
    writer.done(writer.user);
    end(&lab);
}

/* Names are text of JSON, whatever they are made of: no line of theirs is a line of the stream. */
static void test_events_and_hostile_names(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *text = NULL, *more = NULL;

    (void)state;
    begin(&lab, 10);
    event_log_add(&lab.house.events, EVENT_TASK, "ns", "s1", "\"</script>\n\nevent: round\ndata: {}",
                  "one\r\n\ntwo");
    writer = stream(&lab, NULL, false);
    text = read_live_round(&writer);
    expect_events(text);
    assert_non_null(strstr(
        text, "\"instance\":\"\\\"</script>\\n\\nevent: round\\ndata: {}\",\"message\":\"one\\r\\n\\ntwo\""));
    event_log_add(&lab.house.events, EVENT_CONNECT_FAILED, "ns", "s1", "i00001", "refused");
    free(text);
    text = read_live_round(&writer);
    assert_int_equal(n_of(text, "\"kind\":\"CONNECT_FAILED\""), 1);
    assert_int_equal(n_of(text, "event: event\n"), 1);
    /* Its count rises while it may. */
    event_log_add(&lab.house.events, EVENT_CONNECT_FAILED, "ns", "s1", "i00001", "refused");
    more = read_live_round(&writer);
    assert_int_equal(n_of(more, "event: event\n"), 1);
    assert_non_null(strstr(more, "\"sequence\":"));
    writer.done(writer.user);
    end(&lab);
}

static void test_only_the_newest_events(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 10);
    for (unsigned i = 0; i < 250; i++)
        event_log_add(&lab.house.events, EVENT_TASK, "", "", "", "number %u", i);
    writer = stream(&lab, NULL, false);
    text = read_live_round(&writer);
    assert_int_equal(n_of(text, "event: event\n"), LIVE_EVENTS);
    assert_non_null(strstr(text, "\"message\":\"number 249\""));
    assert_null(strstr(text, "\"message\":\"number 49\""));
    writer.done(writer.user);
    end(&lab);
}

/* A slice is no longer than its room and an item, and readers may leave in the middle of anything. */
static void test_slices_and_readers_that_leave(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab, 2000);
    for (unsigned slices = 0; slices < 60; slices += 3) {
        struct http_writer writer = stream(&lab, "s5", slices % 2);

        for (unsigned i = 0; i < slices; i++) {
            struct evbuffer *slice = evbuffer_new();

            assert_true(writer.write(writer.user, slice, 1000) > 0);
            assert_in_range(evbuffer_get_length(slice), 0, 3000);
            evbuffer_free(slice);
        }
        writer.done(writer.user);
    }
    end(&lab);
}

/* A service that goes, comes and is named by nobody: its stream goes on. */
static void test_a_service_that_is_not_there(void **state)
{
    struct lists_lab lab;
    struct http_writer writer;
    _cleanup_free_ char *text = NULL, *more = NULL;

    (void)state;
    begin(&lab, 10);
    writer = stream(&lab, "nobody", false);
    text = read_live_round(&writer);
    assert_int_equal(n_of(text, "event: endpoint\n"), 0);
    house_put(&lab.house, "services/ns/nobody", "{\"clientAliases\":[]}");
    house_put(
        &lab.house, "instances/ns/nobody/a",
        "{\"address\":\"10.0.9.9\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}");
    more = read_live_round(&writer);
    assert_int_equal(n_of(more, "event: endpoint\n"), 1);
    writer.done(writer.user);
    end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_round_tells_all),
        cmocka_unit_test(test_callers_are_told),
        cmocka_unit_test(test_only_what_changed),
        cmocka_unit_test(test_a_share_that_changes),
        cmocka_unit_test(test_what_has_gone),
        cmocka_unit_test(test_all_endpoints),
        cmocka_unit_test(test_events_and_hostile_names),
        cmocka_unit_test(test_only_the_newest_events),
        cmocka_unit_test(test_slices_and_readers_that_leave),
        cmocka_unit_test(test_a_service_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
