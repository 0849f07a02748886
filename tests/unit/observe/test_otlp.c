/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Spans and metrics as OTLP's JSON has them: names, kinds, texts for whole numbers, and what must not be in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "events/connection_log.h"
#include "observe/otlp/otlp.h"
#include "observe/otlp/otlp_metrics.h"
#include "observe/otlp/otlp_spans.h"

static const struct otlp_source source = {.host = "h1", .seed = {1, 2}, .started_ms = 1700000000000};

static const struct connection_names names = {.namespace_name = "shop",
                                              .client = "web",
                                              .cgroup = "",
                                              .alias = "backend",
                                              .service = "v1",
                                              .instance = "a"};

static void add(struct connection_log *log, uint32_t outcome, const struct connection_names *of,
                const char *process)
{
    struct svc_connection what = {.begun = 1000000000,
                                  .ended = 1001500000,
                                  .outcome = outcome,
                                  .alias_port_be = htons(80),
                                  .port_be = htons(8080),
                                  .bytes_sent = 1234567890123456789u,
                                  .bytes_received = 7,
                                  .pid = 42};
    struct ip_address address;

    assert_int_equal(ip_address_parse("10.0.0.5", &address), 0);
    memcpy(what.address, address.bytes, sizeof(what.address));
    (void)strncpy(what.process, process, sizeof(what.process) - 1);
    connection_log_add(log, &what, 1700000001000, of);
}

/* "resourceSpans/0/resource". */
static const cJSON *find(const cJSON *json, const char *path)
{
    char copy[128], *rest = copy, *part;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    while (json && (part = strsep(&rest, "/")))
        json = isdigit((unsigned char)*part) ? cJSON_GetArrayItem(json, atoi(part))
                                             : cJSON_GetObjectItemCaseSensitive(json, part);
    return json;
}

static const char *text_at(const cJSON *json, const char *path)
{
    const cJSON *item = find(json, path);

    return cJSON_IsString(item) ? item->valuestring : "(none)";
}

static double number_at(const cJSON *json, const char *path)
{
    const cJSON *item = find(json, path);

    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

/* The value of an attribute, of whichever kind; "(none)". */
static const char *attribute(const cJSON *object, const char *key)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(object, "attributes"))
        if (strcmp(text_at(item, "key"), key) == 0)
            return find(item, "value/intValue") ? text_at(item, "value/intValue")
                                                : text_at(item, "value/stringValue");
    return "(none)";
}

static cJSON *spans_after(const struct connection_log *log, uint64_t after, unsigned most,
                          struct otlp_batch *batch)
{
    struct error error = {0};
    cJSON *json = NULL;

    assert_int_equal(otlp_spans(&source, log, after, most, batch), 0);
    assert_non_null(batch->body);
    if (json_parse("body", batch->body, strlen(batch->body), &json, &error) < 0)
        fail_msg("%s: %s", error.message, batch->body);
    free(batch->body);
    return json;
}

static bool is_id(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length && strspn(text, "0") < length;
}

static void test_a_connection_is_a_span(void **state)
{
    static const char path[] = "resourceSpans/0/scopeSpans/0/spans/0";
    struct connection_log log;
    struct otlp_batch batch;
    const cJSON *span, *resource;
    cJSON *json;

    (void)state;
    assert_int_equal(connection_log_init(&log), 0);
    add(&log, CLOSED, &names, "curl");
    json = spans_after(&log, 0, 10, &batch);
    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.last, 1);
    resource = find(json, "resourceSpans/0/resource");
    assert_string_equal(attribute(resource, "service.name"), "web");
    assert_string_equal(attribute(resource, "service.namespace"), "shop");
    assert_string_equal(attribute(resource, "host.name"), "h1");
    assert_string_equal(text_at(json, "resourceSpans/0/scopeSpans/0/scope/name"), "svcconnect");
    span = find(json, path);
    assert_true(is_id(text_at(span, "traceId"), 32));
    assert_true(is_id(text_at(span, "spanId"), 16));
    assert_string_equal(text_at(span, "name"), "connect backend");
    assert_int_equal(number_at(span, "kind"), 3);
    assert_string_equal(text_at(span, "startTimeUnixNano"), "1700000000998500000");
    assert_string_equal(text_at(span, "endTimeUnixNano"), "1700000001000000000");
    assert_string_equal(attribute(span, "server.address"), "backend");
    assert_string_equal(attribute(span, "server.port"), "80");
    assert_string_equal(attribute(span, "network.peer.address"), "10.0.0.5");
    assert_string_equal(attribute(span, "network.peer.port"), "8080");
    assert_string_equal(attribute(span, "peer.service"), "v1");
    assert_string_equal(attribute(span, "svcconnect.instance"), "a");
    assert_string_equal(attribute(span, "svcconnect.bytes_sent"), "1234567890123456789");
    assert_string_equal(attribute(span, "process.pid"), "42");
    assert_string_equal(attribute(span, "error.type"), "(none)");
    assert_null(find(span, "status/code"));
    cJSON_Delete(json);
    connection_log_done(&log);
}

