/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every field of Cloud Map's requests against its documented limits: one table of cases after the other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "aws/cloud_map_fields.h"
#include "json_text.h"

/* ---- ids and names ---- */

static void test_ids(void **state)
{
    static const struct {
        const char *text;
        const char *id; /* NULL: refused */
    } cases[] = {
        {"srv-abc", "srv-abc"},
        {"x", "x"},
        {"arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-abc", "srv-abc"},
        {"arn:aws-cn:servicediscovery:cn-north-1:1:service/s", "s"},
        {"", NULL},
        {"arn:", NULL},
        {"arn:aws:servicediscovery:eu-west-1:123456789012:service/", NULL},
        {"arn:aws:servicediscovery:eu-west-1:123456789012:service", NULL},
        {"arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-abc", NULL},
        {"arn:aws:servicediscovery:eu-west-1:123456789012:myservice/srv-abc", NULL},
        {"arn:aws:ecs:eu-west-1:123456789012:service/srv-abc", NULL},
        {"arn:/x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *body = cJSON_CreateObject();
        struct aws_error error = {0};
        const char *id = "untouched";
        int r;

        (void)cJSON_AddStringToObject(body, "ServiceId", cases[i].text);
        r = cloud_map_get_id(body, "ServiceId", "service", &id, &error);
        if (cases[i].id)
            assert_int_equal(r, 0);
        else
            expect_aws_error(cases[i].text, r, &error, AWS_INVALID_INPUT, "ServiceId");
        assert_string_equal(id, cases[i].id ? cases[i].id : "untouched");
    }
}

static int id_of(const char *text, struct aws_error *error)
{
    _cleanup_json_ cJSON *body = json_from(text);
    const char *id = NULL;

    return cloud_map_get_id(body, "Id", "namespace", &id, error);
}

static void test_bad_ids(void **state)
{
    struct aws_error error = {0};
    char text[100] = "";

    (void)state;
    expect_aws_error("missing", id_of("{}", &error), &error, AWS_INVALID_INPUT, "Id: required");
    expect_aws_error("null", id_of("{'Id':null}", &error), &error, AWS_INVALID_INPUT, "Id: required");
    expect_aws_error("number", id_of("{'Id':1}", &error), &error, "SerializationException", "Id");
    (void)snprintf(text, sizeof(text), "{'Id':'%064d'}", 0);
    assert_int_equal(id_of(text, &error), 0);
    (void)snprintf(text, sizeof(text), "{'Id':'%065d'}", 0);
    expect_aws_error("long", id_of(text, &error), &error, AWS_INVALID_INPUT, "64");
}

static void test_namespace_names(void **state)
{
    static const struct {
        const char *name;
        bool http, is_private, is_public;
    } cases[] = {
        {"prod", true, true, false},           {"prod.example", true, true, true},
        {"a-b.example.com", true, true, true}, {"-a.example", true, true, false},
        {"a-.example", true, true, false},     {"a..example", true, true, false},
        {".example", true, true, false},       {"a.example.", true, true, false},
        {"a_b.example", true, true, false},    {"", false, false, false},
        {"a b", false, false, false},          {"a/b", true, true, false},
        {"a\"b", true, true, false},           {"a<b", true, true, false},
        {"\303\244.b", false, false, false},   {"a\tb", false, false, false},
        {"arn:x", false, false, false},        {"arn.x", true, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const bool good[] = {cases[i].http, cases[i].is_private, cases[i].is_public};

        for (unsigned type = CLOUD_MAP_HTTP; type <= CLOUD_MAP_DNS_PUBLIC; type++) {
            struct aws_error error = {0};
            int r = cloud_map_check_namespace(cases[i].name, type, &error);

            if (!good[type])
                expect_aws_error(cases[i].name, r, &error, AWS_INVALID_INPUT, "Name");
            else if (r != 0)
                fail_msg("%s as %s: %s", cases[i].name, cloud_map_type_name(type), error.message);
        }
    }
}

static int namespace_of_length(int length, enum cloud_map_type type)
{
    struct aws_error error = {0};
    char name[2000];

    (void)snprintf(name, sizeof(name), "%0*d", length, 0);
    return cloud_map_check_namespace(name, type, &error);
}

static void test_lengths_of_names(void **state)
{
    struct aws_error error = {0};
    char name[200];

    (void)state;
    assert_int_equal(namespace_of_length(1024, CLOUD_MAP_HTTP), 0);
    assert_int_equal(namespace_of_length(1025, CLOUD_MAP_HTTP), -EINVAL);
    assert_int_equal(namespace_of_length(253, CLOUD_MAP_DNS_PRIVATE), 0);
    assert_int_equal(namespace_of_length(254, CLOUD_MAP_DNS_PRIVATE), -EINVAL);
    (void)snprintf(name, sizeof(name), "%063d.a", 0);
    assert_int_equal(cloud_map_check_namespace(name, CLOUD_MAP_DNS_PUBLIC, &error), 0);
    (void)snprintf(name, sizeof(name), "%064d.a", 0);
    expect_aws_error(name, cloud_map_check_namespace(name, CLOUD_MAP_DNS_PUBLIC, &error), &error,
                     AWS_INVALID_INPUT, "DNS_PUBLIC");
    (void)snprintf(name, sizeof(name), "%064d", 0);
    assert_int_equal(cloud_map_check_instance(name, &error), 0);
    (void)snprintf(name, sizeof(name), "%065d", 0);
    expect_aws_error(name, cloud_map_check_instance(name, &error), &error, AWS_INVALID_INPUT, "InstanceId");
    (void)snprintf(name, sizeof(name), "%063d.%063d", 0, 0);
    assert_int_equal(cloud_map_check_service(name, &error), 0);
    (void)snprintf(name, sizeof(name), "%063d.%063d.a", 0, 0);
    expect_aws_error(name, cloud_map_check_service(name, &error), &error, AWS_INVALID_INPUT, "Name");
}

static void test_services_and_instances(void **state)
{
    static const char *const bad_services[] = {"", "a b", "-a", "a-", "a..b", ".a", "a/b", "a:b"};
    static const char *const bad_instances[] = {"", "a b", "a#b", "a\"b", "\303\244"};
    struct aws_error error = {0};

    (void)state;
    assert_int_equal(cloud_map_check_service("_http._tcp", &error), 0);
    assert_int_equal(cloud_map_check_instance("a_/:.@-Z9", &error), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad_services); i++)
        expect_aws_error(bad_services[i], cloud_map_check_service(bad_services[i], &error), &error,
                         AWS_INVALID_INPUT, "Name");
    for (size_t i = 0; i < ARRAY_SIZE(bad_instances); i++)
        expect_aws_error(bad_instances[i], cloud_map_check_instance(bad_instances[i], &error), &error,
                         AWS_INVALID_INPUT, "InstanceId");
}

/* ---- tags ---- */

static void expect_bad_tags(const char *text, const char *type, const char *word)
{
    _cleanup_json_ cJSON *body = json_from(text);
    struct aws_error error = {0};
    const cJSON *tags = NULL;

    expect_aws_error(text, cloud_map_get_tags(body, true, &tags, &error), &error, type, word);
    assert_null(tags);
}

static void test_tags(void **state)
{
    _cleanup_json_ cJSON *body = json_from("{'Tags':[{'Key':'a','Value':''},{'Key':'A','Value':'x'}]}");
    _cleanup_json_ cJSON *without = json_from("{}");
    struct aws_error error = {0};
    const cJSON *tags = NULL;

    (void)state;
    assert_int_equal(cloud_map_get_tags(without, false, &tags, &error), 0);
    assert_null(tags);
    assert_int_equal(cloud_map_get_tags(body, true, &tags, &error), 0);
    assert_int_equal(cJSON_GetArraySize(tags), 2);
    expect_bad_tags("{}", AWS_INVALID_INPUT, "Tags: required");
    expect_bad_tags("{'Tags':{}}", "SerializationException", "Tags");
    expect_bad_tags("{'Tags':['a']}", "SerializationException", "Tags");
    expect_bad_tags("{'Tags':[{'Value':'x'}]}", AWS_INVALID_INPUT, "Key: required");
    expect_bad_tags("{'Tags':[{'Key':'','Value':'x'}]}", AWS_INVALID_INPUT, "Key");
    expect_bad_tags("{'Tags':[{'Key':'a'}]}", AWS_INVALID_INPUT, "Value: required");
    expect_bad_tags("{'Tags':[{'Key':'a','Value':1}]}", "SerializationException", "Value");
    expect_bad_tags("{'Tags':[{'Key':'a','Value':'1'},{'Key':'a','Value':'2'}]}", AWS_INVALID_INPUT, "twice");
}

static void test_merging_tags(void **state)
{
    _cleanup_json_ cJSON *old = json_from("[{'Key':'a','Value':'1'},{'Key':'b','Value':'2'}]");
    _cleanup_json_ cJSON *new = json_from("[{'Key':'a','Value':'3'}]");
    _cleanup_json_ cJSON *merged = NULL;
    _cleanup_json_ cJSON *full = cJSON_CreateArray();
    _cleanup_json_ cJSON *again = NULL;
    struct aws_error error = {0};

    (void)state;
    merged = cloud_map_merge_tags(old, new, "arn", &error);
    assert_int_equal(cJSON_GetArraySize(merged), 2);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(merged, 1), "Value")->valuestring, "3");
    for (unsigned i = 0; i < CLOUD_MAP_MAX_TAGS; i++) {
        cJSON *tag = cJSON_CreateObject();
        char key[8];

        (void)snprintf(key, sizeof(key), "%c%u", i ? 'k' : 'a', i);
        (void)cJSON_AddStringToObject(tag, "Key", i ? key : "a");
        (void)cJSON_AddStringToObject(tag, "Value", "");
        (void)cJSON_AddItemToArray(full, tag);
    }
    again = cloud_map_merge_tags(full, new, "arn", &error);
    assert_int_equal(cJSON_GetArraySize(again), CLOUD_MAP_MAX_TAGS);
    assert_null(cloud_map_merge_tags(full, old, "arn:x", &error));
    assert_string_equal(cJSON_GetObjectItem(error.members, "ResourceName")->valuestring, "arn:x");
    expect_aws_error("51", -EINVAL, &error, "TooManyTagsException", "50");
}

