/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define ELEMENT       "{'portName':'http','clientAliases':[{'port':80,'dnsName':'a'}]}"
#define WITH(mapping) SERVICE_WITH_MAPPINGS(ELEMENT, "{'name':'http','containerPort':80}," mapping)
#define AT(member)    "taskDefinition.containerDefinitions[0].portMappings[1]." member

static void test_container_port(void **state)
{
    (void)state;
    expect_good(WITH("{'containerPort':1}"));
    expect_good(WITH("{'containerPort':65535}"));
    expect_bad(WITH("{'containerPort':0}"), AT("containerPort"));
    expect_bad(WITH("{'containerPort':65536}"), AT("containerPort"));
    expect_bad(WITH("{'containerPort':'80'}"), AT("containerPort"));
    expect_bad(WITH("{'hostPort':80}"), AT("containerPort"));
    expect_good(WITH("{'containerPort':1,'hostPort':0}"));
    expect_bad(WITH("{'containerPort':1,'hostPort':65536}"), AT("hostPort"));
}

static void test_container_port_range(void **state)
{
    static const char *const bad[] = {"1",  "0-1", "2-1",   "1-65536", "a-b",
                                      "-1", "1-",  "1-2-3", "",        "000001-2"};
    char text[512];

    (void)state;
    expect_good(WITH("{'containerPortRange':'1-65535'}"));
    expect_good(WITH("{'containerPortRange':'7-7'}"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), WITH("{'containerPortRange':'%s'}"), bad[i]);
        expect_bad(text, AT("containerPortRange"));
    }
}

static void test_protocols(void **state)
{
    (void)state;
    expect_good(WITH("{'containerPort':1,'protocol':'udp'}"));
    expect_bad(WITH("{'containerPort':1,'protocol':'TCP'}"), AT("protocol"));
    expect_good(WITH("{'containerPort':1,'appProtocol':'grpc'}"));
    expect_good(WITH("{'containerPort':1,'appProtocol':'http2'}"));
    expect_bad(WITH("{'containerPort':1,'appProtocol':'tcp'}"), AT("appProtocol"));
}

static void test_mapping_names(void **state)
{
    (void)state;
    expect_good(WITH("{'containerPort':1,'name':'a-b_1'}"));
    expect_bad(WITH("{'containerPort':1,'name':'-a'}"), AT("name"));
    expect_bad(WITH("{'containerPort':1,'name':'A'}"), AT("name"));
    expect_bad(WITH("{'containerPort':1,'name':'http'}"), "taskDefinition.containerDefinitions");
}

static void test_containers(void **state)
{
    (void)state;
    expect_bad("{'serviceName':'a','taskDefinition':{'containerDefinitions':[7]},"
               "'serviceConnectConfiguration':{'enabled':true}}",
               "taskDefinition.containerDefinitions[0]");
    expect_bad("{'serviceName':'a','taskDefinition':{},'serviceConnectConfiguration':{'enabled':true}}",
               "taskDefinition.containerDefinitions");
    expect_bad("{'containerDefinitions':[]}", "family");
    expect_bad("{'family':'a b','containerDefinitions':[]}", "family");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_port), cmocka_unit_test(test_container_port_range),
        cmocka_unit_test(test_protocols),      cmocka_unit_test(test_mapping_names),
        cmocka_unit_test(test_containers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
