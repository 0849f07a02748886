/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings as a whole: ejection, times, what a partial change keeps, copies and equality. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "settings_text.h"

static void test_defaults(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    assert_int_equal(settings.check.type, HEALTH_CHECK_NONE);
    assert_int_equal(settings.check.interval_ms, 30000);
    assert_int_equal(settings.check.status_max, 399);
    assert_int_equal(settings.drain_ms, 20000);
    assert_int_equal(settings.admission_ms, 480000);
    expect_written(&settings, "{}");
    read_good(&settings, "{}");
    expect_written(&settings, "{}");
}

static void test_ranges(void **state)
{
    static const struct {
        const char *format; /* of the object */
        const char *path;
        int low, high;
    } rows[] = {
        {"{'ejection':{'failures':%d}}", "ejection.failures", 0, 255},
        {"{'ejection':{'windowSeconds':%d}}", "ejection.windowSeconds", 1, 3600},
        {"{'ejection':{'maxSeconds':86400,'baseSeconds':%d}}", "ejection.baseSeconds", 1, 86400},
        {"{'ejection':{'baseSeconds':1,'maxSeconds':%d}}", "ejection.maxSeconds", 1, 86400},
        {"{'connectTimeoutSeconds':%d}", "connectTimeoutSeconds", 0, 127},
        {"{'synTimeoutMilliseconds':%d}", "synTimeoutMilliseconds", 0, 10000},
        {"{'panicThresholdPercent':%d}", "panicThresholdPercent", 0, 100},
        {"{'slowStartSeconds':%d}", "slowStartSeconds", 0, 3600},
        {"{'drainSeconds':%d}", "drainSeconds", 0, 3600},
        {"{'admissionSeconds':%d}", "admissionSeconds", 0, 86400},
        {"{'udpStickinessSeconds':%d}", "udpStickinessSeconds", 0, 86400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_range(rows[i].format, rows[i].path, rows[i].low, rows[i].high);
}

static void test_values_arrive(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings,
              "{'ejection':{'failures':3,'windowSeconds':10,'baseSeconds':20,'maxSeconds':40},"
              "'connectTimeoutSeconds':2,'panicThresholdPercent':50,'slowStartSeconds':60,'drainSeconds':0,"
              "'admissionSeconds':7}");
    assert_true(settings.has_ejection);
    assert_int_equal(settings.ejection.failures, 3);
    assert_int_equal(settings.ejection.window_ms, 10000);
    assert_int_equal(settings.ejection.base_ms, 20000);
    assert_int_equal(settings.ejection.max_ms, 40000);
    assert_true(settings.has_connect_timeout);
    assert_int_equal(settings.connect_timeout_ms, 2000);
    assert_int_equal(settings.panic_percent, 50);
    assert_int_equal(settings.slow_start_ms, 60000);
    assert_int_equal(settings.drain_ms, 0);
    assert_int_equal(settings.admission_ms, 7000);
    expect_written(&settings,
                   "{'ejection':{'failures':3,'windowSeconds':10,'baseSeconds':20,'maxSeconds':40},"
                   "'connectTimeoutSeconds':2,'panicThresholdPercent':50,'slowStartSeconds':60,"
                   "'drainSeconds':0,'admissionSeconds':7}");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    expect_refused("7", "", "an object");
    expect_refused("{'drain':1}", "drain", "drainSeconds");
    expect_refused("{'ejection':7}", "ejection", "failures");
    expect_refused("{'ejection':{'failure':1}}", "ejection.failure", "failures");
    expect_refused("{'ejection':{'baseSeconds':60,'maxSeconds':59}}", "ejection.maxSeconds", "60");
    expect_refused("{'ejection':{'baseSeconds':301}}", "ejection.maxSeconds", "at least baseSeconds");
    expect_refused("{'drainSeconds':'5'}", "drainSeconds", "whole number");
    expect_refused("{'drainSeconds':1.5}", "drainSeconds", "whole number");
}

static void test_partial_change(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings, "{'healthCheck':{'type':'http','path':'/ready','interval':7},'drainSeconds':3}");
    read_good(&settings, "{'healthCheck':{'interval':8},'slowStartSeconds':4}");
    expect_written(&settings,
                   "{'healthCheck':{'type':'http','interval':8,'path':'/ready'},'slowStartSeconds':4,"
                   "'drainSeconds':3}");
    read_good(&settings, "{'healthCheck':{'interval':null,'path':null},'drainSeconds':null}");
    expect_written(&settings, "{'healthCheck':{'type':'http'},'slowStartSeconds':4}");
    read_good(&settings, "{'healthCheck':null,'slowStartSeconds':null}");
    expect_written(&settings, "{}");
}