static void test_a_failed_one_is_an_error(void **state)
{
    struct connection_log log;
    struct otlp_batch batch;
    const cJSON *span;
    cJSON *json;

    (void)state;
    assert_int_equal(connection_log_init(&log), 0);
    add(&log, REFUSED, &names, "curl");
    json = spans_after(&log, 0, 10, &batch);
    span = find(json, "resourceSpans/0/scopeSpans/0/spans/0");
    assert_int_equal(number_at(span, "status/code"), 2);
    assert_string_equal(text_at(span, "status/message"), "refused");
    assert_string_equal(attribute(span, "error.type"), "refused");
    cJSON_Delete(json);
    connection_log_done(&log);
}

/* Neighbours of one client share a resource; a batch goes on where the last one ended, with the same ids if it is made again. */
static void test_batches_and_resources(void **state)
{
    struct connection_names other = names;
    struct connection_log log;
    struct otlp_batch batch;
    cJSON *json, *again;

    (void)state;
    assert_int_equal(connection_log_init(&log), 0);
    assert_int_equal(otlp_spans(&source, &log, 0, 10, &batch), 0);
    assert_null(batch.body);
    assert_int_equal(batch.n, 0);
    other.client = "";
    other.cgroup = "/task";
    add(&log, CLOSED, &names, "a");
    add(&log, CLOSED, &names, "b");
    add(&log, CLOSED, &other, "c");
    add(&log, CLOSED, &names, "d");
    json = spans_after(&log, 0, 3, &batch);
    assert_int_equal(batch.n, 3);
    assert_int_equal(batch.last, 3);
    assert_int_equal(cJSON_GetArraySize(find(json, "resourceSpans")), 2);
    assert_int_equal(cJSON_GetArraySize(find(json, "resourceSpans/0/scopeSpans/0/spans")), 2);
    assert_string_equal(attribute(find(json, "resourceSpans/1/resource"), "service.name"), "/task");
    assert_string_not_equal(text_at(json, "resourceSpans/0/scopeSpans/0/spans/0/traceId"),
                            text_at(json, "resourceSpans/0/scopeSpans/0/spans/1/traceId"));
    again = spans_after(&log, 0, 3, &batch);
    assert_true(cJSON_Compare(json, again, true));
    cJSON_Delete(again);
    cJSON_Delete(json);
    json = spans_after(&log, 3, 3, &batch);
    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.last, 4);
    cJSON_Delete(json);
    connection_log_done(&log);
}

static void test_texts_stay_texts(void **state)
{
    static const struct {
        const char *cgroup, *text;
    } cases[] = {
        {"a\"b\\c\n", "a\"b\\c\n"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"cut\xc3", "cut?"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},           /* overlong */
        {"\xed\xa0\x80", "???"},      /* half of a pair */
        {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct connection_names of = {.namespace_name = "shop",
                                            .client = "",
                                            .cgroup = cases[i].cgroup,
                                            .alias = "",
                                            .service = "",
                                            .instance = ""};
        struct connection_log log;
        struct otlp_batch batch;
        cJSON *json;

        assert_int_equal(connection_log_init(&log), 0);
        add(&log, CLOSED, &of, "curl");
        json = spans_after(&log, 0, 1, &batch);
        assert_string_equal(attribute(find(json, "resourceSpans/0/resource"), "service.name"), cases[i].text);
        cJSON_Delete(json);
        connection_log_done(&log);
    }
}

static const cJSON *metric(const cJSON *json, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, find(json, "resourceMetrics/0/scopeMetrics/0/metrics"))
        if (strcmp(text_at(item, "name"), name) == 0)
            return item;
    fail_msg("no metric %s", name);
    return NULL;
}

