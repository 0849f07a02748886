/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where settings stand in a document, whose win, and how what is wrong is told. Values: unit/settings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"
#include "settings/settings_table.h"

/* A service with `outer` beside its block and `inner` in the element of its services. */
#define WITH(outer, inner)                                                                                   \
    "{'serviceName':'web'," outer "'taskDefinition':{'containerDefinitions':[{'portMappings':["              \
    "{'name':'http','containerPort':8080}]}]},'serviceConnectConfiguration':{'enabled':true,"                \
    "'services':[{'portName':'http'" inner "}]}}"

static void expect_settings(const char *text, const char *expected)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);
    _cleanup_free_ char *wanted = quoted(expected);
    _cleanup_json_ cJSON *json = NULL;
    char *got;

    expect_counts(&parsed, 0, 0);
    json = service_settings_write(&parsed.list.items[0].services[0].settings);
    got = cJSON_PrintUnformatted(json);
    assert_string_equal(got, wanted);
    cJSON_free(got);
}

static void test_both_places(void **state)
{
    (void)state;
    expect_settings(WITH("", ""), "{}");
    expect_settings(WITH("", ",'healthCheck':{'type':'tcp'},'drainSeconds':1"),
                    "{'healthCheck':{'type':'tcp'},'drainSeconds':1}");
    expect_settings(WITH("'healthCheck':{'type':'tcp'},'drainSeconds':1,", ""),
                    "{'healthCheck':{'type':'tcp'},'drainSeconds':1}");
}

/* What can be set by a request can be set in a document, in both places and without a warning. */
static void test_every_setting_is_known(void **state)
{
    static const char all[] =
        "'healthCheck':{'type':'tcp'},"
        "'ejection':{'failures':1,'windowSeconds':2,'baseSeconds':3,'maxSeconds':4},"
        "'connectTimeoutSeconds':5,'synTimeoutMilliseconds':250,'panicThresholdPercent':6,'slowStartSeconds':"
        "7,"
        "'drainSeconds':8,'admissionSeconds':9,'udpStickinessSeconds':10,"
        "'peerName':'alias','dnsRoutingPolicy':'WEIGHTED','localLiveness':'off','affinity':'task','balance':'"
        "leastConnections','responseTime':'1/4',"
        "'zone':'only','zoneMinEndpoints':11,'zoneClients':'a=1,b=2','allowFrom':'a,n/*',"
        "'policyMode':'audit'";
    const char *names[SETTING_MEMBERS_MAX + 1];
    char text[2048];
    char expected[1024];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "{%s}", all);
    (void)snprintf(text, sizeof(text), WITH("", ",%s"), all);
    expect_settings(text, expected);
    (void)snprintf(text, sizeof(text), WITH("%s,", ""), all);
    expect_settings(text, expected);
    setting_names(service_setting_rows, names);
    for (size_t i = 0; names[i]; i++)
        if (!strstr(all, names[i]))
            fail_msg("setting %s is not in this test", names[i]);
}

static void test_the_element_wins(void **state)
{
    (void)state;
    expect_settings(WITH("'drainSeconds':1,'slowStartSeconds':2,", ",'drainSeconds':3"),
                    "{'slowStartSeconds':2,'drainSeconds':3}");
    /* A check and an ejection as a whole: no path of another check, no times of another ejection. */
    expect_settings(WITH("'healthCheck':{'type':'http','path':'/a','interval':9},",
                         ",'healthCheck':{'type':'http','timeout':4}"),
                    "{'healthCheck':{'type':'http','timeout':4}}");
    expect_settings(WITH("'ejection':{'failures':9,'baseSeconds':9},", ",'ejection':{'maxSeconds':90}"),
                    "{'ejection':{'failures':5,'windowSeconds':30,'baseSeconds':30,'maxSeconds':90}}");
    expect_settings(WITH("'healthCheck':{'type':'tcp'},", ",'healthCheck':{'command':['NONE']}"), "{}");
    expect_settings(WITH("'healthCheck':{'type':'tcp'},", ",'healthCheck':null"), "{}");
}

static void test_each_service_its_own(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        "{'serviceName':'web','drainSeconds':5,'taskDefinition':{'containerDefinitions':[{'portMappings':["
        "{'name':'a','containerPort':1},{'name':'b','containerPort':2}]}]},'serviceConnectConfiguration':{"
        "'enabled':true,'services':[{'portName':'a','drainSeconds':6},{'portName':'b'}]}}");

    (void)state;
    expect_counts(&parsed, 0, 0);
    assert_int_equal(parsed.list.items[0].services[0].settings.drain_ms, 6000);
    assert_int_equal(parsed.list.items[0].services[1].settings.drain_ms, 5000);
}

static void test_forms(void **state)
{
    (void)state;
    expect_settings(
        WITH("", ",'healthCheck':{'command':['CMD-SHELL','x'],'interval':5,'retries':2}"),
        "{'healthCheck':{'type':'exec','interval':5,'retries':2,'command':['CMD','/bin/sh','-c','x']}}");
    expect_settings(WITH("", ",'healthCheck':{'Type':'HTTP','ResourcePath':'/x','FailureThreshold':2}"),
                    "{'healthCheck':{'type':'http','retries':2,'path':'/x'}}");
}

