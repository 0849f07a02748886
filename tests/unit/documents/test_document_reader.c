/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include "documents/document_reader.h"

static void test_clip(void **state)
{
    char text[6];

    (void)state;
    document_clip(text, sizeof(text), "abc");
    assert_string_equal(text, "abc");
    document_clip(text, sizeof(text), "abcdefg");
    assert_string_equal(text, "abcde");
    document_clip(text, sizeof(text), "abcd\xc3\xa9");
    assert_string_equal(text, "abcd");
    document_clip(text, sizeof(text), "a\nb\x7f");
    assert_string_equal(text, "a?b?");
}

static void test_paths(void **state)
{
    struct document_reader reader = {0};
    size_t outer;
    size_t inner;

    (void)state;
    outer = document_enter_element(&reader, 2);
    inner = document_enter(&reader, "services");
    (void)document_enter_element(&reader, 0);
    (void)document_enter(&reader, "port");
    assert_string_equal(reader.path, "[2].services[0].port");
    document_leave(&reader, inner);
    assert_string_equal(reader.path, "[2]");
    document_leave(&reader, outer);
    assert_string_equal(reader.path, "");
    for (int i = 0; i < 100; i++) {
        (void)document_enter(&reader, "a-rather-long-member");
        (void)document_enter_element(&reader, 7);
    }
    assert_int_equal(strlen(reader.path), DOCUMENT_PATH_SIZE - 1);
}

static void test_kinds(void **state)
{
    static const char *const bad_ports[] = {"-1", "65536", "1.5", "'80'", "null", "true", "[80]", "{}", "0"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad_ports) / sizeof(bad_ports[0]); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), SERVICE("{'portName':'http','clientAliases':[{'port':%s}]}"),
                       bad_ports[i]);
        expect_bad(text, AT_SERVICE ".clientAliases[0].port");
    }
    expect_good(SERVICE("{'portName':'http','clientAliases':[{'port':1}]}"));
    expect_good(SERVICE("{'portName':'http','clientAliases':[{'port':65535}]}"));
    expect_bad(SERVICE("{'portName':7}"), AT_SERVICE ".portName");
    expect_bad(SERVICE("7"), AT_SERVICE);
    expect_bad(BLOCK("'services':{}"), AT_BLOCK ".services");
    expect_bad(BLOCK("'logConfiguration':[]"), AT_BLOCK ".logConfiguration");
}

static void test_errors_say_all(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted(SERVICE("{'portName':'http','clientAliases':[{'port':70000}]}"));
    const struct error *error =
        find(&parsed.findings, FINDING_ERROR, AT_SERVICE ".clientAliases[0].port", "");

    (void)state;
    assert_non_null(error);
    assert_string_equal(error->value, "70000");
    assert_string_equal(error->allowed, "a whole number from 1 to 65535");
    assert_string_equal(error->message, AT_SERVICE ".clientAliases[0].port: \"70000\" is not allowed; "
                                                   "allowed: a whole number from 1 to 65535");
}

static void test_long_values_are_shortened(void **state)
{
    char text[2048];
    char name[1025];
    _cleanup_parsed_ struct parsed parsed = {0};

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    (void)snprintf(text, sizeof(text), SERVICE("{'portName':'http','discoveryName':'%s'}"), name);
    parsed = parse_quoted(text);
    assert_int_equal(parsed.findings.n_errors, 1);
    assert_true(strlen(parsed.findings.items[0].error.value) < 110);
    assert_non_null(strstr(parsed.findings.items[0].error.value, "xxx..."));
}

static void test_unknown_members(void **state)
{
    (void)state;
    expect_warning(BLOCK("'nameSpace':'x'"), AT_BLOCK ".nameSpace", "did you mean \"namespace\"");
    expect_warning(BLOCK("'zebra':'x'"), AT_BLOCK ".zebra", "unknown member");
    expect_warning("{'serviceName':'a','desiredcount':1,'serviceConnectConfiguration':{'enabled':true}}",
                   "desiredcount", "did you mean \"desiredCount\"");
    expect_warning(SERVICE("{'portName':'http','clientAliases':[{'prot':1}]}"),
                   AT_SERVICE ".clientAliases[0].prot", "unknown member");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_errors_say_all),
        cmocka_unit_test(test_long_values_are_shortened),
        cmocka_unit_test(test_unknown_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
