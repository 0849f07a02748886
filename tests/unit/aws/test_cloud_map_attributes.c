/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "aws/cloud_map_fields.h"
#include "json_text.h"

static const struct cloud_map_wants plain = {.type = CLOUD_MAP_HTTP};

static struct cloud_map_instance read_good(const char *text, const struct cloud_map_wants *wants)
{
    _cleanup_json_ cJSON *json = json_from(text);
    struct cloud_map_instance instance = {0};
    struct aws_error error = {0};

    if (cloud_map_check_attributes(json, wants, &instance, &error) != 0)
        fail_msg("%s: %s", text, error.message);
    assert_null(error.type);
    return instance;
}

/* Refused with the output as it was. */
static void refuse_as(const char *text, const struct cloud_map_wants *wants, const char *type,
                      const char *word)
{
    _cleanup_json_ cJSON *json = json_from(text);
    struct cloud_map_instance instance = {.weight = 4711};
    struct aws_error error = {0};
    int r = cloud_map_check_attributes(json, wants, &instance, &error);

    expect_aws_error(text, r, &error, type, word);
    assert_int_equal(instance.weight, 4711);
    assert_false(instance.has_address);
}

static void refuse_input(const char *text, const struct cloud_map_wants *wants, const char *word)
{
    refuse_as(text, wants, AWS_INVALID_INPUT, word);
}

static void expect_address(const struct cloud_map_instance *instance, const char *wanted)
{
    char text[IP_ADDRESS_TEXT_SIZE];

    assert_true(instance->has_address);
    assert_string_equal(ip_address_format(&instance->address, text), wanted);
}

static void test_what_the_data_path_gets(void **state)
{
    struct cloud_map_instance instance = read_good("{}", &plain);

    (void)state;
    assert_false(instance.has_address);
    assert_int_equal(instance.port, 0);
    assert_int_equal(instance.weight, 1);
    assert_false(instance.is_unhealthy);
    instance =
        read_good("{'AWS_INSTANCE_IPV4':'10.0.0.7','AWS_INSTANCE_PORT':'8080','SVCCONNECT_WEIGHT':'250',"
                  "'stage':'blue'}",
                  &plain);
    expect_address(&instance, "10.0.0.7");
    assert_int_equal(instance.port, 8080);
    assert_int_equal(instance.weight, 250);
    instance = read_good("{'AWS_INSTANCE_IPV6':'2001:db8::1'}", &plain);
    expect_address(&instance, "2001:db8::1");
    /* With both, IPv4 is the one, whatever the order. */
    instance = read_good("{'AWS_INSTANCE_IPV6':'2001:db8::1','AWS_INSTANCE_IPV4':'10.0.0.7'}", &plain);
    expect_address(&instance, "10.0.0.7");
}

static void test_addresses(void **state)
{
    static const char *const bad_v4[] = {
        "",        "10.0.0",          "10.0.0.256", "010.0.0.1", "10.0.0.1/32", "localhost",
        "0.0.0.0", "255.255.255.255", "224.0.0.1",  "::1",       "10.0.0.1:80", "2001:db8::1"};
    static const char *const bad_v6[] = {
        "",           "::",           "ff02::1",       "10.0.0.1",       "::ffff:10.0.0.1", "fe80::1",
        "::10.0.0.1", "fe80::1%eth0", "[2001:db8::1]", "2001:db8::1/64", "2001:db8:::1"};
    char text[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_v4); i++) {
        (void)snprintf(text, sizeof(text), "{'AWS_INSTANCE_IPV4':'%s'}", bad_v4[i]);
        refuse_input(text, &plain, "AWS_INSTANCE_IPV4");
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_v6); i++) {
        (void)snprintf(text, sizeof(text), "{'AWS_INSTANCE_IPV6':'%s'}", bad_v6[i]);
        refuse_input(text, &plain, "AWS_INSTANCE_IPV6");
    }
    /* The second is looked at too where the first is the one. */
    refuse_input("{'AWS_INSTANCE_IPV4':'10.0.0.7','AWS_INSTANCE_IPV6':'x'}", &plain, "AWS_INSTANCE_IPV6");
}

