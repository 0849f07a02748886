/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include "documents/default_names.h"

static void expect_names(const char *text, const char *names, size_t n_warnings)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

    expect_counts(&parsed, 0, n_warnings);
    assert_string_equal(published(&parsed), names);
}

static void test_all_forms(void **state)
{
    (void)state;
    expect_names(SERVICE("{'portName':'http','discoveryName':'web'}"),
                 "web.shop:8080/tcp* web.shop.svc.cluster.local:8080/tcp* "
                 "web.default.svc.cluster.local:8080/tcp* web:8080/tcp*",
                 0);
    expect_names(SERVICE("{'portName':'http','clientAliases':[{'port':80}]}"),
                 "http.shop:80/tcp* http.shop.svc.cluster.local:80/tcp* "
                 "http.default.svc.cluster.local:80/tcp* http:80/tcp*",
                 0);
    expect_names(SERVICE("{'portName':'http','clientAliases':[{'port':80,'dnsName':'web'}]}"), "web:80/tcp",
                 0);
}

#define BY_NAME(namespace, discovery)                                                                        \
    "{'serviceName':'s','serviceConnectConfiguration':{'enabled':true,'namespace':'" namespace "','"         \
                                                                                               "services':[" \
                                                                                               "{'portName'" \
                                                                                               ":'p','"      \
                                                                                               "discoveryNa" \
                                                                                               "me':"        \
                                                                                               "'" discovery \
                                                                                               "','"         \
                                                                                               "clientAlias" \
                                                                                               "es':[{'"     \
                                                                                               "port':1}]}]" \
                                                                                               "}}"

/* One warning of each: the port name is not checked without the task definition. */
static void test_each_once_and_folded(void **state)
{
    (void)state;
    expect_names(BY_NAME("default", "web"),
                 "web.default:1/tcp* web.default.svc.cluster.local:1/tcp* web:1/tcp*", 1);
    expect_names(
        BY_NAME("Shop", "web"),
        "web.shop:1/tcp* web.shop.svc.cluster.local:1/tcp* web.default.svc.cluster.local:1/tcp* web:1/tcp*",
        1);
}

static void test_left_out(void **state)
{
    (void)state;
    expect_names(BY_NAME("a_b:c", "web"), "web.default.svc.cluster.local:1/tcp* web:1/tcp*", 3);
    expect_names(BY_NAME("shop", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"), "", 5);
}

static void test_is_own(void **state)
{
    char name[] = "web";
    const struct document_service service = {.discovery_name = name};

    (void)state;
    assert_true(default_names_is_own(&service, "Shop", "web.shop"));
    assert_false(default_names_is_own(&service, "shop", "web"));
    assert_false(default_names_is_own(&service, "shop", "web.shop.svc.cluster.local"));
    assert_false(default_names_is_own(&service, "shop", "webx.shop"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_each_once_and_folded),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_is_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
