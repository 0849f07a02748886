/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define NAMED(name, namespace, services)                                                                     \
    "{'serviceName':'" name                                                                                  \
    "','serviceConnectConfiguration':{'enabled':true,'namespace':'" namespace "','services':[" services      \
                                                                              "]}}"
#define ONE(discovery, alias) "{'portName':'p','discoveryName':'" discovery "','clientAliases':[" alias "]}"

static void test_documents(void **state)
{
    (void)state;
    expect_bad("[" NAMED("a", "n", "") "," NAMED("a", "n", "") "]", "[1]");
    expect_good("[" NAMED("a", "n", "") "," NAMED("a", "m", "") "," NAMED("b", "n", "") "]");
}

static void test_discovery_names(void **state)
{
    (void)state;
    expect_bad("[" NAMED("a", "n", ONE("x", "{'port':1,'dnsName':'q'}")) "," NAMED(
                   "b", "n", ONE("x", "{'port':2,'dnsName':'q'}")) "]",
               "[1]." AT_SERVICE ".discoveryName");
    expect_good("[" NAMED("a", "n", ONE("x", "{'port':1}")) "," NAMED("b", "m", ONE("x", "{'port':1}")) "]");
}

static void test_aliases(void **state)
{
    (void)state;
    expect_bad("[" NAMED("a", "n", ONE("x", "{'port':1,'dnsName':'q'}")) "," NAMED(
                   "b", "n", ONE("y", "{'port':1,'dnsName':'q'}")) "]",
               "[1]." AT_SERVICE ".clientAliases[0]");
    expect_good("[" NAMED("a", "n", ONE("x", "{'port':1,'dnsName':'q'}")) "," NAMED(
        "b", "n", ONE("y", "{'port':2,'dnsName':'q'}")) "," NAMED("c", "m",
                                                                  ONE("x", "{'port':1,'dnsName':'q'}")) "]");
    expect_bad(BLOCK("'services':[" ONE("x", "{'port':1,'dnsName':'q'},{'port':1,'dnsName':'q'}") "]"),
               AT_SERVICE ".clientAliases[1]");
}

static void test_default_gives_way(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(
        BLOCK("'services':[" ONE("x", "{'port':1}") "," ONE("y", "{'port':1,'dnsName':'x'}") "]"));

    (void)state;
    assert_int_equal(parsed.r, 0);
    expect_finding(&parsed, FINDING_WARNING, AT_SERVICE ".clientAliases[0]", "\"x\" is left out");
    assert_string_equal(published(&parsed), "x.shop:1/tcp* x.shop.svc.cluster.local:1/tcp* "
                                            "x.default.svc.cluster.local:1/tcp* x:1/tcp");
    /* ECS publishes x.shop as well. */
    expect_bad(BLOCK("'services':[" ONE("x", "{'port':1}") "," ONE("y", "{'port':1,'dnsName':'x.shop'}") "]"),
               AT_SERVICE ".clientAliases[0]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_discovery_names),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_default_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