/* ---- DNS ---- */

static void test_dns(void **state)
{
    static const struct {
        const char *dns;
        enum cloud_map_type type;
        unsigned records;
    } cases[] = {
        {"{'DnsRecords':[{'Type':'A','TTL':0}]}", CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_A},
        {"{'DnsRecords':[{'Type':'AAAA','TTL':2147483647}],'RoutingPolicy':'MULTIVALUE'}",
         CLOUD_MAP_DNS_PUBLIC, CLOUD_MAP_AAAA},
        {"{'DnsRecords':[{'Type':'AAAA','TTL':1},{'Type':'A','TTL':1}],'RoutingPolicy':'WEIGHTED'}",
         CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_A | CLOUD_MAP_AAAA | CLOUD_MAP_WEIGHTED},
        {"{'DnsRecords':[{'Type':'SRV','TTL':60}]}", CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_SRV},
        {"{'DnsRecords':[{'Type':'CNAME','TTL':60}],'RoutingPolicy':'WEIGHTED'}", CLOUD_MAP_DNS_PUBLIC,
         CLOUD_MAP_CNAME | CLOUD_MAP_WEIGHTED},
        {"{'DnsRecords':[]}", CLOUD_MAP_HTTP, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *body = cJSON_CreateObject();
        struct aws_error error = {0};
        const cJSON *dns = NULL;
        unsigned records = 99;

        (void)cJSON_AddItemToObject(body, "DnsConfig", json_from(cases[i].dns));
        if (cloud_map_get_dns(body, cases[i].type, &dns, &records, &error) != 0)
            fail_msg("%s: %s", cases[i].dns, error.message);
        assert_non_null(dns);
        assert_int_equal(records, cases[i].records);
        assert_int_equal(cloud_map_dns_records(dns), cases[i].records);
    }
    assert_int_equal(cloud_map_dns_records(NULL), 0);
}

static void test_bad_dns(void **state)
{
    static const struct {
        const char *dns;
        const char *type;
        const char *word;
    } cases[] = {
        {"[]", "SerializationException", "DnsConfig"},
        {"{}", AWS_INVALID_INPUT, "DnsRecords: required"},
        {"{'DnsRecords':{}}", "SerializationException", "DnsRecords"},
        {"{'DnsRecords':['A']}", "SerializationException", "DnsRecords"},
        {"{'DnsRecords':[{'TTL':1}]}", AWS_INVALID_INPUT, "Type: required"},
        {"{'DnsRecords':[{'Type':'MX','TTL':1}]}", AWS_INVALID_INPUT, "A, AAAA, SRV, CNAME"},
        {"{'DnsRecords':[{'Type':'a','TTL':1}]}", AWS_INVALID_INPUT, "Type"},
        {"{'DnsRecords':[{'Type':'A'}]}", AWS_INVALID_INPUT, "TTL: required"},
        {"{'DnsRecords':[{'Type':'A','TTL':-1}]}", AWS_INVALID_INPUT, "TTL"},
        {"{'DnsRecords':[{'Type':'A','TTL':2147483648}]}", AWS_INVALID_INPUT, "TTL"},
        {"{'DnsRecords':[{'Type':'A','TTL':1.5}]}", "SerializationException", "TTL"},
        {"{'DnsRecords':[{'Type':'A','TTL':'1'}]}", "SerializationException", "TTL"},
        {"{'DnsRecords':[{'Type':'A','TTL':1},{'Type':'A','TTL':2}]}", AWS_INVALID_INPUT, "twice"},
        {"{'DnsRecords':[{'Type':'A','TTL':1},{'Type':'SRV','TTL':2}]}", AWS_INVALID_INPUT, "combinations"},
        {"{'DnsRecords':[{'Type':'CNAME','TTL':1},{'Type':'A','TTL':2}],'RoutingPolicy':'WEIGHTED'}",
         AWS_INVALID_INPUT, "combinations"},
        {"{'DnsRecords':[{'Type':'CNAME','TTL':1}]}", AWS_INVALID_INPUT, "WEIGHTED"},
        {"{'DnsRecords':[{'Type':'A','TTL':1}],'RoutingPolicy':'LATENCY'}", AWS_INVALID_INPUT,
         "RoutingPolicy"},
        {"{'DnsRecords':[{'Type':'A','TTL':1}],'RoutingPolicy':1}", "SerializationException",
         "RoutingPolicy"},
    };
    _cleanup_json_ cJSON *http = json_from("{'DnsConfig':{'DnsRecords':[{'Type':'A','TTL':1}]}}");
    struct aws_error error = {0};
    const cJSON *dns = NULL;
    unsigned records;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *body = cJSON_CreateObject();
        int r;

        (void)cJSON_AddItemToObject(body, "DnsConfig", json_from(cases[i].dns));
        r = cloud_map_get_dns(body, CLOUD_MAP_DNS_PUBLIC, &dns, &records, &error);
        expect_aws_error(cases[i].dns, r, &error, cases[i].type, cases[i].word);
        assert_null(dns);
    }
    expect_aws_error("HTTP", cloud_map_get_dns(http, CLOUD_MAP_HTTP, &dns, &records, &error), &error,
                     AWS_INVALID_INPUT, "HTTP namespace");
}

