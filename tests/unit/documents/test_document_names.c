/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include "documents/document_names.h"

static const char *letters(char letter, size_t length)
{
    static char texts[2][2048];
    static unsigned next;
    char *text = texts[next++ % 2];

    memset(text, letter, length);
    text[length] = '\0';
    return text;
}

/* `format` has @ where the name goes. */
static void check(const char *format, const char *name, const char *bad_path)
{
    char text[4096];
    const char *at = strchr(format, '@');

    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, name, at + 1);
    if (bad_path)
        expect_bad(text, bad_path);
    else
        expect_good(text);
}

#define WITH_NAMESPACE BLOCK("'namespace':'@'")
#define WITH_DISCOVERY SERVICE("{'portName':'http','discoveryName':'@'}")
#define WITH_DNS_NAME  SERVICE("{'portName':'http','clientAliases':[{'port':80,'dnsName':'@'}]}")
#define WITH_SERVICE   "{'serviceName':'@','serviceConnectConfiguration':{'enabled':true}}"

static void test_namespace(void **state)
{
    static const char *const bad[] = {"",
                                      "a b",
                                      "a/b",
                                      "<a",
                                      "a>",
                                      "arn:aws:servicediscovery:x:1:service/a",
                                      "arn:aws:servicediscovery:x:1:namespace/"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check(WITH_NAMESPACE, bad[i], AT_BLOCK ".namespace");
    check(WITH_NAMESPACE, letters('n', 1024), NULL);
    check(WITH_NAMESPACE, letters('n', 1025), AT_BLOCK ".namespace");
    check(WITH_NAMESPACE, "Shop.Local", NULL);
}

static void test_default_namespace(void **state)
{
    _cleanup_parsed_ struct parsed none = parse_quoted(BLOCK("'services':[]"));

    (void)state;
    assert_string_equal(none.list.items[0].namespace_name, "shop");
}

static void test_port_names(void **state)
{
    static const char *const bad[] = {"", "-a", "A", "a.b", "a b", "\xc3\xa4"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check(WITH_DISCOVERY, bad[i], AT_SERVICE ".discoveryName");
    check(WITH_DISCOVERY, "a-b_c-9", NULL);
    check(WITH_DISCOVERY, "_a", NULL);
    check(WITH_DISCOVERY, letters('d', 64), NULL);
    check(WITH_DISCOVERY, letters('d', 65), AT_SERVICE ".discoveryName");
}

static void test_dns_names(void **state)
{
    static const char *const bad[] = {"",         "-a",  "a.-b", "A.b",   "a b",    "a..b",      "a.",
                                      "10.0.0.1", "a/b", "10",   "127.1", "0x7f.1", "2130706433"};
    char name[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check(WITH_DNS_NAME, bad[i], AT_SERVICE ".clientAliases[0].dnsName");
    check(WITH_DNS_NAME, "a_b-c.example.com", NULL);
    (void)snprintf(name, sizeof(name), "%s.%s", letters('a', 63), letters('b', 63));
    check(WITH_DNS_NAME, name, NULL);
    (void)snprintf(name, sizeof(name), "%s.%s.", letters('a', 63), letters('b', 62));
    strcat(name, "cc");
    check(WITH_DNS_NAME, name, AT_SERVICE ".clientAliases[0].dnsName");
    check(WITH_DNS_NAME, letters('a', 64), AT_SERVICE ".clientAliases[0].dnsName");
}

static void test_service_names(void **state)
{
    (void)state;
    check(WITH_SERVICE, "My_service-1", NULL);
    check(WITH_SERVICE, letters('s', 255), NULL);
    check(WITH_SERVICE, letters('s', 256), "serviceName");
    check(WITH_SERVICE, "", "serviceName");
    check(WITH_SERVICE, "a.b", "serviceName");
}

static void test_family(void **state)
{
    static const char *const forms[] = {"web", "web:7", "arn:aws:ecs:eu-west-1:1:task-definition/web:7"};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length;
        const char *family = document_name_family(forms[i], &length);

        assert_int_equal(length, 3);
        assert_memory_equal(family, "web", 3);
    }
}

#define ARN_OF(last) "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/" last
#define ID           "ns-abcdefghij234567"

static const char *namespace_of(const struct parsed *parsed)
{
    return parsed->list.n == 1 ? parsed->list.items[0].namespace_name : NULL;
}

/* Asked for at first, an error; known or unknown then. */
static void test_namespaces_by_id_and_arn(void **state)
{
    static const char *const references[] = {ID, ARN_OF(ID), ARN_OF("ns-short")};
    struct document_namespaces namespaces = {0};

    (void)state;
    namespaces_of_test = &namespaces;
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), "[" BLOCK("'namespace':'%s'") ",{'namespace':'%s','routes':[]}]",
                       references[i], references[i]);
        for (int round = 0; round < 2; round++) {
            _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

            expect_counts(&parsed, 2, 0);
            expect_finding(&parsed, FINDING_ERROR, "[1].namespace", "that is here");
            assert_int_equal(namespaces.n, i + 1);
            assert_string_equal(namespaces.items[i].reference, references[i]);
            if (round == 0) {
                assert_null(namespaces.items[i].name);
                namespaces.items[i].name = strdup(""); /* there is none */
            }
        }
        free(namespaces.items[i].name);
        namespaces.items[i].name = strdup("found");
        (void)snprintf(text, sizeof(text), BLOCK("'namespace':'%s'"), references[i]);
        {
            _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

            assert_string_equal(namespace_of(&parsed), "found");
        }
    }
    document_namespaces_done(&namespaces);
    namespaces_of_test = NULL;
    {
        /* A document that is stored: whose it is, is known. */
        _cleanup_parsed_ struct parsed stored = parse_quoted(BLOCK("'namespace':'" ARN_OF(ID) "'"));
        _cleanup_parsed_ struct parsed name = parse_quoted(BLOCK("'namespace':'ns-short'"));

        assert_string_equal(namespace_of(&stored), "shop");
        assert_string_equal(namespace_of(&name), "ns-short");
    }
}

static void test_as_many_references_as_there_may_be(void **state)
{
    _cleanup_free_ char *text = calloc(1, 200 * (DOCUMENTS_MAX_REFERENCES + 2));
    struct document_namespaces namespaces = {0};
    char one[200];

    (void)state;
    namespaces_of_test = &namespaces;
    strcat(text, "[");
    for (int i = 0; i <= DOCUMENTS_MAX_REFERENCES; i++) {
        (void)snprintf(one, sizeof(one), "%s{'namespace':'" ARN_OF("ns-%d") "','routes':[]}", i ? "," : "",
                       i);
        strcat(text, one);
    }
    strcat(text, "]");
    {
        _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

        assert_int_equal(parsed.findings.n_errors, DOCUMENTS_MAX_REFERENCES + 1);
    }
    assert_int_equal(namespaces.n, DOCUMENTS_MAX_REFERENCES);
    document_namespaces_done(&namespaces);
    namespaces_of_test = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_default_namespace),
        cmocka_unit_test(test_port_names),
        cmocka_unit_test(test_dns_names),
        cmocka_unit_test(test_service_names),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_namespaces_by_id_and_arn),
        cmocka_unit_test(test_as_many_references_as_there_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
