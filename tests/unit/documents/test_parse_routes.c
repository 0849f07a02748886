/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define ROUTES(route)  "{'namespace':'shop','routes':[" route "]}"
#define TARGETS(items) ROUTES("{'dnsName':'b','targets':[" items "]}")

static void test_values(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        BLOCK("'routes':[{'dnsName':'backend','port':80,'targets':[{'discoveryName':'v1','weight':95},"
              "{'service':'V2.x','weight':0}],'onEmpty':'unhealthy'},{'dnsName':'b','protocol':'udp',"
              "'targets':[{'service':'c','weight':65535}]}]"));
    const struct document_route *routes = parsed.list.items[0].routes;

    (void)state;
    expect_counts(&parsed, 0, 0);
    assert_int_equal(parsed.list.items[0].n_routes, 2);
    assert_string_equal(routes[0].alias.dns_name, "backend");
    assert_int_equal(routes[0].alias.port, 80);
    assert_int_equal(routes[0].alias.protocol, TCP);
    assert_true(routes[0].is_unhealthy_on_empty);
    assert_int_equal(routes[0].n_targets, 2);
    assert_string_equal(routes[0].targets[0].service, "v1");
    assert_int_equal(routes[0].targets[0].weight, 95);
    assert_string_equal(routes[0].targets[1].service, "V2.x");
    assert_int_equal(routes[1].alias.port, 0);
    assert_int_equal(routes[1].alias.protocol, UDP);
    assert_false(routes[1].is_unhealthy_on_empty);
    assert_int_equal(routes[1].targets[0].weight, 65535);
    assert_string_equal(routes[1].targets[0].path, AT_BLOCK ".routes[1].targets[0]");
}

static void test_routes_document(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(TARGETS("{'service':'a','weight':1}"));

    (void)state;
    assert_int_equal(parsed.r, 0);
    assert_null(parsed.list.items[0].name);
    assert_string_equal(parsed.list.items[0].namespace_name, "shop");
    expect_bad("{'namespace':'a/b','routes':[]}", "namespace");
    expect_bad("{'routes':{}}", "routes");
}

static void test_targets(void **state)
{
    (void)state;
    expect_bad(TARGETS("{'service':'a'}"), "routes[0].targets[0].weight");
    expect_bad(TARGETS("{'service':'a','weight':-1}"), "routes[0].targets[0].weight");
    expect_bad(TARGETS("{'service':'a','weight':65536}"), "routes[0].targets[0].weight");
    expect_bad(TARGETS("{'service':'a','weight':0.5}"), "routes[0].targets[0].weight");
    expect_bad(TARGETS("{'weight':1}"), "routes[0].targets[0].discoveryName");
    expect_bad(TARGETS("{'service':'a b','weight':1}"), "routes[0].targets[0].service");
    expect_bad(TARGETS("{'service':'a','discoveryName':'a','weight':1}"), "routes[0].targets[0].service");
    expect_bad(
        TARGETS("{'service':'a','weight':1},{'service':'b','weight':1},{'discoveryName':'a','weight':1}"),
        "routes[0].targets[2]");
    expect_bad(TARGETS(""), "routes[0].targets");
    expect_bad(TARGETS("1"), "routes[0].targets[0]");
    expect_bad(ROUTES("{'dnsName':'b'}"), "routes[0].targets");
    expect_warning(TARGETS("{'service':'a','weight':0}"), "routes[0]", "weight 0");
}

#define ONE "'targets':[{'service':'a','weight':1}]"

static void test_route(void **state)
{
    (void)state;
    expect_bad(ROUTES("{" ONE "}"), "routes[0].dnsName");
    expect_bad(ROUTES("{'dnsName':'-b'," ONE "}"), "routes[0].dnsName");
    expect_bad(ROUTES("{'dnsName':'b','port':0," ONE "}"), "routes[0].port");
    expect_bad(ROUTES("{'dnsName':'b','protocol':'sctp'," ONE "}"), "routes[0].protocol");
    expect_bad(ROUTES("{'dnsName':'b','onEmpty':'pass'," ONE "}"), "routes[0].onEmpty");
    expect_good(ROUTES("{'dnsName':'b','onEmpty':'refuse'," ONE "}"));
    expect_bad(ROUTES("7"), "routes[0]");
    expect_bad(ROUTES("{'dnsName':'b','port':1," ONE "},{'dnsName':'b','port':1," ONE "}"), "routes[1]");
    expect_good(ROUTES("{'dnsName':'b','port':1," ONE "},{'dnsName':'b','port':2," ONE "}"));
    expect_warning(ROUTES("{'dnsName':'b','wieght':1," ONE "}"), "routes[0].wieght", "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_routes_document),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