static void test_numbers(void **state)
{
    static const char *const bad_ports[] = {"", "0", "65536", "-1", "+80", "080", "80x", "8 0", "0x50"};
    static const char *const bad_weights[] = {"", "65536", "-1", "1.5", "01", "many", "99999999999999999999"};
    char text[128];

    (void)state;
    assert_int_equal(read_good("{'AWS_INSTANCE_PORT':'1'}", &plain).port, 1);
    assert_int_equal(read_good("{'AWS_INSTANCE_PORT':'65535'}", &plain).port, 65535);
    assert_int_equal(read_good("{'SVCCONNECT_WEIGHT':'0'}", &plain).weight, 0);
    assert_int_equal(read_good("{'SVCCONNECT_WEIGHT':'65535'}", &plain).weight, 65535);
    /* The name is meant to the letter. */
    assert_int_equal(read_good("{'svcconnect_weight':'7'}", &plain).weight, 1);
    for (size_t i = 0; i < ARRAY_SIZE(bad_ports); i++) {
        (void)snprintf(text, sizeof(text), "{'AWS_INSTANCE_PORT':'%s'}", bad_ports[i]);
        refuse_input(text, &plain, "AWS_INSTANCE_PORT");
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_weights); i++) {
        (void)snprintf(text, sizeof(text), "{'SVCCONNECT_WEIGHT':'%s'}", bad_weights[i]);
        refuse_input(text, &plain, "SVCCONNECT_WEIGHT");
    }
}

static void test_first_health(void **state)
{
    static const struct cloud_map_wants custom = {.type = CLOUD_MAP_HTTP, .has_custom_check = true};

    (void)state;
    assert_true(read_good("{'AWS_INIT_HEALTH_STATUS':'UNHEALTHY'}", &custom).is_unhealthy);
    assert_false(read_good("{'AWS_INIT_HEALTH_STATUS':'HEALTHY'}", &custom).is_unhealthy);
    assert_false(read_good("{}", &custom).is_unhealthy);
    refuse_input("{'AWS_INIT_HEALTH_STATUS':'healthy'}", &custom, "HEALTHY, UNHEALTHY");
    refuse_input("{'AWS_INIT_HEALTH_STATUS':'UNKNOWN'}", &custom, "HEALTHY, UNHEALTHY");
    refuse_input("{'AWS_INIT_HEALTH_STATUS':''}", &custom, "HEALTHY, UNHEALTHY");
    refuse_input("{'AWS_INIT_HEALTH_STATUS':'UNHEALTHY'}", &plain, "HealthCheckCustomConfig");
}

static void test_form(void **state)
{
    (void)state;
    (void)read_good("{'a':'','b':'x y\\tz','!~':'~!'}", &plain);
    refuse_input("{'':'x'}", &plain, "is no key");
    refuse_input("{'a b':'x'}", &plain, "is no key");
    refuse_input("{'a\\tb':'x'}", &plain, "is no key");
    refuse_input("{'\\u00e4':'x'}", &plain, "is no key");
    refuse_input("{'a':' x'}", &plain, "is no value");
    refuse_input("{'a':'x '}", &plain, "is no value");
    refuse_input("{'a':'x\\t'}", &plain, "is no value");
    refuse_input("{'a':' '}", &plain, "is no value");
    refuse_input("{'a':'x\\ny'}", &plain, "is no value");
    refuse_input("{'a':'\\u007f'}", &plain, "is no value");
    refuse_input("{'a':'\\u00e4'}", &plain, "is no value");
    refuse_input("{'a':'1','b':'2','a':'3'}", &plain, "twice");
    (void)read_good("{'a':'1','A':'2'}", &plain);
    refuse_as("{'a':1}", &plain, "SerializationException", "a: ");
    refuse_as("{'a':null}", &plain, "SerializationException", "a: ");
    refuse_as("{'a':'x','AWS_INSTANCE_PORT':80}", &plain, "SerializationException", "AWS_INSTANCE_PORT");
}