/* Of a task definition that is a service itself: beside its block. A container's check runs in
 * the container. */
static void test_task_definition(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted("{'family':'web','drainSeconds':5,'containerDefinitions':[{'portMappings':[{'name':'p','"
                     "containerPort':7}],"
                     "'healthCheck':{'command':['CMD','true'],'interval':1}}],'serviceConnectConfiguration':{"
                     "'enabled':true,"
                     "'services':[{'portName':'p'}]}}");

    (void)state;
    assert_int_equal(parsed.r, 0);
    assert_int_equal(parsed.list.items[0].services[0].settings.drain_ms, 5000);
    assert_int_equal(parsed.list.items[0].services[0].settings.check.type, HEALTH_CHECK_NONE);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    expect_bad(WITH("", ",'healthCheck':{'command':['CMD','a'],'interval':4}"),
               AT_SERVICE ".healthCheck.interval");
    expect_bad(WITH("'healthCheck':{'command':['CMD','a'],'timeout':61},", ""), "healthCheck.timeout");
    expect_bad(WITH("", ",'healthCheck':{'interval':30}"), AT_SERVICE ".healthCheck.type");
    expect_bad(WITH("'healthCheck':{'type':'tcp'},", ",'healthCheck':{'interval':30}"),
               AT_SERVICE ".healthCheck.type");
    expect_bad(WITH("", ",'healthCheck':{'command':[]}"), AT_SERVICE ".healthCheck.command");
    expect_bad(WITH("", ",'healthCheck':{'command':['CMD',1]}"), AT_SERVICE ".healthCheck.command");
    expect_bad(WITH("", ",'healthCheck':{'type':'http','path':'a'}"), AT_SERVICE ".healthCheck.path");
    expect_bad(WITH("", ",'ejection':{'failures':256}"), AT_SERVICE ".ejection.failures");
    expect_bad(WITH("'ejection':7,", ""), "ejection");
    expect_bad(WITH("", ",'connectTimeoutSeconds':128"), AT_SERVICE ".connectTimeoutSeconds");
    expect_warning(WITH("", ",'healthCheck':{'type':'tcp','intervall':3}"),
                   AT_SERVICE ".healthCheck.intervall", "unknown member, ignored");
    expect_warning(WITH("'ejection':{'fail':3},", ""), "ejection.fail", "failures");
    expect_warning(WITH("", ",'drainSecond':3"), AT_SERVICE ".drainSecond", "drainSeconds");
}

/* Wherever a command may stand in a document, its path is named. */
static void test_commands_of_strangers(void **state)
{
    static const struct {
        const char *text, *path;
    } rows[] = {
        {WITH("'healthCheck':{'type':'exec','command':['/a']},", ""), "healthCheck.type"},
        {WITH("'healthCheck':{'command':['CMD-SHELL','a']},", ""), "healthCheck.command"},
        {WITH("", ",'healthCheck':{'type':'exec','command':['/a']}"), AT_SERVICE ".healthCheck.type"},
        {WITH("", ",'healthCheck':{'command':['CMD','/a']}"), AT_SERVICE ".healthCheck.command"},
        {"[{'namespace':'shop','routes':[]}," WITH("'healthCheck':{'type':'exec','command':['/a']},", "") "]",
         "[1].healthCheck.type"},
        {"{'family':'web','containerDefinitions':[{'portMappings':[{'name':'p','containerPort':7}]}],"
         "'healthCheck':{'command':['/a']},'serviceConnectConfiguration':{'enabled':true,'services':["
         "{'portName':'p'}]}}",
         "healthCheck.command"},
        {"{'serviceName':'w','taskDefinition':{'containerDefinitions':[{'portMappings':[{'name':'p',"
         "'containerPort':7}]}],'serviceConnectConfiguration':{'enabled':true,'services':[{'portName':'p',"
         "'healthCheck':{'type':'exec','command':['/a']}}]}}}",
         "taskDefinition.serviceConnectConfiguration.services[0].healthCheck.type"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *text = quoted(rows[i].text);
        _cleanup_parsed_ struct parsed parsed = parse_as(text, strlen(text), SETTINGS_RIGHTS_NONE);
        _cleanup_(findings_done) struct findings findings = {0};
        _cleanup_(document_list_done) struct document_list list = {0};

        expect_finding(&parsed, FINDING_ERROR, rows[i].path, "control socket");
        /* Options that say nothing give nothing. */
        assert_int_equal(documents_parse("test.json", text, strlen(text), NULL, &list, &findings), -EINVAL);
    }
}

static void test_all_errors_at_once(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted(WITH("'drainSeconds':-1,'slowStartSeconds':-1,",
                          ",'healthCheck':{'type':'http','path':'a','interval':0,'host':' '},'ejection':7"));

    (void)state;
    expect_counts(&parsed, 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_places),
        cmocka_unit_test(test_every_setting_is_known),
        cmocka_unit_test(test_the_element_wins),
        cmocka_unit_test(test_each_service_its_own),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_task_definition),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_commands_of_strangers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
