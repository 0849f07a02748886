/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What AWS's tools print, pasted as it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define CONNECT                                                                                              \
    "'serviceConnectConfiguration':{'enabled':true,'namespace':'shop','services':[{'portName':'http',"       \
    "'clientAliases':[{'port':80,'dnsName':'w'}]}]}"
#define ARN "arn:aws:ecs:eu-west-1:123456789012:"
/* As describe-services prints it: the block stands in the deployments. */
#define DESCRIBED(definition)                                                                                \
    "{'serviceArn':'" ARN "service/c/web','serviceName':'web','clusterArn':'" ARN "cluster/c',"              \
    "'status':'ACTIVE','runningCount':1,'events':[{'id':'1','message':'steady'}],'taskDefinition':'" ARN     \
    "task-definition/" definition "','deployments':[{'status':'ACTIVE','serviceConnectConfiguration':"       \
    "{'enabled':true,'namespace':'old'}},{'status':'PRIMARY'," CONNECT "}]}"
#define DEFINED(revision, port)                                                                              \
    "{'family':'web','revision':" revision ",'status':'ACTIVE','containerDefinitions':[{'portMappings':"     \
    "[{'name':'http','containerPort':" port ",'protocol':'tcp'}]}]}"

static void check_again(const struct parsed *first)
{
    _cleanup_parsed_ struct parsed parsed = parse(first->list.items[0].text);

    assert_int_equal(parsed.r, 0);
    assert_string_equal(published(&parsed), "w:80/tcp");
}

static void check(const char *text, const char *path)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

    if (parsed.r < 0) {
        dump(&parsed.findings);
        fail_msg("refused: %s", text);
    }
    assert_int_equal(parsed.list.n, 1);
    assert_string_equal(parsed.list.items[0].path, path);
    assert_string_equal(parsed.list.items[0].name, "web");
    assert_string_equal(parsed.list.items[0].namespace_name, "shop");
    assert_string_equal(published(&parsed), "w:80/tcp");
    /* What is stored is the service alone, which can be read again. */
    check_again(&parsed);
}

static void test_describe_services(void **state)
{
    (void)state;
    check(DESCRIBED("web:1"), "");
    check("[" DESCRIBED("web:1") "]", "[0]");
    check("{'services':[" DESCRIBED("web:1") "],'failures':[]}", "services[0]");
    check("{'service':" DESCRIBED("web:1") "}", "service");
    check("[[" DESCRIBED("web:1") "]]", "[0][0]");
    check("[{'services':[" DESCRIBED("web:1") "],'failures':[]},{'services':[],'failures':[]}]",
          "[0].services[0]");
    check("{'mine':{'a':[" DESCRIBED("web:1") "],'n':[1,'x']}}", "mine.a[0]");
    check("{'serviceRevisions':[{'serviceRevisionArn':'r','serviceArn':'" ARN "service/c/web'," CONNECT
          ",'taskDefinition':'web:1','createdAt':'2026-01-01'}]}",
          "serviceRevisions[0]");
    check("{'cluster':'c','service':'web'," CONNECT "}", ""); /* what update-service takes */
}

static void test_its_members_are_known(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(DESCRIBED("web:1"));

    (void)state;
    /* That the port is not checked, and nothing more. */
    expect_counts(&parsed, 0, 1);
}

static void test_without_service_connect(void **state)
{
    (void)state;
    expect_warning("{'services':[{'serviceName':'a','deployments':[{'status':'PRIMARY'}]}]}",
                   "services[0].deployments[0]." AT_BLOCK, "nothing is published");
    expect_warning("{'serviceName':'a','deployments':[]}", AT_BLOCK, "nothing is published");
    expect_warning("{'services':[],'failures':[]}", "", "nothing is published");
}

static void test_the_services_own_block_stands(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted("{'serviceName':'web','serviceConnectConfiguration':{'enabled':true,'namespace':'own'},"
                     "'deployments':[{'status':'PRIMARY'," CONNECT "}]}");

    (void)state;
    assert_string_equal(parsed.list.items[0].namespace_name, "own");
}

static void test_task_definitions(void **state)
{
    _cleanup_parsed_ struct parsed all = parse_quoted("[{'services':[" DESCRIBED(
        "web:2") "]},{'taskDefinition':" DEFINED("1", "81") ",'tags':[]},"
                                                            "{'taskDefinition':" DEFINED("2", "82") "}]");
    _cleanup_parsed_ struct parsed latest = parse_quoted(
        "[{'serviceName':'web','taskDefinition':'web','serviceConnectConfiguration':{'enabled':true,"
        "'services':[{'portName':'http'}]}},{'taskDefinitions':[" DEFINED("10",
                                                                          "90") "," DEFINED("9", "89") "]}]");

    (void)state;
    expect_counts(&all, 0, 1); /* of revision 1, which nobody names */
    expect_finding(&all, FINDING_WARNING, "[1].taskDefinition", "nothing is published");
    assert_int_equal(all.list.items[0].services[0].container_port, 82);
    assert_int_equal(latest.list.items[0].services[0].container_port, 90);
    expect_warning("{'taskDefinition':" DEFINED("1", "80") ",'tags':[]}", "taskDefinition",
                   "nothing is published");
    expect_warning("[" DESCRIBED("web:3") "," DEFINED("2", "80") "]", "[0].taskDefinition", "its revision 2");
    expect_bad("[" DEFINED("2", "80") "," DEFINED("2", "80") "]", "[1].family");
}

static void test_what_is_none_of_it(void **state)
{
    (void)state;
    expect_bad("{'services':[{'serviceName':'a'}],'failures':[{'arn':'x','reason':'MISSING'}]}",
               "failures[0]");
    expect_bad("{'serviceArns':['" ARN "service/c/web']}", "");
    expect_bad("{'services':['web']}", "services[0]");
    expect_bad("{'services':[{'serviceName':'a'},{'portName':'http'}]}", "services[1]");
    expect_bad("[['web']]", "[0][0]");
    expect_bad("{'a':{'b':[]}}", "");
    expect_bad("null", "");
    expect_bad("{'enabled':true,'namespace':'shop','services':[{'portName':'http'}]}", "services[0]");
    expect_bad("[{'status':'PRIMARY'," CONNECT "}]", "[0].serviceName"); /* of a deployment alone */
    expect_bad("{'serviceArn':'" ARN "service/c/a.b'," CONNECT "}", "serviceArn");
}

static void test_places_that_are_far_down(void **state)
{
    char text[4096] = "";

    (void)state;
    for (int i = 0; i < 30; i++)
        strcat(text, "{'some-quite-long-name':");
    strcat(text, "{'services':[7]}");
    for (int i = 0; i < 30; i++)
        strcat(text, "}");
    expect_bad(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe_services),        cmocka_unit_test(test_its_members_are_known),
        cmocka_unit_test(test_without_service_connect),  cmocka_unit_test(test_the_services_own_block_stands),
        cmocka_unit_test(test_task_definitions),         cmocka_unit_test(test_what_is_none_of_it),
        cmocka_unit_test(test_places_that_are_far_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