static void add(cJSON *json, size_t key, size_t value)
{
    static char letters[2000];
    char name[300];

    memset(letters, 'v', sizeof(letters) - 1);
    /* Different ones: the number at the end. */
    (void)snprintf(name, sizeof(name), "%.*s%03d", (int)key - 3, letters, cJSON_GetArraySize(json));
    (void)cJSON_AddStringToObject(json, name, letters + sizeof(letters) - 1 - value);
}

static int check(const cJSON *json, struct aws_error *error)
{
    struct cloud_map_instance instance;

    return cloud_map_check_attributes(json, &plain, &instance, error);
}

static void test_lengths(void **state)
{
    struct aws_error error = {0};

    (void)state;
    for (unsigned more = 0; more < 3; more++) {
        _cleanup_json_ cJSON *json = cJSON_CreateObject();
        int r;

        add(json, 255 + (more == 1), 1024 + (more == 2));
        r = check(json, &error);
        if (more == 0)
            assert_int_equal(r, 0);
        else
            expect_aws_error("length", r, &error, AWS_INVALID_INPUT, more == 1 ? "255" : "1024");
    }
}

static void test_total_length(void **state)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    struct aws_error error = {0};

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add(json, 10, 990);
    assert_int_equal(check(json, &error), 0);
    (void)cJSON_AddStringToObject(json, "a", "");
    expect_aws_error("total", check(json, &error), &error, AWS_INVALID_INPUT, "5000");
}

/* What AWS and this project give a meaning to is not counted. */
static void test_how_many(void **state)
{
    _cleanup_json_ cJSON *json =
        json_from("{'AWS_INSTANCE_IPV4':'10.0.0.1','AWS_INSTANCE_PORT':'1','SVCCONNECT_WEIGHT':'1'}");
    struct aws_error error = {0};

    (void)state;
    for (unsigned i = 0; i < CLOUD_MAP_MAX_ATTRIBUTES; i++)
        add(json, 5, 1);
    assert_int_equal(check(json, &error), 0);
    add(json, 5, 1);
    expect_aws_error("31", check(json, &error), &error, AWS_INVALID_INPUT, "at most 30");
}

static struct cloud_map_wants with_records(enum cloud_map_type type, unsigned records)
{
    return (struct cloud_map_wants){.type = type, .records = records};
}

static void test_what_the_service_requires(void **state)
{
    const struct cloud_map_wants a = with_records(CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_A);
    const struct cloud_map_wants both = with_records(CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_A | CLOUD_MAP_AAAA);
    const struct cloud_map_wants srv = with_records(CLOUD_MAP_DNS_PRIVATE, CLOUD_MAP_SRV);
    const struct cloud_map_wants cname =
        with_records(CLOUD_MAP_DNS_PUBLIC, CLOUD_MAP_CNAME | CLOUD_MAP_WEIGHTED);
    const struct cloud_map_wants checked = {.type = CLOUD_MAP_DNS_PUBLIC, .has_check = true};

    (void)state;
    refuse_input("{'AWS_INSTANCE_IPV6':'2001:db8::1'}", &a, "AWS_INSTANCE_IPV4");
    (void)read_good("{'AWS_INSTANCE_IPV4':'10.0.0.1'}", &a);
    refuse_input("{'AWS_INSTANCE_IPV4':'10.0.0.1'}", &both, "AWS_INSTANCE_IPV6");
    (void)read_good("{'AWS_INSTANCE_IPV4':'10.0.0.1','AWS_INSTANCE_IPV6':'2001:db8::1'}", &both);
    refuse_input("{'AWS_INSTANCE_PORT':'80'}", &srv, "AWS_INSTANCE_IPV4");
    refuse_input("{'AWS_INSTANCE_IPV4':'10.0.0.1'}", &srv, "AWS_INSTANCE_PORT");
    (void)read_good("{'AWS_INSTANCE_IPV6':'2001:db8::1','AWS_INSTANCE_PORT':'80'}", &srv);
    refuse_input("{'AWS_INSTANCE_IPV4':'10.0.0.1'}", &cname, "AWS_INSTANCE_CNAME");
    (void)read_good("{'AWS_INSTANCE_CNAME':'a.example'}", &cname);
    refuse_input("{'AWS_INSTANCE_IPV4':'10.0.0.1'}", &checked, "AWS_INSTANCE_PORT");
    (void)read_good("{'AWS_INSTANCE_PORT':'80'}", &checked);
}

