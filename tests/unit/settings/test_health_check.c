/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Health checks in their three spellings: what is read, refused and written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "settings_text.h"

static void test_types(void **state)
{
    (void)state;
    expect_reads_as("{'healthCheck':{'type':'tcp'}}", "{'healthCheck':{'type':'tcp'}}");
    expect_reads_as("{'healthCheck':{'type':'https','port':8443}}",
                    "{'healthCheck':{'type':'https','port':8443}}");
    expect_reads_as("{'healthCheck':{'type':'none'}}", "{}");
    expect_reads_as("{'healthCheck':{'type':'none','interval':9}}", "{}");
    expect_reads_as("{'healthCheck':{}}", "{}");
    expect_reads_as(
        "{'healthCheck':{'type':'http','path':'/ready?x=1','host':'Ready.Example','expectedStatus':204,"
        "'interval':1,'timeout':60,'retries':2,'healthyRetries':4,'startPeriod':6,'port':99}}",
        "{'healthCheck':{'type':'http','interval':1,'timeout':60,'retries':2,'healthyRetries':4,"
        "'startPeriod':6,'port':99,'path':'/ready?x=1','host':'ready.example','expectedStatus':204}}");
    expect_refused("{'healthCheck':7}", "healthCheck", "object");
    expect_refused("{'healthCheck':{'type':'udp'}}", "healthCheck.type", "tcp, http, https, exec, none");
    expect_refused("{'healthCheck':{'type':7}}", "healthCheck.type", "string");
    expect_refused("{'healthCheck':{'interval':30}}", "healthCheck.type", "missing");
    expect_refused("{'healthCheck':{'type':'tcp','intervals':30}}", "healthCheck.intervals", "interval");
}

static void test_values_arrive(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings,
              "{'healthCheck':{'type':'http','interval':2,'timeout':3,'retries':4,'healthyRetries':5,"
              "'startPeriod':6,'port':7,'expectedStatus':'200-204'}}");
    assert_int_equal(settings.check.interval_ms, 2000);
    assert_int_equal(settings.check.timeout_ms, 3000);
    assert_int_equal(settings.check.fall, 4);
    assert_int_equal(settings.check.rise, 5);
    assert_int_equal(settings.check.start_period_ms, 6000);
    assert_int_equal(settings.check.port, 7);
    assert_int_equal(settings.check.status_min, 200);
    assert_int_equal(settings.check.status_max, 204);
    assert_null(settings.check.path);
}

static void test_ranges(void **state)
{
    (void)state;
    expect_range("{'healthCheck':{'type':'tcp','interval':%d}}", "healthCheck.interval", 1, 300);
    expect_range("{'healthCheck':{'type':'exec','command':['a'],'timeout':%d}}", "healthCheck.timeout", 1,
                 60);
    expect_range("{'healthCheck':{'type':'tcp','retries':%d}}", "healthCheck.retries", 1, 10);
    expect_range("{'healthCheck':{'type':'tcp','healthyRetries':%d}}", "healthCheck.healthyRetries", 1, 10);
    expect_range("{'healthCheck':{'type':'tcp','startPeriod':%d}}", "healthCheck.startPeriod", 0, 300);
    expect_range("{'healthCheck':{'type':'tcp','port':%d}}", "healthCheck.port", 1, 65535);
}

static void test_ranges_of_ecs(void **state)
{
    (void)state;
    expect_range("{'healthCheck':{'command':['CMD','a'],'interval':%d}}", "healthCheck.interval", 5, 300);
    expect_range("{'healthCheck':{'command':['CMD','a'],'timeout':%d}}", "healthCheck.timeout", 2, 60);
    expect_range("{'healthCheck':{'command':['CMD','a'],'retries':%d}}", "healthCheck.retries", 1, 10);
    expect_range("{'healthCheck':{'command':['CMD','a'],'startPeriod':%d}}", "healthCheck.startPeriod", 0,
                 300);
}

static void test_members_of_other_types(void **state)
{
    (void)state;
    expect_refused("{'healthCheck':{'type':'tcp','path':'/'}}", "healthCheck.path", "http");
    expect_refused("{'healthCheck':{'type':'tcp','host':'a'}}", "healthCheck.host", "http");
    expect_refused("{'healthCheck':{'type':'none','expectedStatus':200}}", "healthCheck.expectedStatus",
                   "http");
    expect_refused("{'healthCheck':{'type':'http','command':['a']}}", "healthCheck.command", "exec");
    expect_refused("{'healthCheck':{'command':['a'],'path':'/'}}", "healthCheck.path", "http");
}

