/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

static void test_port_name(void **state)
{
    (void)state;
    expect_good(SERVICE("{'portName':'http'}"));
    expect_bad(SERVICE("{'discoveryName':'a'}"), AT_SERVICE ".portName");
    expect_bad(SERVICE("{'portName':'-http'}"), AT_SERVICE ".portName");
    expect_warning(SERVICE("{'portName':'other'}"), AT_SERVICE ".portName", "only port mapping");
    expect_bad(SERVICE_WITH_MAPPINGS("{'portName':'c'}",
                                     "{'name':'a','containerPort':1},{'name':'b','containerPort':2}"),
               AT_SERVICE ".portName");
    expect_bad(SERVICE_WITH_MAPPINGS("{'portName':'c'}", "{'containerPort':1},{'containerPort':2}"),
               AT_SERVICE ".portName");
    expect_bad(SERVICE_WITH_MAPPINGS("{'portName':'c'}", ""), AT_SERVICE ".portName");
    expect_bad(SERVICE_WITH_MAPPINGS("{'portName':'c'}", "{'name':'c','containerPortRange':'1-2'}"),
               AT_SERVICE ".portName");
}

static void test_binds_to_its_mapping(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted(SERVICE_WITH_MAPPINGS("{'portName':'b','clientAliases':[{'dnsName':'x'}]}",
                                           "{'name':'c','containerPort':3},{'name':'b','containerPort':2,'"
                                           "protocol':'udp'},{'name':'a','containerPort':1}"));

    (void)state;
    expect_counts(&parsed, 0, 0);
    assert_int_equal(parsed.list.items[0].services[0].container_port, 2);
    assert_string_equal(parsed.list.items[0].services[0].discovery_name, "b");
    assert_string_equal(published(&parsed), "x:2/udp");
}

static void test_alias_forms(void **state)
{
    (void)state;
    expect_warning(SERVICE("{'portName':'http','clientAlias':{'port':1,'dnsName':'a'}}"),
                   AT_SERVICE ".clientAlias", "clientAliases");
    expect_warning(SERVICE("{'portName':'http','clientAliases':{'port':1,'dnsName':'a'}}"),
                   AT_SERVICE ".clientAliases", "array");
    expect_warning(SERVICE("{'portName':'http','clientAliases':[]}"), AT_SERVICE ".clientAliases", "empty");
    expect_bad(SERVICE("{'portName':'http','clientAliases':'a'}"), AT_SERVICE ".clientAliases");
    expect_bad(SERVICE("{'portName':'http','clientAliases':[1]}"), AT_SERVICE ".clientAliases[0]");
    expect_bad(SERVICE("{'portName':'http','clientAlias':{},'clientAliases':[]}"), AT_SERVICE ".clientAlias");
}

static void test_several_aliases(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        SERVICE("{'portName':'http','clientAliases':[{'port':80,'dnsName':'a'},{'port':81,'dnsName':'a'}]}"));

    (void)state;
    expect_counts(&parsed, 0, 0);
    assert_string_equal(published(&parsed), "a:80/tcp a:81/tcp");
    assert_string_equal(parsed.list.items[0].services[0].aliases[1].path, AT_SERVICE ".clientAliases[1]");
}

static void test_enabled(void **state)
{
    _cleanup_parsed_ struct parsed off = parse_quoted(
        "{'serviceName':'a','serviceConnectConfiguration':{'enabled':false,'services':[{'portName':'p',"
        "'clientAliases':[{'port':1}]}],'routes':[{'dnsName':'b','targets':[{'service':'c','weight':1}]}]}}");

    (void)state;
    assert_int_equal(off.r, 0);
    assert_false(off.list.items[0].is_enabled);
    assert_int_equal(off.list.items[0].n_services, 0);
    assert_int_equal(off.list.items[0].n_routes, 0);
    expect_warning("{'serviceName':'a','serviceConnectConfiguration':{}}", AT_BLOCK ".enabled", "true");
    expect_bad("{'serviceName':'a','serviceConnectConfiguration':{'enabled':1}}", AT_BLOCK ".enabled");
}

static void test_unknown_task_definition(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        "{'serviceName':'a','taskDefinition':'t:1','serviceConnectConfiguration':{'enabled':true,'services':"
        "[{'portName':'p','clientAliases':[{'port':5,'dnsName':'x'}]}]}}");

    (void)state;
    assert_int_equal(parsed.r, 0);
    assert_int_equal(parsed.list.items[0].services[0].container_port, 0);
    assert_string_equal(published(&parsed), "x:5/tcp");
    expect_bad(BLOCK("'services':[{'portName':'p'}]"), AT_SERVICE ".clientAliases");
    expect_bad(BLOCK("'services':[{'portName':'p','clientAliases':[{'dnsName':'x'}]}]"),
               AT_SERVICE ".clientAliases[0].port");
}

static void test_all_errors_at_once(void **state)
{
    _cleanup_parsed_ struct parsed parsed =
        parse_quoted(SERVICE("{'portName':'http','discoveryName':'A','ingressPortOverride':-1,"
                             "'clientAliases':[{'port':0,'dnsName':'B'}]},{'portName':7}"));

    (void)state;
    expect_counts(&parsed, 5, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_name),
        cmocka_unit_test(test_binds_to_its_mapping),
        cmocka_unit_test(test_alias_forms),
        cmocka_unit_test(test_several_aliases),
        cmocka_unit_test(test_enabled),
        cmocka_unit_test(test_unknown_task_definition),
        cmocka_unit_test(test_all_errors_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