static void test_dns_update(void **state)
{
    _cleanup_json_ cJSON *a = json_from("{'DnsRecords':[{'Type':'A','TTL':5}]}");
    _cleanup_json_ cJSON *long_ttl = json_from("{'DnsRecords':[{'Type':'A','TTL':2147483648}]}");
    struct aws_error error = {0};

    (void)state;
    assert_int_equal(cloud_map_check_dns_update(a, CLOUD_MAP_A, &error), 0);
    assert_int_equal(cloud_map_check_dns_update(a, CLOUD_MAP_A | CLOUD_MAP_WEIGHTED, &error), 0);
    expect_aws_error("SRV", cloud_map_check_dns_update(a, CLOUD_MAP_SRV, &error), &error, AWS_INVALID_INPUT,
                     "cannot be changed");
    expect_aws_error("more", cloud_map_check_dns_update(a, CLOUD_MAP_A | CLOUD_MAP_AAAA, &error), &error,
                     AWS_INVALID_INPUT, "cannot be changed");
    expect_aws_error("TTL", cloud_map_check_dns_update(long_ttl, CLOUD_MAP_A, &error), &error,
                     AWS_INVALID_INPUT, "TTL");
}

/* ---- health checks ---- */

static int get_check(const char *text, enum cloud_map_type type, unsigned records, struct aws_error *error)
{
    _cleanup_json_ cJSON *body = json_from(text);
    const cJSON *check = NULL;
    const cJSON *custom = NULL;
    int r = cloud_map_get_check(body, type, records, &check, &custom, error);

    assert_ptr_equal(check, r < 0 ? NULL : cJSON_GetObjectItem(body, "HealthCheckConfig"));
    assert_ptr_equal(custom, r < 0 ? NULL : cJSON_GetObjectItem(body, "HealthCheckCustomConfig"));
    return r;
}