static void test_own_ejection(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    /* The usual values said aloud are the service's own: they hold whatever the catalog's become. */
    read_good(&settings, "{'ejection':{'failures':5}}");
    assert_true(settings.has_ejection);
    read_good(&settings, "{'ejection':{'failures':4}}");
    read_good(&settings, "{'ejection':{'windowSeconds':null}}");
    assert_true(settings.has_ejection);
    read_good(&settings, "{'ejection':{'failures':null}}");
    assert_false(settings.has_ejection);
    read_good(&settings, "{'ejection':{'failures':4}}");
    read_good(&settings, "{'ejection':null}");
    assert_false(settings.has_ejection);
    assert_int_equal(settings.ejection.failures, 5);
    read_good(&settings, "{'connectTimeoutSeconds':0}");
    assert_true(settings.has_connect_timeout);
    expect_written(&settings, "{'connectTimeoutSeconds':0}");
    read_good(&settings, "{'connectTimeoutSeconds':null}");
    assert_false(settings.has_connect_timeout);
}

static void test_nothing_changes_on_failure(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_(service_settings_done) struct service_settings before = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings, "{'healthCheck':{'type':'exec','command':['a','b']},'drainSeconds':3}");
    assert_int_equal(service_settings_copy(&settings, &before), 0);
    read_bad(&settings, "{'drainSeconds':4,'healthCheck':{'type':'http','path':'x'}}", "healthCheck.path",
             "");
    read_bad(&settings, "{'drainSeconds':4,'healthCheck':{'type':'tcp','more':1}}", "healthCheck.more", "");
    read_bad(&settings, "{'drainSeconds':4,'admissionSeconds':-1}", "admissionSeconds", "");
    assert_true(service_settings_equal(&settings, &before));
}