static void test_what_excludes_others(void **state)
{
    const struct cloud_map_wants weighted =
        with_records(CLOUD_MAP_DNS_PUBLIC, CLOUD_MAP_A | CLOUD_MAP_WEIGHTED);
    const struct cloud_map_wants multivalue = with_records(CLOUD_MAP_DNS_PUBLIC, CLOUD_MAP_A);
    const struct cloud_map_wants private = with_records(CLOUD_MAP_DNS_PRIVATE, 0);
    const struct cloud_map_wants custom = {.type = CLOUD_MAP_HTTP, .has_custom_check = true};

    (void)state;
    (void)read_good("{'AWS_ALIAS_DNS_NAME':'lb.example','a':'b'}", &weighted);
    refuse_input("{'AWS_ALIAS_DNS_NAME':'lb.example'}", &multivalue, "AWS_ALIAS_DNS_NAME");
    refuse_input("{'AWS_ALIAS_DNS_NAME':'lb.example'}", &plain, "AWS_ALIAS_DNS_NAME");
    refuse_input("{'AWS_ALIAS_DNS_NAME':'lb.example','AWS_INSTANCE_IPV4':'10.0.0.1'}", &weighted,
                 "AWS_INSTANCE_IPV4");
    (void)read_good("{'AWS_EC2_INSTANCE_ID':'i-1','a':'b'}", &plain);
    (void)read_good("{'AWS_EC2_INSTANCE_ID':'i-1','AWS_INIT_HEALTH_STATUS':'HEALTHY'}", &custom);
    refuse_input("{'AWS_EC2_INSTANCE_ID':'i-1'}", &private, "AWS_EC2_INSTANCE_ID");
    refuse_input("{'AWS_EC2_INSTANCE_ID':'i-1','AWS_INSTANCE_PORT':'80'}", &plain, "AWS_INSTANCE_PORT");
}

static void test_attributes_of_a_service(void **state)
{
    static const char *const bad[] = {"{'':'x'}", "{'a b':'x'}", "{'a':' x'}", "{'a':'x\\ny'}"};
    _cleanup_json_ cJSON *number = json_from("{'a':1}");
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    struct aws_error error = {.invalid = "ValidationException"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_json_ cJSON *wrong = json_from(bad[i]);

        error.invalid = "ValidationException";
        expect_aws_error(bad[i], cloud_map_check_service_attributes(wrong, &error), &error,
                         "ValidationException", "Attributes");
    }
    expect_aws_error("{'a':1}", cloud_map_check_service_attributes(number, &error), &error,
                     "SerializationException", "strings");
    for (unsigned i = 0; i < CLOUD_MAP_MAX_ATTRIBUTES; i++)
        add(json, 255, 1024);
    assert_int_equal(cloud_map_check_service_attributes(json, &error), 0);
    add(json, 5, 1);
    expect_aws_error("31", cloud_map_check_service_attributes(json, &error), &error,
                     "ServiceAttributesLimitExceededException", "30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_data_path_gets),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_first_health),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_total_length),
        cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_what_the_service_requires),
        cmocka_unit_test(test_what_excludes_others),
        cmocka_unit_test(test_attributes_of_a_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
