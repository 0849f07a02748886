/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* DiscoverInstances: what is found, in which order, and what the filters take. One operation, so one file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "aws/cloud_map_discover.h"
#include "json_text.h"
#include "model/catalog_aws.h"

/* ---- reading a request ---- */

static void test_defaults(void **state)
{
    _cleanup_json_ cJSON *body = json_from("{'MaxResults':null,'QueryParameters':null}");
    struct discover_query query = {0};
    struct aws_error error = {0};

    (void)state;
    assert_int_equal(discover_read(body, &query, &error), 0);
    assert_int_equal(query.maximum, 100);
    assert_int_equal(query.health, DISCOVER_HEALTHY);
    assert_null(query.parameters);
    assert_null(query.optional);
}

static void test_members(void **state)
{
    static const struct {
        const char *name;
        enum discover_health health;
    } cases[] = {
        {"HEALTHY", DISCOVER_HEALTHY},
        {"UNHEALTHY", DISCOVER_UNHEALTHY},
        {"ALL", DISCOVER_ALL},
        {"HEALTHY_OR_ELSE_ALL", DISCOVER_HEALTHY_OR_ELSE_ALL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[256];
        _cleanup_json_ cJSON *body = NULL;
        struct discover_query query = {0};
        struct aws_error error = {0};

        (void)snprintf(text, sizeof(text),
                       "{'MaxResults':%d,'HealthStatus':'%s','QueryParameters':{'a':'1'},"
                       "'OptionalParameters':{'b':'2'}}",
                       i % 2 ? 1 : 1000, cases[i].name);
        body = json_from(text);
        assert_int_equal(discover_read(body, &query, &error), 0);
        assert_int_equal(query.maximum, i % 2 ? 1 : 1000);
        assert_int_equal(query.health, cases[i].health);
        assert_string_equal(query.parameters->child->string, "a");
        assert_string_equal(query.optional->child->string, "b");
    }
}

static void test_bad_members(void **state)
{
    static const struct {
        const char *text;
        const char *type;
        const char *word;
    } cases[] = {
        {"{'MaxResults':0}", AWS_INVALID_INPUT, "MaxResults"},
        {"{'MaxResults':1001}", AWS_INVALID_INPUT, "MaxResults"},
        {"{'MaxResults':-1}", AWS_INVALID_INPUT, "MaxResults"},
        {"{'MaxResults':1.5}", "SerializationException", "MaxResults"},
        {"{'MaxResults':'5'}", "SerializationException", "MaxResults"},
        {"{'HealthStatus':'healthy'}", AWS_INVALID_INPUT, "HealthStatus"},
        {"{'HealthStatus':''}", AWS_INVALID_INPUT, "HealthStatus"},
        {"{'HealthStatus':1}", "SerializationException", "HealthStatus"},
        {"{'QueryParameters':[]}", "SerializationException", "QueryParameters"},
        {"{'QueryParameters':{'a':1}}", "SerializationException", "QueryParameters"},
        {"{'QueryParameters':{'a':null}}", "SerializationException", "QueryParameters"},
        {"{'OptionalParameters':'a'}", "SerializationException", "OptionalParameters"},
        {"{'OptionalParameters':{'a':{}}}", "SerializationException", "OptionalParameters"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *body = json_from(cases[i].text);
        struct discover_query query = {0};
        struct aws_error error = {0};
        int r = discover_read(body, &query, &error);

        expect_aws_error(cases[i].text, r, &error, cases[i].type, cases[i].word);
    }
}

static void test_how_many_parameters(void **state)
{
    static const char *const names[] = {"QueryParameters", "OptionalParameters"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_json_ cJSON *body = cJSON_CreateObject();
        cJSON *parameters = cJSON_AddObjectToObject(body, names[i]);
        struct discover_query query = {0};
        struct aws_error error = {0};

        for (unsigned n = 0; n < 64; n++)
            (void)cJSON_AddStringToObject(parameters, "k", "v");
        assert_int_equal(discover_read(body, &query, &error), 0);
        (void)cJSON_AddStringToObject(parameters, "k", "v");
        expect_aws_error(names[i], discover_read(body, &query, &error), &error, AWS_INVALID_INPUT, names[i]);
    }
}

/* ---- answers ---- */

#define WITH_CHECK    "{\"HealthCheckCustomConfig\":{\"FailureThreshold\":1}}"
#define WITHOUT_CHECK "{\"Description\":\"\"}"

struct fixture {
    struct catalog *catalog;
    struct service *service;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->catalog = catalog_new();
    fixture->service = catalog_make_service(fixture->catalog, "prod", "web");
    assert_int_equal(catalog_set_service_aws(fixture->service, WITH_CHECK, NULL), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    catalog_free(&fixture->catalog);
    free(fixture);
    return 0;
}

/* `attributes` with ' for "; NULL: none kept. */
static struct instance *add(struct fixture *fixture, const char *id, enum svc_health health,
                            const char *attributes)
{
    struct instance *instance = catalog_make_instance(fixture->catalog, fixture->service, id);
    _cleanup_json_ cJSON *json = attributes ? json_from(attributes) : NULL;
    _cleanup_free_ char *text = json ? cJSON_PrintUnformatted(json) : NULL;

    instance->address = ip_address_from_v4(0x0a000001);
    instance->port = 80;
    instance->weight = 3;
    instance->health = health;
    instance->observed = HEALTHY;
    assert_int_equal(catalog_set_attributes(instance, text, NULL), 0);
    return instance;
}

static cJSON *answer(const struct fixture *fixture, const char *request, uint64_t random)
{
    _cleanup_json_ cJSON *body = json_from(request);
    struct discover_query query = {.random = random};
    struct aws_error error = {0};
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    cJSON *json;

    assert_int_equal(discover_read(body, &query, &error), 0);
    text = discover_answer(fixture->service, &query, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    json = cJSON_Parse(text);
    if (!json)
        fail_msg("no JSON: %s", text);
    return json;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids in the answer, sorted, with commas between. */
static void expect_ids(const struct fixture *fixture, const char *request, const char *wanted)
{
    _cleanup_json_ cJSON *json = answer(fixture, request, 99);
    const char *ids[16];
    char text[256] = "";
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, cJSON_GetObjectItem(json, "Instances"))
        ids[n++] = cJSON_GetObjectItem(item, "InstanceId")->valuestring;
    qsort(ids, n, sizeof(*ids), compare);
    for (size_t i = 0; i < n; i++) {
        strcat(text, i ? "," : "");
        strcat(text, ids[i]);
    }
    if (strcmp(text, wanted) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", request, text, wanted);
}

static void expect_member(const cJSON *item, const char *name, const char *wanted)
{
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(item, name)->valuestring, wanted);
}

static void test_an_instance(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_json_ cJSON *empty = answer(fixture, "{}", 0);
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *item;

    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(empty, "Instances")), 0);
    (void)add(fixture, "i-1", HEALTHY, NULL);
    fixture->service->instances_revision = 1234567890123;
    json = answer(fixture, "{}", 0);
    assert_true(cJSON_GetObjectItem(json, "InstancesRevision")->valuedouble == 1234567890123.0);
    item = cJSON_GetObjectItem(json, "Instances")->child;
    expect_member(item, "InstanceId", "i-1");
    expect_member(item, "NamespaceName", "prod");
    expect_member(item, "ServiceName", "web");
    expect_member(item, "HealthStatus", "HEALTHY");
    item = cJSON_GetObjectItem(item, "Attributes");
    assert_int_equal(cJSON_GetArraySize(item), 3);
    expect_member(item, "AWS_INSTANCE_IPV4", "10.0.0.1");
    expect_member(item, "AWS_INSTANCE_PORT", "80");
    expect_member(item, "SVCCONNECT_WEIGHT", "3");
}

static void test_health_filter(void **state)
{
    struct fixture *fixture = *state;
    struct instance *well = add(fixture, "well", HEALTHY, NULL);

    (void)add(fixture, "ill", UNHEALTHY, NULL);
    add(fixture, "gone", HEALTHY, NULL)->drain_until = 1;
    expect_ids(fixture, "{}", "well");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY'}", "well");
    expect_ids(fixture, "{'HealthStatus':'UNHEALTHY'}", "ill");
    expect_ids(fixture, "{'HealthStatus':'ALL'}", "ill,well");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY_OR_ELSE_ALL'}", "well");
    /* What checks have found counts too. */
    well->observed = UNHEALTHY;
    expect_ids(fixture, "{'HealthStatus':'HEALTHY'}", "");
    expect_ids(fixture, "{'HealthStatus':'UNHEALTHY'}", "ill,well");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY_OR_ELSE_ALL'}", "ill,well");
}

/* "Or else all" is about those that match, not about the service. */
static void test_or_else_all_of_those_that_match(void **state)
{
    struct fixture *fixture = *state;

    (void)add(fixture, "blue", HEALTHY, "{'stage':'blue'}");
    (void)add(fixture, "green", UNHEALTHY, "{'stage':'green'}");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY_OR_ELSE_ALL','QueryParameters':{'stage':'green'}}",
               "green");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY','QueryParameters':{'stage':'green'}}", "");
}

static void test_without_a_check(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_json_ cJSON *json = NULL;

    assert_int_equal(catalog_set_service_aws(fixture->service, WITHOUT_CHECK, NULL), 0);
    (void)add(fixture, "a", HEALTHY, NULL);
    expect_ids(fixture, "{'HealthStatus':'UNHEALTHY'}", "a");
    expect_ids(fixture, "{'HealthStatus':'HEALTHY'}", "a");
    json = answer(fixture, "{}", 0);
    expect_member(cJSON_GetObjectItem(json, "Instances")->child, "HealthStatus", "UNKNOWN");
}

static void test_query_parameters(void **state)
{
    struct fixture *fixture = *state;

    (void)add(fixture, "a", HEALTHY, "{'stage':'blue','zone':'1'}");
    (void)add(fixture, "b", HEALTHY, "{'zone':'1','stage':'green'}");
    (void)add(fixture, "c", HEALTHY, "{'zone':'12'}");
    (void)add(fixture, "d", HEALTHY, NULL);
    expect_ids(fixture, "{'QueryParameters':{}}", "a,b,c,d");
    expect_ids(fixture, "{'QueryParameters':{'zone':'1'}}", "a,b");
    expect_ids(fixture, "{'QueryParameters':{'stage':'blue','zone':'1'}}", "a");
    expect_ids(fixture, "{'QueryParameters':{'stage':'blue','zone':'12'}}", "");
    expect_ids(fixture, "{'QueryParameters':{'Zone':'1'}}", "");
    expect_ids(fixture, "{'QueryParameters':{'one':'1'}}", "");
    expect_ids(fixture, "{'QueryParameters':{'zone':''}}", "");
    expect_ids(fixture, "{'QueryParameters':{'AWS_INSTANCE_PORT':'80'}}", "d");
}

/* Values that look like the syntax around them are values. */
static void test_matching_is_exact(void **state)
{
    struct fixture *fixture = *state;

    (void)add(fixture, "quote", HEALTHY, "{'a':'x\\',\\'b\\':\\'y'}");
    (void)add(fixture, "back", HEALTHY, "{'a':'\\\\','c':'y'}");
    (void)add(fixture, "inner", HEALTHY, "{'a':'x\\'y','d':'z'}");
    (void)add(fixture, "brace", HEALTHY, "{'{':'},{','c':'}'}");
    expect_ids(fixture, "{'QueryParameters':{'b':'y'}}", "");
    expect_ids(fixture, "{'QueryParameters':{'c':'y'}}", "back");
    expect_ids(fixture, "{'QueryParameters':{'a':'\\\\'}}", "back");
    expect_ids(fixture, "{'QueryParameters':{'d':'z'}}", "inner");
    expect_ids(fixture, "{'QueryParameters':{'{':'},{'}}", "brace");
}

/* A text that ends with a comma has a quote after that which begins no key. */
static void test_closing_quotes_begin_no_key(void **state)
{
    struct fixture *fixture = *state;

    (void)add(fixture, "value", HEALTHY, "{'a':'x,',':':',c'}");
    (void)add(fixture, "key", HEALTHY, "{'k,':':',',x':'y'}");
    expect_ids(fixture, "{'QueryParameters':{',':':'}}", "");
    expect_ids(fixture, "{'QueryParameters':{':':','}}", "");
    expect_ids(fixture, "{'QueryParameters':{':':',c'}}", "value");
    expect_ids(fixture, "{'QueryParameters':{',x':'y'}}", "key");
}

static void test_optional_parameters(void **state)
{
    struct fixture *fixture = *state;

    (void)add(fixture, "a", HEALTHY, "{'stage':'blue','zone':'1'}");
    (void)add(fixture, "b", HEALTHY, "{'stage':'blue','zone':'2'}");
    (void)add(fixture, "c", UNHEALTHY, "{'stage':'blue','zone':'3'}");
    expect_ids(fixture, "{'OptionalParameters':{'zone':'2'}}", "b");
    expect_ids(fixture, "{'OptionalParameters':{'zone':'9'}}", "a,b");
    expect_ids(fixture, "{'OptionalParameters':{}}", "a,b");
    expect_ids(fixture, "{'OptionalParameters':{'stage':'blue','zone':'1'}}", "a");
    expect_ids(fixture, "{'QueryParameters':{'zone':'1'},'OptionalParameters':{'zone':'2'}}", "a");
    /* They choose among the healthy ones. */
    expect_ids(fixture, "{'OptionalParameters':{'zone':'3'}}", "a,b");
}

static void test_instances_without_an_address(void **state)
{
    struct fixture *fixture = *state;
    struct instance *record = catalog_make_record(fixture->service, "arn");

    record->health = HEALTHY;
    record->observed = HEALTHY;
    assert_int_equal(catalog_set_attributes(record, "{\"arn\":\"x\"}", NULL), 0);
    (void)add(fixture, "a", HEALTHY, NULL);
    expect_ids(fixture, "{}", "a,arn");
    expect_ids(fixture, "{'QueryParameters':{'arn':'x'}}", "arn");
}

/* So many, all different, each of them now and then. */
static void test_maximum(void **state)
{
    struct fixture *fixture = *state;
    unsigned seen[8] = {0};

    for (char id[] = "0"; *id < '8'; ++*id)
        (void)add(fixture, id, HEALTHY, NULL);
    expect_ids(fixture, "{'MaxResults':8}", "0,1,2,3,4,5,6,7");
    expect_ids(fixture, "{'MaxResults':1000}", "0,1,2,3,4,5,6,7");
    for (uint64_t random = 1; random <= 400; random++) {
        _cleanup_json_ cJSON *json = answer(fixture, "{'MaxResults':3}", random * 0x9e3779b97f4a7c15u);
        const cJSON *list = cJSON_GetObjectItem(json, "Instances");
        unsigned bits = 0;
        const cJSON *item;

        assert_int_equal(cJSON_GetArraySize(list), 3);
        cJSON_ArrayForEach (item, list) {
            unsigned id = (unsigned)(cJSON_GetObjectItem(item, "InstanceId")->valuestring[0] - '0');

            assert_false(bits & 1u << id);
            bits |= 1u << id;
            seen[id]++;
        }
    }
    /* 150 each would be even. */
    for (unsigned i = 0; i < 8; i++)
        assert_in_range(seen[i], 100, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_how_many_parameters),
        cmocka_unit_test_setup_teardown(test_an_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_health_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_or_else_all_of_those_that_match, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_query_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_matching_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closing_quotes_begin_no_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_optional_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_without_an_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maximum, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
