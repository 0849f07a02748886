/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/callers: what a row tells, in which order, which are asked for, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "unit/api/api_lab.h"

/* As a program would have it: a client's connections to an endpoint at 10.0.0.LAST:80. */
static struct svc_caller *make_row(struct lab *lab, uint32_t number, const char *client, uint32_t endpoint,
                                   uint8_t last, uint64_t connections)
{
    struct svc_caller *row = (struct svc_caller *)(uintptr_t)datapath_caller(lab->house.datapath, number);
    const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 0, 0, last};

    assert_int_equal(
        lab->tasks.callers.datapath ? 0 : task_callers_adopt(&lab->tasks.callers, lab->house.datapath), 0);
    *row = (struct svc_caller){.caller = task_callers_number(&lab->tasks.callers, "default", client, "/task"),
                               .endpoint = endpoint,
                               .port_be = htons(80),
                               .connections = connections};
    memcpy(row->address, address, sizeof(address));
    return row;
}

static uint32_t endpoint_of(struct lab *lab, const char *service, const char *id)
{
    const struct service *found = catalog_service(engine_catalog(lab->house.engine), "default", service);

    return catalog_instance(found, id)->endpoint;
}

static void add_backend(struct lab *lab)
{
    lab_do(lab, "POST /v1/instances", "{'service':'backend','id':'a','address':'10.0.0.1:80'}");
}

static void test_nothing_yet(void **state)
{
    _cleanup_json_ cJSON *answer = lab_get(*state, "GET /v1/callers", "", 200);

    json_expect(answer, "callers", "[]");
    json_expect(answer, "others.connections", "0");
    json_expect(answer, "isWhole", "true");
}

static void test_what_a_row_tells(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    struct svc_caller *row;

    add_backend(lab);
    row = make_row(lab, 9, "web", endpoint_of(lab, "backend", "a"), 1, 12);
    row->failed[RESET_EARLY] = 1;
    row->failed[REFUSED] = 2;
    row->failed[RETRANSMITTED] = 7;
    row->failed[TIMED_OUT] = row->failed[GAVE_UP] = 1;
    row->bytes_sent = 100;
    row->bytes_received = 200;
    row->closed = 5;
    row->rtt[0] = 3;
    row->rtt[4] = 1;
    row->rtt[SVC_RTT_BUCKETS - 1] = 1;
    *(struct svc_first_byte *)(uintptr_t)datapath_caller_first_byte(lab->house.datapath, 9) =
        (struct svc_first_byte){.sum_us = 4 * 21200, .buckets = {[9] = 4}};
    answer = lab_get(lab, "GET /v1/callers", "", 200);
    json_expect(answer, "callers.0.namespace", "'default'");
    json_expect(answer, "callers.0.client", "'web'");
    json_expect(answer, "callers.0.cgroup", "");
    json_expect(answer, "callers.0.aliasPort", "");
    json_expect(answer, "callers.0.service", "'backend'");
    json_expect(answer, "callers.0.instance", "'a'");
    json_expect(answer, "callers.0.address", "'10.0.0.1'");
    json_expect(answer, "callers.0.port", "80");
    json_expect(answer, "callers.0.connections", "12");
    json_expect(answer, "callers.0.open", "2");
    json_expect(answer, "callers.0.outcomes.closed", "5");
    json_expect(answer, "callers.0.outcomes.refused", "2");
    json_expect(answer, "callers.0.outcomes.retransmitted", "7");
    json_expect(answer, "callers.0.bytesSent", "100");
    json_expect(answer, "callers.0.bytesReceived", "200");
    json_expect(answer, "callers.0.roundTripMicroseconds50", "64");
    json_expect(answer, "callers.0.roundTripMicroseconds99", "0"); /* beyond the last bucket's beginning */
    json_expect(answer, "callers.0.firstByte.measured", "4");
    json_expect(answer, "callers.0.firstByte.meanMilliseconds", "21.2");
    json_expect(answer, "callers.0.firstByte.p50Milliseconds", "24.576");
    json_expect(answer, "callers.0.firstByte.buckets.9", "4");
    json_expect(answer, "others.firstByte", ""); /* none was measured */
}

/* The number of an endpoint is another's by now: the row says where its own was. */
static void test_an_endpoint_that_has_gone(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    struct svc_caller *row;

    add_backend(lab);
    row = make_row(lab, 9, "", endpoint_of(lab, "backend", "a"), 2, 1);
    row->closed = 3; /* begun before anybody counted */
    answer = lab_get(lab, "GET /v1/callers", "", 200);
    json_expect(answer, "callers.0.service", "''");
    json_expect(answer, "callers.0.instance", "''");
    json_expect(answer, "callers.0.address", "'10.0.0.2'");
    json_expect(answer, "callers.0.client", "''");
    json_expect(answer, "callers.0.cgroup", "'/task'");
    json_expect(answer, "callers.0.open", "0");
}

static void expect_clients(struct lab *lab, const char *query, const char *wanted)
{
    char what[128], text[128] = "";
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *item;

    (void)snprintf(what, sizeof(what), "GET /v1/callers%s", query);
    answer = lab_get(lab, what, "", 200);
    cJSON_ArrayForEach (item, json_at(answer, "callers"))
        (void)sprintf(text + strlen(text), "%s ", json_at(item, "client")->valuestring);
    assert_string_equal(text, wanted);
}

static void test_which_and_in_which_order(void **state)
{
    struct lab *lab = *state;
    uint32_t endpoint;
    _cleanup_json_ cJSON *few = NULL;

    add_backend(lab);
    endpoint = endpoint_of(lab, "backend", "a");
    (void)make_row(lab, 1, "small", endpoint, 1, 1);
    (void)make_row(lab, 2, "large", endpoint, 1, 100);
    (void)make_row(lab, 3, "middle", 0, 7, 10);
    expect_clients(lab, "", "large middle small ");
    expect_clients(lab, "?client=middle", "middle ");
    expect_clients(lab, "?service=backend", "large small ");
    expect_clients(lab, "?service=backend&client=middle", "");
    expect_clients(lab, "?namespace=other", "");
    expect_clients(lab, "?limit=2", "large middle ");
    few = lab_get(lab, "GET /v1/callers?limit=2", "", 200);
    json_expect(few, "isWhole", "false");
    cJSON_Delete(lab_get(lab, "GET /v1/callers?limit=0", "", 400));
    cJSON_Delete(lab_get(lab, "GET /v1/callers?limit=all", "", 400));
}

/* ---- the list of tests ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_nothing_yet),
        LAB_TEST(test_what_a_row_tells),
        LAB_TEST(test_an_endpoint_that_has_gone),
        LAB_TEST(test_which_and_in_which_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
