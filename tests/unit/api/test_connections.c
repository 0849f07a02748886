/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/connections: what the programs logged, by the names of now, in pieces; which are asked for, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "events/connection_log.h"
#include "observe/connections.h"
#include "unit/api/api_lab.h"

static struct connection_log kept;
static struct connections fetched;

/* As the daemon does. */
static void begin_log(struct lab *lab)
{
    assert_int_equal(task_callers_adopt(&lab->tasks.callers, lab->house.datapath), 0);
    lab->api.connections = &kept;
    lab->api.settings.connection_log = "all";
    assert_int_equal(connections_begin(&fetched, lab->house.base, &lab->api, lab->house.datapath, &kept), 0);
}

static void end_log(struct lab *lab)
{
    lab->api.connections = NULL;
    connections_done(&fetched);
}

/* As a program would log one of `web` to 10.0.0.1:80. */
static void log_one(struct lab *lab, uint32_t outcome, uint64_t lasted_ms)
{
    const struct service *service = catalog_service(engine_catalog(lab->house.engine), "default", "backend");
    struct svc_connection what = {
        .ended = clock_monotonic_ns(),
        .caller = task_callers_number(&lab->tasks.callers, "default", "web", ""),
        .endpoint = service ? catalog_instance(service, "a")->endpoint : 0,
        .port_be = htons(80),
        .outcome = outcome,
        .address = {[10] = 0xff, 0xff, 10, 0, 0, 1},
        .bytes_sent = 5,
        .bytes_received = 6,
        .rtt_us = 40,
        .first_byte_us = outcome == CLOSED ? 2000 : 0,
        .pid = 77,
        .process = "curl",
    };

    what.begun = what.ended - lasted_ms * 1000000;
    assert_int_equal(memory_datapath_log(lab->house.datapath, &what), 0);
    assert_int_equal(connections_fetch(&fetched), 1);
}

static void test_nothing_is_logged(void **state)
{
    _cleanup_json_ cJSON *answer = NULL;
    struct lab *lab = *state;

    lab->api.settings.connection_log = "off";
    answer = lab_get(lab, "GET /v1/connections", "", 200);
    json_expect(answer, "connections", "[]");
    json_expect(answer, "next", "0");
    json_expect(answer, "isWhole", "true");
    json_expect(answer, "log", "'off'");
}

/* What programs have measured of an endpoint; nothing is said of one that none has been. */
static void test_what_its_endpoint_tells(void **state)
{
    const struct svc_first_byte counted = {.sum_us = 4 * 21200, .buckets = {[9] = 4}};
    _cleanup_json_ cJSON *before = NULL, *answer = NULL;
    struct lab *lab = *state;
    uint32_t number;

    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'a','address':'10.0.0.1:80'}");
    number = catalog_instance(catalog_service(engine_catalog(lab->house.engine), "default", "backend"), "a")
                 ->endpoint;
    assert_int_equal(memory_datapath_set_first_byte(lab->house.datapath, number, &counted), 0);
    before = lab_get(lab, "GET /v1/endpoints", "", 200);
    json_expect(before, "endpoints.0.firstByte", "");
    datapath_outlier(lab->house.datapath, number)->first_byte_us = 20600;
    answer = lab_get(lab, "GET /v1/endpoints", "", 200);
    json_expect(answer, "endpoints.0.firstByte.measured", "4");
    json_expect(answer, "endpoints.0.firstByte.recentMilliseconds", "20.6");
    json_expect(answer, "endpoints.0.firstByte.meanMilliseconds", "21.2");
    json_expect(answer, "endpoints.0.firstByte.p50Milliseconds", "24.576");
}

static void test_what_a_connection_tells(void **state)
{
    _cleanup_json_ cJSON *answer = NULL;
    struct lab *lab = *state;

    begin_log(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'a','address':'10.0.0.1:80'}");
    log_one(lab, CLOSED, 12);
    lab_do(lab, "DELETE /v1/instances", "{'service':'backend','id':'a'}"); /* it has its names still */
    answer = lab_get(lab, "GET /v1/connections", "", 200);
    json_expect(answer, "connections.0.sequence", "1");
    json_expect(answer, "connections.0.client", "'web'");
    json_expect(answer, "connections.0.process", "'curl'");
    json_expect(answer, "connections.0.pid", "77");
    json_expect(answer, "connections.0.aliasPort", "");
    json_expect(answer, "connections.0.service", "'backend'");
    json_expect(answer, "connections.0.instance", "'a'");
    json_expect(answer, "connections.0.address", "'10.0.0.1'");
    json_expect(answer, "connections.0.outcome", "'closed'");
    json_expect(answer, "connections.0.milliseconds", "12");
    json_expect(answer, "connections.0.bytesSent", "5");
    json_expect(answer, "connections.0.bytesReceived", "6");
    json_expect(answer, "connections.0.roundTripMicroseconds", "40");
    json_expect(answer, "connections.0.firstByteMicroseconds", "2000");
    json_expect(answer, "next", "1");
    end_log(lab);
}

static void expect_sequences(struct lab *lab, const char *query, const char *wanted)
{
    char what[128], text[128] = "";
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *item;

    (void)snprintf(what, sizeof(what), "GET /v1/connections%s", query);
    answer = lab_get(lab, what, "", 200);
    cJSON_ArrayForEach (item, json_at(answer, "connections"))
        (void)sprintf(text + strlen(text), "%d ", json_at(item, "sequence")->valueint);
    assert_string_equal(text, wanted);
}

static void test_which_are_asked_for(void **state)
{
    struct lab *lab = *state;

    begin_log(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'a','address':'10.0.0.1:80'}");
    log_one(lab, CLOSED, 1);
    log_one(lab, REFUSED, 2);
    log_one(lab, CLOSED, 300);
    expect_sequences(lab, "", "1 2 3 ");
    expect_sequences(lab, "?after=1", "2 3 ");
    expect_sequences(lab, "?after=4711", "");
    expect_sequences(lab, "?failed=true", "2 ");
    expect_sequences(lab, "?slow=300", "3 ");
    expect_sequences(lab, "?client=web&service=backend", "1 2 3 ");
    expect_sequences(lab, "?client=other", "");
    expect_sequences(lab, "?namespace=other", "");
    cJSON_Delete(lab_get(lab, "GET /v1/connections?after=x", "", 400));
    cJSON_Delete(lab_get(lab, "GET /v1/connections?failed=yes", "", 400));
    cJSON_Delete(lab_get(lab, "GET /v1/connections?slow=-1", "", 400));
    end_log(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_nothing_is_logged),
        LAB_TEST(test_what_its_endpoint_tells),
        LAB_TEST(test_what_a_connection_tells),
        LAB_TEST(test_which_are_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