static void test_checks(void **state)
{
    static const char *const good[] = {
        "{}",
        "{'HealthCheckConfig':{'Type':'TCP'}}",
        "{'HealthCheckConfig':{'Type':'TCP','ResourcePath':'','FailureThreshold':10}}",
        "{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/a?b','FailureThreshold':1}}",
        "{'HealthCheckConfig':{'Type':'HTTPS','ResourcePath':''}}",
        "{'HealthCheckCustomConfig':{}}",
        "{'HealthCheckCustomConfig':{'FailureThreshold':10}}",
    };
    struct aws_error error = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        if (get_check(good[i], CLOUD_MAP_DNS_PUBLIC, CLOUD_MAP_A, &error) != 0)
            fail_msg("%s: %s", good[i], error.message);
    assert_int_equal(get_check("{'HealthCheckCustomConfig':{}}", CLOUD_MAP_DNS_PRIVATE, 0, &error), 0);
    expect_aws_error("private",
                     get_check("{'HealthCheckConfig':{'Type':'TCP'}}", CLOUD_MAP_DNS_PRIVATE, 0, &error),
                     &error, AWS_INVALID_INPUT, "private");
    expect_aws_error("CNAME",
                     get_check("{'HealthCheckConfig':{'Type':'TCP'}}", CLOUD_MAP_DNS_PUBLIC,
                               CLOUD_MAP_CNAME | CLOUD_MAP_WEIGHTED, &error),
                     &error, AWS_INVALID_INPUT, "CNAME");
}