static void test_equality(void **state)
{
    static const char *const different[] = {
        "{}",
        "{'healthCheck':{'type':'tcp'}}",
        "{'healthCheck':{'type':'http'}}",
        "{'healthCheck':{'type':'http','path':'/a'}}",
        "{'healthCheck':{'type':'http','path':'/b'}}",
        "{'healthCheck':{'type':'http','host':'a'}}",
        "{'healthCheck':{'type':'http','expectedStatus':200}}",
        "{'healthCheck':{'type':'http','expectedStatus':'200-201'}}",
        "{'healthCheck':{'type':'tcp','port':1}}",
        "{'healthCheck':{'type':'tcp','interval':1}}",
        "{'healthCheck':{'type':'tcp','timeout':1}}",
        "{'healthCheck':{'type':'tcp','retries':1}}",
        "{'healthCheck':{'type':'tcp','healthyRetries':2}}",
        "{'healthCheck':{'type':'tcp','startPeriod':1}}",
        "{'healthCheck':{'type':'exec','command':['a']}}",
        "{'healthCheck':{'type':'exec','command':['a','b']}}",
        "{'healthCheck':{'type':'exec','command':['a','c']}}",
        "{'ejection':{'failures':5}}",
        "{'ejection':{'failures':6}}",
        "{'ejection':{'windowSeconds':6}}",
        "{'ejection':{'baseSeconds':6}}",
        "{'ejection':{'maxSeconds':600}}",
        "{'connectTimeoutSeconds':0}",
        "{'connectTimeoutSeconds':1}",
        "{'panicThresholdPercent':1}",
        "{'slowStartSeconds':1}",
        "{'drainSeconds':1}",
        "{'admissionSeconds':1}",
        "{'udpStickinessSeconds':1}",
        "{'peerName':'alias'}",
        "{'dnsRoutingPolicy':'WEIGHTED'}",
        "{'localLiveness':'off'}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(different); i++)
        for (size_t k = 0; k < ARRAY_SIZE(different); k++) {
            _cleanup_(service_settings_done) struct service_settings a = SERVICE_SETTINGS_DEFAULT;
            _cleanup_(service_settings_done) struct service_settings b = SERVICE_SETTINGS_DEFAULT;

            read_good(&a, different[i]);
            read_good(&b, different[k]);
            if (service_settings_equal(&a, &b) != (i == k))
                fail_msg("%s and %s", different[i], different[k]);
        }
}

static void count(enum service_settings_finding finding, const struct error *error, void *user)
{
    unsigned *counts = user;

    assert_true(error->field[0] && error->allowed[0] && error->message[0]);
    counts[finding]++;
}

static void test_everything_wrong_is_told(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json =
        parse_json("{'other':1,'drainSeconds':-1,'slowStartSeconds':'','healthCheck':{'type':'http','"
                   "interval':0,'path':'a',"
                   "'more':1,'host':'-','expectedStatus':99},'ejection':{'failures':256,'less':1}}");
    unsigned counts[2] = {0};

    (void)state;
    assert_int_equal(service_settings_read_all(json, SETTINGS_RIGHTS_STORED, &settings, count, counts),
                     -EINVAL);
    assert_int_equal(counts[SERVICE_SETTINGS_BAD], 7);
    assert_int_equal(counts[SERVICE_SETTINGS_UNKNOWN], 2);
    assert_true(service_settings_equal(&settings, &service_settings_default));
}

static void test_unknown_alone_is_for_the_caller(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = parse_json("{'healthCheck':{'type':'tcp','more':1}}");
    unsigned counts[2] = {0};

    (void)state;
    assert_int_equal(service_settings_read_all(json, SETTINGS_RIGHTS_STORED, &settings, count, counts), 0);
    assert_int_equal(counts[SERVICE_SETTINGS_UNKNOWN], 1);
    assert_int_equal(settings.check.type, HEALTH_CHECK_TCP);
}

static void test_full(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = NULL;

    (void)state;
    read_good(&settings, "{'healthCheck':{'type':'http'}}");
    json = service_settings_write_full(&settings);
    expect_json(
        json,
        "{'healthCheck':{'type':'http','interval':30,'timeout':5,'retries':3,'healthyRetries':1,"
        "'startPeriod':0,'path':'/','expectedStatus':'200-399'},'ejection':{'failures':5,'windowSeconds':30,"
        "'baseSeconds':30,'maxSeconds':300},'connectTimeoutSeconds':0,'synTimeoutMilliseconds':0,'"
        "panicThresholdPercent':0,"
        "'slowStartSeconds':0,'drainSeconds':20,'admissionSeconds':480,'udpStickinessSeconds':30,'peerName':'"
        "endpoint','dnsRoutingPolicy':'MULTIVALUE','localLiveness':'auto',"
        "'affinity':'none','balance':'weighted','responseTime':'1/"
        "16','zone':'prefer','zoneMinEndpoints':6,'policyMode':'enforce'"
        "}");
}

static void test_which_connections_are_measured(void **state)
{
    static const struct {
        const char *text;
        uint32_t one_of;
    } good[] = {{"off", 0}, {"all", 1}, {"1/1", 1}, {"1/2", 2}, {"1/65535", 65535}};
    static const char *const bad[] = {"'1/0'",  "'1/65536'", "'1/'",  "'1/ 2'",
                                      "'1/+2'", "'1/2x'",    "'2/3'", "'1/99999999999999999999'",
                                      "'on'",   "16"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
        char text[64];

        (void)snprintf(text, sizeof(text), "{'responseTime':'%s'}", good[i].text);
        read_good(&settings, text);
        assert_int_equal(settings.response_time, good[i].one_of);
        read_good(&settings, "{'responseTime':null}");
        assert_int_equal(settings.response_time, SERVICE_RESPONSE_TIME);
        expect_written(&settings, "{}");
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "{'responseTime':%s}", bad[i]);
        expect_refused(text, "responseTime", "off, all or 1/N");
    }
}

static void test_global(void **state)
{
    struct ejection_policy ejection = EJECTION_DEFAULT;
    uint32_t timeout_ms = 0;
    _cleanup_json_ cJSON *change = parse_json("{'ejection':{'failures':9},'connectTimeoutSeconds':3}");
    _cleanup_json_ cJSON *reset = parse_json("{'ejection':{'failures':null},'connectTimeoutSeconds':null}");
    _cleanup_json_ cJSON *other = parse_json("{'drainSeconds':3}");
    _cleanup_json_ cJSON *written = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(service_settings_read_global(change, &ejection, &timeout_ms, &error), 0);
    assert_int_equal(ejection.failures, 9);
    assert_int_equal(timeout_ms, 3000);
    written = service_settings_write_global(&ejection, timeout_ms);
    expect_json(written, "{'ejection':{'failures':9,'windowSeconds':30,'baseSeconds':30,'maxSeconds':300},"
                         "'connectTimeoutSeconds':3}");
    assert_int_equal(service_settings_read_global(other, &ejection, &timeout_ms, &error), -EINVAL);
    assert_string_equal(error.field, "drainSeconds");
    assert_int_equal(ejection.failures, 9);
    assert_int_equal(service_settings_read_global(reset, &ejection, &timeout_ms, &error), 0);
    assert_int_equal(ejection.failures, 5);
    assert_int_equal(timeout_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_partial_change),
        cmocka_unit_test(test_own_ejection),
        cmocka_unit_test(test_nothing_changes_on_failure),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_everything_wrong_is_told),
        cmocka_unit_test(test_unknown_alone_is_for_the_caller),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_which_connections_are_measured),
        cmocka_unit_test(test_global),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