/* What a check of one type had does not come back with the next of that type. */
static void test_another_type(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings,
              "{'healthCheck':{'type':'http','path':'/a','host':'h','expectedStatus':200,'interval':9}}");
    read_good(&settings, "{'healthCheck':{'type':'https'}}");
    expect_written(&settings, "{'healthCheck':{'type':'https','interval':9,'path':'/a','host':'h',"
                              "'expectedStatus':200}}");
    read_good(&settings, "{'healthCheck':{'type':'tcp'}}");
    read_good(&settings, "{'healthCheck':{'type':'http'}}");
    expect_written(&settings, "{'healthCheck':{'type':'http','interval':9}}");
    read_good(&settings, "{'healthCheck':{'type':'exec','command':['a']}}");
    read_good(&settings, "{'healthCheck':{'type':'tcp'}}");
    read_bad(&settings, "{'healthCheck':{'type':'exec'}}", "healthCheck.command", "missing");
    read_good(&settings, "{'healthCheck':{'type':null}}");
    expect_written(&settings, "{}");
}

static void test_path(void **state)
{
    char text[2048];
    char path[1100];

    (void)state;
    expect_reads_as("{'healthCheck':{'type':'http','path':'/'}}", "{'healthCheck':{'type':'http'}}");
    expect_refused("{'healthCheck':{'type':'http','path':''}}", "healthCheck.path", "begins with /");
    expect_refused("{'healthCheck':{'type':'http','path':'ready'}}", "healthCheck.path", "begins with /");
    expect_refused("{'healthCheck':{'type':'http','path':'/a b'}}", "healthCheck.path", "without space");
    expect_refused("{'healthCheck':{'type':'http','path':'/a\\r\\nX: y'}}", "healthCheck.path", "");
    expect_refused("{'healthCheck':{'type':'http','path':'/\\u00e4'}}", "healthCheck.path", "ASCII");
    expect_refused("{'healthCheck':{'type':'http','path':'/\\u007f'}}", "healthCheck.path", "ASCII");
    expect_refused("{'healthCheck':{'type':'http','path':7}}", "healthCheck.path", "string");
    for (size_t length = HEALTH_CHECK_MAX_PATH; length <= HEALTH_CHECK_MAX_PATH + 1; length++) {
        memset(path, 'a', length);
        path[0] = '/';
        path[length] = '\0';
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','path':'%s'}}", path);
        if (length <= HEALTH_CHECK_MAX_PATH)
            expect_reads_as(text, text);
        else
            expect_refused(text, "healthCheck.path", "1024");
    }
}

static void test_host(void **state)
{
    static const char *const good[] = {"a", "a.b-c.example", "10.0.0.1", "fd00::1"};
    static const char *const bad[] = {"", "a b", "-a", "a..b", "a:80", "a\\r\\nX: y"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','host':'%s'}}", good[i]);
        expect_reads_as(text, text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','host':'%s'}}", bad[i]);
        expect_refused(text, "healthCheck.host", "DNS name");
    }
    (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','host':'%0128d'}}", 0);
    expect_refused(text, "healthCheck.host", "127");
}

static void test_expected_status(void **state)
{
    static const char *const good[][2] = {
        {"200", "200"},   {"'204'", "204"},           {"'200-200'", "200"}, {"100", "100"},
        {"'599'", "599"}, {"'100-599'", "'100-599'"}, {"'200-399'", NULL},
    };
    static const char *const bad[] = {"99",     "600",    "'2xx'",         "''",         "'200-'",
                                      "'-399'", "'0200'", "'300-200'",     "'200-600'",  "200.5",
                                      "true",   "[200]",  "'200-299,404'", "'200 - 299'"};
    char text[256];
    char expected[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','expectedStatus':%s}}", good[i][0]);
        (void)snprintf(expected, sizeof(expected), "{'healthCheck':{'type':'http'%s%s}}",
                       good[i][1] ? ",'expectedStatus':" : "", good[i][1] ? good[i][1] : "");
        expect_reads_as(text, expected);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'type':'http','expectedStatus':%s}}", bad[i]);
        expect_refused(text, "healthCheck.expectedStatus", "599");
    }
}