static void test_bad_checks(void **state)
{
    static const struct {
        const char *text;
        const char *type;
        const char *word;
    } cases[] = {
        {"{'HealthCheckConfig':[]}", "SerializationException", "HealthCheckConfig"},
        {"{'HealthCheckConfig':{}}", AWS_INVALID_INPUT, "Type: required"},
        {"{'HealthCheckConfig':{'Type':'UDP'}}", AWS_INVALID_INPUT, "HTTP, HTTPS, TCP"},
        {"{'HealthCheckConfig':{'Type':6}}", "SerializationException", "Type"},
        {"{'HealthCheckConfig':{'Type':'TCP','FailureThreshold':0}}", AWS_INVALID_INPUT, "FailureThreshold"},
        {"{'HealthCheckConfig':{'Type':'TCP','FailureThreshold':11}}", AWS_INVALID_INPUT, "FailureThreshold"},
        {"{'HealthCheckConfig':{'Type':'TCP','FailureThreshold':'3'}}", "SerializationException",
         "FailureThreshold"},
        {"{'HealthCheckConfig':{'Type':'TCP','ResourcePath':'/'}}", AWS_INVALID_INPUT, "ResourcePath"},
        {"{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'a'}}", AWS_INVALID_INPUT, "ResourcePath"},
        {"{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/a b'}}", AWS_INVALID_INPUT, "ResourcePath"},
        {"{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/\\r\\nX:'}}", AWS_INVALID_INPUT,
         "ResourcePath"},
        {"{'HealthCheckCustomConfig':1}", "SerializationException", "HealthCheckCustomConfig"},
        {"{'HealthCheckCustomConfig':{'FailureThreshold':0}}", AWS_INVALID_INPUT, "FailureThreshold"},
        {"{'HealthCheckCustomConfig':{'FailureThreshold':11}}", AWS_INVALID_INPUT, "FailureThreshold"},
        {"{'HealthCheckConfig':{'Type':'TCP'},'HealthCheckCustomConfig':{}}", AWS_INVALID_INPUT, "not both"},
    };
    struct aws_error error = {0};
    char text[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_aws_error(cases[i].text, get_check(cases[i].text, CLOUD_MAP_DNS_PUBLIC, 0, &error), &error,
                         cases[i].type, cases[i].word);
    (void)snprintf(text, sizeof(text), "{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/%0254d'}}", 0);
    assert_int_equal(get_check(text, CLOUD_MAP_HTTP, 0, &error), 0);
    (void)snprintf(text, sizeof(text), "{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/%0255d'}}", 0);
    expect_aws_error("long", get_check(text, CLOUD_MAP_HTTP, 0, &error), &error, AWS_INVALID_INPUT, "255");
}

/* ---- filters ---- */

static const struct cloud_map_filter_rule rules[] = {
    {"STATUS", {"EQ", "IN", NULL}},
    {"NAME", {"EQ", "BEGINS_WITH", NULL}},
    {"UPDATE_DATE", {"BETWEEN", NULL}},
};

static bool passes(const char *text, const char *name, const char *value)
{
    _cleanup_json_ cJSON *filters = json_from(text);
    struct aws_error error = {0};

    if (cloud_map_check_filters(filters, rules, ARRAY_SIZE(rules), &error) != 0)
        fail_msg("%s: %s", text, error.message);
    return cloud_map_passes(filters, name, value);
}

static void test_filters(void **state)
{
    static const char range[] = "[{'Name':'UPDATE_DATE','Values':['9','10.5'],'Condition':'BETWEEN'}]";

    (void)state;
    assert_true(cloud_map_passes(NULL, "NAME", "a"));
    assert_true(passes("[]", "NAME", "a"));
    assert_true(passes("[{'Name':'NAME','Values':['a']}]", "NAME", "a"));
    assert_false(passes("[{'Name':'NAME','Values':['a']}]", "NAME", "ab"));
    assert_true(passes("[{'Name':'NAME','Values':['a']}]", "STATUS", "ab"));
    assert_true(passes("[{'Name':'NAME','Values':['a'],'Condition':'BEGINS_WITH'}]", "NAME", "ab"));
    assert_false(passes("[{'Name':'NAME','Values':['ab'],'Condition':'BEGINS_WITH'}]", "NAME", "a"));
    assert_true(passes("[{'Name':'STATUS','Values':['a','b'],'Condition':'IN'}]", "STATUS", "b"));
    assert_false(passes("[{'Name':'STATUS','Values':['a','b'],'Condition':'IN'}]", "STATUS", "c"));
    assert_true(passes(range, "UPDATE_DATE", "9"));
    assert_true(passes(range, "UPDATE_DATE", "10.5"));
    assert_false(passes(range, "UPDATE_DATE", "8.999"));
    assert_false(passes(range, "UPDATE_DATE", "10.6"));
    /* All of them have to pass. */
    assert_false(passes("[{'Name':'NAME','Values':['a'],'Condition':'BEGINS_WITH'},"
                        "{'Name':'NAME','Values':['b']}]",
                        "NAME", "ab"));
}

static void test_bad_filters(void **state)
{
    static const struct {
        const char *text;
        const char *type;
        const char *word;
    } cases[] = {
        {"['NAME']", "SerializationException", "Filters"},
        {"[{'Values':['a']}]", AWS_INVALID_INPUT, "Name: required"},
        {"[{'Name':'COLOUR','Values':['a']}]", AWS_INVALID_INPUT, "COLOUR"},
        {"[{'Name':'name','Values':['a']}]", AWS_INVALID_INPUT, "name"},
        {"[{'Name':'NAME'}]", AWS_INVALID_INPUT, "Values: required"},
        {"[{'Name':'NAME','Values':'a'}]", "SerializationException", "Values"},
        {"[{'Name':'NAME','Values':[1]}]", "SerializationException", "Values"},
        {"[{'Name':'NAME','Values':[]}]", AWS_INVALID_INPUT, "number of values"},
        {"[{'Name':'NAME','Values':['']}]", AWS_INVALID_INPUT, "Values"},
        {"[{'Name':'NAME','Values':['a','b']}]", AWS_INVALID_INPUT, "number of values"},
        {"[{'Name':'NAME','Values':['a'],'Condition':'IN'}]", AWS_INVALID_INPUT, "EQ, BEGINS_WITH"},
        {"[{'Name':'NAME','Values':['a','b'],'Condition':'BEGINS_WITH'}]", AWS_INVALID_INPUT,
         "number of values"},
        {"[{'Name':'STATUS','Values':[],'Condition':'IN'}]", AWS_INVALID_INPUT, "number of values"},
        {"[{'Name':'UPDATE_DATE','Values':['1'],'Condition':'BETWEEN'}]", AWS_INVALID_INPUT,
         "number of values"},
        {"[{'Name':'UPDATE_DATE','Values':['1','2','3'],'Condition':'BETWEEN'}]", AWS_INVALID_INPUT,
         "number of values"},
        {"[{'Name':'UPDATE_DATE','Values':['1'],'Condition':'EQ'}]", AWS_INVALID_INPUT, "BETWEEN"},
        {"[{'Name':'NAME','Values':['a']},{'Name':'X','Values':['a']}]", AWS_INVALID_INPUT, "X"},
        /* EQ is what a condition is by default, which this one does not know. */
        {"[{'Name':'UPDATE_DATE','Values':['1']}]", AWS_INVALID_INPUT, "Condition"},
        {"[{'Name':'UPDATE_DATE','Values':['1','2']}]", AWS_INVALID_INPUT, "Condition"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *filters = json_from(cases[i].text);
        struct aws_error error = {0};
        int r = cloud_map_check_filters(filters, rules, ARRAY_SIZE(rules), &error);

        expect_aws_error(cases[i].text, r, &error, cases[i].type, cases[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_bad_ids),
        cmocka_unit_test(test_namespace_names),
        cmocka_unit_test(test_lengths_of_names),
        cmocka_unit_test(test_services_and_instances),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_merging_tags),
        cmocka_unit_test(test_dns),
        cmocka_unit_test(test_bad_dns),
        cmocka_unit_test(test_dns_update),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_bad_checks),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bad_filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
