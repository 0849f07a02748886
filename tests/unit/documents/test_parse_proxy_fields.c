/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#define WITH(member) SERVICE("{'portName':'http'," member "}")
#define PLAIN(member)                                                                                        \
    SERVICE_WITH_MAPPINGS("{'portName':'db'," member "}", "{'name':'db','containerPort':5432}")

static void test_timeout(void **state)
{
    (void)state;
    expect_warning(WITH("'timeout':{'idleTimeoutSeconds':0}"), AT_SERVICE ".timeout.idleTimeoutSeconds",
                   "accepted, not enforced: needs a proxy");
    expect_warning(WITH("'timeout':{'perRequestTimeoutSeconds':2147483647}"),
                   AT_SERVICE ".timeout.perRequestTimeoutSeconds", "accepted, not enforced: needs a proxy");
    expect_bad(WITH("'timeout':{'perRequestTimeoutSeconds':2147483648}"),
               AT_SERVICE ".timeout.perRequestTimeoutSeconds");
    expect_bad(WITH("'timeout':{'idleTimeoutSeconds':-1}"), AT_SERVICE ".timeout.idleTimeoutSeconds");
    expect_bad(PLAIN("'timeout':{'perRequestTimeoutSeconds':0}"),
               AT_SERVICE ".timeout.perRequestTimeoutSeconds");
    expect_good(PLAIN("'timeout':{'idleTimeoutSeconds':1}"));
}

static void test_tls(void **state)
{
    (void)state;
    expect_warning(WITH("'tls':{'issuerCertificateAuthority':{'awsPcaAuthorityArn':'a'},'roleArn':'r'}"),
                   AT_SERVICE ".tls", "accepted, not enforced: needs a proxy");
    expect_bad(WITH("'tls':{}"), AT_SERVICE ".tls.issuerCertificateAuthority");
    expect_bad(WITH("'tls':{'issuerCertificateAuthority':{'awsPcaAuthorityArn':1}}"),
               AT_SERVICE ".tls.issuerCertificateAuthority.awsPcaAuthorityArn");
    expect_bad(WITH("'tls':{'issuerCertificateAuthority':{},'kmsKey':1}"), AT_SERVICE ".tls.kmsKey");
    expect_bad(
        "{'family':'f','networkMode':'host','containerDefinitions':[{'portMappings':[{'containerPort':1}]}],"
        "'serviceConnectConfiguration':{'services':[{'portName':'p','tls':{'issuerCertificateAuthority':{}}}]"
        "}}",
        AT_SERVICE ".tls");
}

static void test_ports_and_test_traffic(void **state)
{
    (void)state;
    expect_warning(WITH("'ingressPortOverride':65535"), AT_SERVICE ".ingressPortOverride", "not enforced");
    expect_bad(WITH("'ingressPortOverride':65536"), AT_SERVICE ".ingressPortOverride");
    expect_warning(
        WITH("'clientAliases':[{'port':1,'testTrafficRules':{'header':{'name':'n','value':{'exact':'e'}}}}]"),
        AT_SERVICE ".clientAliases[0].testTrafficRules", "accepted, not enforced: needs a proxy");
    expect_bad(WITH("'clientAliases':[{'port':1,'testTrafficRules':{}}]"),
               AT_SERVICE ".clientAliases[0].testTrafficRules.header");
    expect_bad(WITH("'clientAliases':[{'port':1,'testTrafficRules':{'header':{'value':{'exact':'e'}}}}]"),
               AT_SERVICE ".clientAliases[0].testTrafficRules.header.name");
    expect_bad(WITH("'clientAliases':[{'port':1,'testTrafficRules':{'header':{'name':'n','value':{}}}}]"),
               AT_SERVICE ".clientAliases[0].testTrafficRules.header.value.exact");
}

static void test_logging(void **state)
{
    static const char *const drivers[] = {"json-file", "syslog",  "journald", "gelf",
                                          "fluentd",   "awslogs", "splunk",   "awsfirelens"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        (void)snprintf(text, sizeof(text), BLOCK("'logConfiguration':{'logDriver':'%s'}"), drivers[i]);
        expect_good(text);
    }
    expect_bad(BLOCK("'logConfiguration':{'logDriver':'none'}"), AT_BLOCK ".logConfiguration.logDriver");
    expect_bad(BLOCK("'logConfiguration':{}"), AT_BLOCK ".logConfiguration.logDriver");
    expect_bad(BLOCK("'logConfiguration':{'logDriver':'gelf','options':{'a':1}}"),
               AT_BLOCK ".logConfiguration.options.a");
    expect_bad(BLOCK("'logConfiguration':{'logDriver':'gelf','secretOptions':[{'name':'a'}]}"),
               AT_BLOCK ".logConfiguration.secretOptions[0].valueFrom");
    expect_warning(BLOCK("'logDriver':'awslogs'"), AT_BLOCK ".logDriver", "logConfiguration");
    expect_bad(BLOCK("'logDriver':'nope'"), AT_BLOCK ".logDriver");
}

static void test_access_log(void **state)
{
    (void)state;
    expect_bad(BLOCK("'accessLogConfiguration':{'format':'TEXT'}"), AT_BLOCK ".accessLogConfiguration");
    expect_warning(BLOCK("'logDriver':'gelf','accessLogConfiguration':{'format':'TEXT'}"),
                   AT_BLOCK ".accessLogConfiguration", "accepted, not enforced: needs a proxy");
    expect_bad(BLOCK("'logDriver':'gelf','accessLogConfiguration':{}"),
               AT_BLOCK ".accessLogConfiguration.format");
    expect_bad(
        BLOCK("'logDriver':'gelf','accessLogConfiguration':{'format':'JSON','includeQueryParameters':'YES'}"),
        AT_BLOCK ".accessLogConfiguration.includeQueryParameters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_ports_and_test_traffic),
        cmocka_unit_test(test_logging),
        cmocka_unit_test(test_access_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