static void test_commands(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    (void)state;
    read_good(&settings, "{'healthCheck':{'command':['CMD-SHELL','curl -f x || exit 1']}}");
    assert_int_equal(settings.check.type, HEALTH_CHECK_EXEC);
    assert_string_equal(settings.check.command[0], "/bin/sh");
    assert_string_equal(settings.check.command[1], "-c");
    assert_string_equal(settings.check.command[2], "curl -f x || exit 1");
    assert_null(settings.check.command[3]);
    expect_reads_as("{'healthCheck':{'command':['CMD','a','b']}}",
                    "{'healthCheck':{'type':'exec','command':['CMD','a','b']}}");
    expect_reads_as("{'healthCheck':{'type':'exec','command':['a','b']}}",
                    "{'healthCheck':{'type':'exec','command':['CMD','a','b']}}");
    expect_reads_as("{'healthCheck':{'command':['CMD','CMD-SHELL','']}}",
                    "{'healthCheck':{'type':'exec','command':['CMD','CMD-SHELL','']}}");
    expect_reads_as("{'healthCheck':{'command':['CMD','NONE']}}",
                    "{'healthCheck':{'type':'exec','command':['CMD','NONE']}}");
    expect_reads_as("{'healthCheck':{'command':['NONE'],'interval':30}}", "{}");
    expect_reads_as("{'healthCheck':{'type':'exec','command':['NONE']}}", "{}");
    read_good(&settings, "{'healthCheck':{'command':['NONE']}}");
    expect_written(&settings, "{}");
}

static void test_commands_that_are_refused(void **state)
{
    static const char *const bad[] = {"[]",
                                      "'true'",
                                      "{}",
                                      "['CMD']",
                                      "['CMD-SHELL']",
                                      "['CMD-SHELL','a','b']",
                                      "['CMD-SHELL','']",
                                      "['']",
                                      "['CMD','']",
                                      "['a',1]",
                                      "[1]",
                                      "['CMD-SHELL',1]"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        (void)snprintf(text, sizeof(text), "{'healthCheck':{'command':%s}}", bad[i]);
        expect_refused(text, "healthCheck.command", "");
    }
    expect_refused("{'healthCheck':{'type':'exec'}}", "healthCheck.command", "missing");
    expect_refused("{'healthCheck':{'type':'exec','command':null}}", "healthCheck.command", "missing");
}

/* ["CMD", "aaa..." (length), "b" x words], until the next call */
static const char *command_text(size_t length, size_t words)
{
    static char text[8192];
    size_t at = (size_t)snprintf(text, sizeof(text), "{'healthCheck':{'command':['CMD','");

    memset(text + at, 'a', length);
    strcpy(text + at + length, "'");
    for (size_t i = 0; i < words; i++)
        strcat(text, ",'b'");
    return strcat(text, "]}}");
}

static void test_limits_of_commands(void **state)
{
    static const struct {
        size_t length, words;
        bool is_good;
    } rows[] = {{1, 63, true},    {1, 64, false},  {4095, 0, true},
                {4096, 0, false}, {4093, 1, true}, {4094, 1, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
        const char *text = command_text(rows[i].length, rows[i].words);

        if (rows[i].is_good)
            read_good(&settings, text);
        else
            read_bad(&settings, text, "healthCheck.command", "64 words");
    }
}

static void test_cloud_map(void **state)
{
    (void)state;
    expect_reads_as("{'healthCheck':{'Type':'HTTP'}}", "{'healthCheck':{'type':'http','retries':1}}");
    expect_reads_as("{'healthCheck':{'Type':'HTTPS','ResourcePath':'/x','FailureThreshold':3}}",
                    "{'healthCheck':{'type':'https','path':'/x'}}");
    expect_reads_as("{'healthCheck':{'Type':'TCP','FailureThreshold':10}}",
                    "{'healthCheck':{'type':'tcp','retries':10}}");
    expect_range("{'healthCheck':{'Type':'TCP','FailureThreshold':%d}}", "healthCheck.FailureThreshold", 1,
                 10);
    expect_refused("{'healthCheck':{'Type':'tcp'}}", "healthCheck.Type", "HTTP, HTTPS, TCP");
    expect_refused("{'healthCheck':{'Type':null}}", "healthCheck.Type", "string");
    expect_refused("{'healthCheck':{'Type':'TCP','ResourcePath':'/'}}", "healthCheck.ResourcePath", "HTTP");
    expect_refused("{'healthCheck':{'Type':'HTTP','ResourcePath':'x'}}", "healthCheck.ResourcePath", "255");
    expect_refused("{'healthCheck':{'Type':'HTTP','interval':10}}", "healthCheck.interval", "ResourcePath");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_ranges_of_ecs),
        cmocka_unit_test(test_members_of_other_types),
        cmocka_unit_test(test_another_type),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_expected_status),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_commands_that_are_refused),
        cmocka_unit_test(test_limits_of_commands),
        cmocka_unit_test(test_cloud_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
