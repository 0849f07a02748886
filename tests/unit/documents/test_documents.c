/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define TASK "{'family':'web','containerDefinitions':[{'portMappings':[{'name':'p','containerPort':7}]}]"

static void test_text_and_source(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        "  { 'serviceName' : 'a',\n 'desiredCount': 2, 'serviceConnectConfiguration':{ 'enabled':true } } ");
    _cleanup_free_ char *expected =
        quoted("{'serviceName':'a','desiredCount':2,'serviceConnectConfiguration':{'enabled':true}}");

    (void)state;
    assert_int_equal(parsed.list.n, 1);
    assert_string_equal(parsed.list.items[0].text, expected);
    assert_string_equal(parsed.list.items[0].source, "test.json");
    assert_string_equal(parsed.list.items[0].path, "");
    assert_true(parsed.list.items[0].is_enabled);
}

static void test_kinds(void **state)
{
    static const char *const bad[] = {"{}", "7", "'a'", "{'family2':'a'}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_bad(bad[i], "");
    expect_bad("[[]]", "[0]");
    expect_bad("[{}]", "[0]");
    expect_warning("[]", "", "empty array");
    expect_bad("{'serviceConnectConfiguration':{'enabled':true}}", "serviceName");
    expect_bad("{'serviceName':'a','serviceConnectConfiguration':7}", AT_BLOCK);
    expect_bad("{'serviceName':'a','taskDefinition':7,'serviceConnectConfiguration':{'enabled':true}}",
               "taskDefinition");
    expect_warning("{'serviceName':'a'}", AT_BLOCK, "nothing is published");
    expect_warning(TASK "}", "", "nothing is published");
}

static void test_task_definition_form(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted(TASK ",'serviceConnectConfiguration':{'enabled':true,'services':[{'portName':'p'}]}}");

    (void)state;
    assert_string_equal(parsed.list.items[0].name, "web");
    expect_finding(&parsed, FINDING_WARNING, AT_BLOCK, "family");
    expect_counts(&parsed, 0, 1);
}

static void test_family_in_the_same_array(void **state)
{
    static const char *const names[] = {"web", "web:3", "arn:aws:ecs:eu-west-1:1:task-definition/web:3"};
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        _cleanup_parsed_ struct parsed parsed = {0};

        (void)snprintf(
            text, sizeof(text),
            "[{'serviceName':'s','taskDefinition':'%s','serviceConnectConfiguration':{'enabled':true,"
            "'services':[{'portName':'p'}]}}," TASK "}]",
            names[i]);
        parsed = parse_quoted(text);
        expect_counts(&parsed, 0, 0);
        assert_int_equal(parsed.list.n, 1);
        assert_string_equal(parsed.list.items[0].path, "[0]");
        assert_int_equal(parsed.list.items[0].services[0].container_port, 7);
    }
    expect_bad("[{'serviceName':'s','taskDefinition':'we:3','serviceConnectConfiguration':{'enabled':true,"
               "'services':[{'portName':'p'}]}}," TASK "}]",
               "[0]." AT_SERVICE ".clientAliases");
    expect_bad("[{'serviceName':'s','taskDefinition':'webs','serviceConnectConfiguration':{'enabled':true,"
               "'services':[{'portName':'p'}]}}," TASK "}]",
               "[0]." AT_SERVICE ".clientAliases");
    expect_bad("[" TASK "}," TASK "}]", "[1].family");
}

static void test_block_in_inline_task_definition(void **state)
{
    (void)state;
    expect_warning("{'serviceName':'s','taskDefinition':" TASK ",'serviceConnectConfiguration':{}}}",
                   "taskDefinition." AT_BLOCK, "belongs into the service");
    expect_warning("{'serviceName':'s','taskDefinition':" TASK ",'serviceConnectConfiguration':7},"
                   "'serviceConnectConfiguration':{'enabled':true}}",
                   "taskDefinition." AT_BLOCK, "ignored");
}

static void test_list_is_kept_on_failure(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse("{\"serviceName\":\"a\",\"serviceConnectConfiguration\":{\"enabled\":true}}");
    const char *bad = "[{\"serviceName\":\"b\"},{}]";
    const char *good = "[{\"serviceName\":\"b\"}]";

    (void)state;
    assert_int_equal(documents_parse("b", bad, strlen(bad), NULL, &parsed.list, &parsed.findings), -EINVAL);
    assert_int_equal(parsed.list.n, 1);
    assert_int_equal(parsed.findings.n_errors, 1);
    /* Earlier errors are not this source's. */
    assert_int_equal(documents_parse("c", good, strlen(good), NULL, &parsed.list, &parsed.findings), 0);
    assert_int_equal(parsed.list.n, 2);
    assert_string_equal(parsed.list.items[1].source, "c");
    assert_string_equal(parsed.list.items[1].namespace_name, "default");
}

static void test_many_errors_are_capped(void **state)
{
    _cleanup_free_ char *text = calloc(1, 4096);
    _cleanup_parsed_ struct parsed parsed = {0};

    (void)state;
    strcat(text, "[0");
    for (int i = 1; i < DOCUMENTS_MAX_FINDINGS * 2; i++)
        strcat(text, ",0");
    strcat(text, "]");
    parsed = parse(text);
    assert_int_equal(parsed.findings.n, DOCUMENTS_MAX_FINDINGS);
    assert_int_equal(parsed.findings.n_errors, DOCUMENTS_MAX_FINDINGS * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_source),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_task_definition_form),
        cmocka_unit_test(test_family_in_the_same_array),
        cmocka_unit_test(test_block_in_inline_task_definition),
        cmocka_unit_test(test_list_is_kept_on_failure),
        cmocka_unit_test(test_many_errors_are_capped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