static void test_services_are_metrics(void **state)
{
    const struct metrics_service services[] = {
        {.namespace_name = "shop", .service = "v1", .stats = {.connections = 10, .refused = 3}, .open = 4},
        {.namespace_name = "shop",
         .service = "v2",
         .endpoints = {[METRICS_EJECTED] = 2},
         .first_byte = {.buckets = {[9] = 2, [19] = 1}, .sum_us = 30040000}},
    };
    char *body = otlp_metrics(&source, services, ARRAY_SIZE(services), 1700000005000);
    struct error error = {0};
    const cJSON *one, *point;
    cJSON *json = NULL;

    (void)state;
    assert_non_null(body);
    if (json_parse("body", body, strlen(body), &json, &error) < 0)
        fail_msg("%s: %s", error.message, body);
    free(body);
    assert_string_equal(attribute(find(json, "resourceMetrics/0/resource"), "service.name"), "svcconnect");
    one = metric(json, "svcconnect.service.connections");
    assert_int_equal(number_at(one, "sum/aggregationTemporality"), 2);
    assert_true(cJSON_IsTrue(find(one, "sum/isMonotonic")));
    assert_int_equal(cJSON_GetArraySize(find(one, "sum/dataPoints")), 2);
    point = find(one, "sum/dataPoints/0");
    assert_string_equal(text_at(point, "asInt"), "10");
    assert_string_equal(text_at(point, "startTimeUnixNano"), "1700000000000000000");
    assert_string_equal(text_at(point, "timeUnixNano"), "1700000005000000000");
    assert_string_equal(attribute(point, "svcconnect.service"), "v1");
    point = find(metric(json, "svcconnect.service.outcomes"), "sum/dataPoints/1");
    assert_string_equal(attribute(point, "svcconnect.outcome"), "refused");
    assert_string_equal(text_at(point, "asInt"), "3");
    one = metric(json, "svcconnect.service.open");
    assert_string_equal(text_at(one, "gauge/dataPoints/0/asInt"), "4");
    assert_null(find(one, "gauge/aggregationTemporality"));
    assert_null(find(one, "gauge/dataPoints/0/startTimeUnixNano"));
    one = metric(json, "svcconnect.service.first_byte");
    assert_int_equal(number_at(one, "histogram/aggregationTemporality"), 2);
    assert_int_equal(cJSON_GetArraySize(find(one, "histogram/dataPoints")), 1);
    point = find(one, "histogram/dataPoints/0");
    assert_string_equal(attribute(point, "svcconnect.service"), "v2");
    assert_string_equal(text_at(point, "count"), "3");
    assert_float_equal(number_at(point, "sum"), 30.04, 0.0001);
    assert_string_equal(text_at(point, "bucketCounts/9"), "2");
    assert_int_equal(cJSON_GetArraySize(find(point, "bucketCounts")),
                     cJSON_GetArraySize(find(point, "explicitBounds")) + 1);
    assert_float_equal(number_at(point, "explicitBounds/9"), 0.032768, 1e-9);
    point = find(metric(json, "svcconnect.service.endpoints"), "gauge/dataPoints/7");
    assert_string_equal(attribute(point, "svcconnect.service"), "v2");
    assert_string_equal(attribute(point, "svcconnect.state"), "ejected");
    assert_string_equal(text_at(point, "asInt"), "2");
    cJSON_Delete(json);
}

static void test_when_it_is_amiss(void **state)
{
    struct otlp otlp = {.settings = {.endpoint = "http://127.0.0.1:1"}, .counts = {.dropped = 12}};
    char text[512] = "";

    (void)state;
    assert_false(otlp_trouble(&otlp, text, sizeof(text)));
    otlp.sender.failures = 2; /* it may just be starting anew */
    (void)snprintf(otlp.sender.reason, sizeof(otlp.sender.reason), "it answers 503");
    assert_false(otlp_trouble(&otlp, text, sizeof(text)));
    otlp.sender.failures = 3;
    assert_true(otlp_trouble(&otlp, text, sizeof(text)));
    assert_non_null(
        strstr(text, "the last 3 requests to http://127.0.0.1:1 were not taken (it answers 503)"));
    assert_non_null(strstr(text, "12 connections"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_is_a_span), cmocka_unit_test(test_a_failed_one_is_an_error),
        cmocka_unit_test(test_batches_and_resources),  cmocka_unit_test(test_texts_stay_texts),
        cmocka_unit_test(test_services_are_metrics),   cmocka_unit_test(test_when_it_is_amiss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
