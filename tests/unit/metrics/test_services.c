/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How services and client aliases look as metrics. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "metrics/services.h"

static char *written(const struct metrics_service *service, const struct metrics_alias *alias)
{
    char *text = NULL;
    size_t size = 0;
    const struct metrics_text out = {.file = open_memstream(&text, &size)};

    assert_non_null(out.file);
    for (unsigned i = 0; service && i < METRICS_SERVICE_FAMILIES; i++) {
        metrics_begin_service_family(&out, i);
        metrics_write_service(&out, i, service);
    }
    for (unsigned i = 0; alias && i < METRICS_ALIAS_FAMILIES; i++) {
        metrics_begin_alias_family(&out, i);
        metrics_write_alias(&out, i, alias);
    }
    assert_int_equal(fclose(out.file), 0);
    return text;
}

static void expect(const char *text, const char *line)
{
    _cleanup_free_ char *wanted = NULL;

    assert_true(asprintf(&wanted, "\n%s\n", line) > 0);
    if (!strstr(text, wanted))
        fail_msg("no line %s in\n%s", line, text);
}

static unsigned n_lines(const char *text, const char *begin)
{
    unsigned n = 0;

    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        n += strncmp(at, begin, strlen(begin)) == 0;
    }
    return n;
}

static void test_a_service(void **state)
{
    const struct metrics_service service = {
        .namespace_name = "n\"s",
        .service = "web",
        .stats = {.connections = 1, .established = 2, .refused = 3, .ejections = 4, .closed = 5},
        .first_byte = {.buckets = {[0] = 1, [9] = 2, [19] = 3}, .sum_us = 41000000},
        .open = 6,
        .endpoints = {[METRICS_DRAWN] = 7, [METRICS_IDLE] = 8, [METRICS_EJECTED] = 9},
    };
    _cleanup_free_ char *text = written(&service, NULL);

    (void)state;
#define OF "{namespace=\"n\\\"s\",service=\"web\""
    expect(text, "svcconnect_service_connections_total" OF "} 1");
    expect(text, "svcconnect_service_outcomes_total" OF ",outcome=\"established\"} 2");
    expect(text, "svcconnect_service_outcomes_total" OF ",outcome=\"refused\"} 3");
    expect(text, "svcconnect_service_outcomes_total" OF ",outcome=\"unreachable\"} 0");
    expect(text, "svcconnect_service_ejections_total" OF "} 4");
    expect(text, "svcconnect_service_open" OF "} 6");
    expect(text, "svcconnect_service_endpoints" OF ",state=\"drawn\"} 7");
    expect(text, "svcconnect_service_endpoints" OF ",state=\"idle\"} 8");
    expect(text, "svcconnect_service_endpoints" OF ",state=\"ejected\"} 9");
    expect(text, "svcconnect_service_first_byte_seconds_bucket" OF ",le=\"6.4e-05\"} 1");
    expect(text, "svcconnect_service_first_byte_seconds_bucket" OF ",le=\"0.016384\"} 1");
    expect(text, "svcconnect_service_first_byte_seconds_bucket" OF ",le=\"0.032768\"} 3");
    expect(text, "svcconnect_service_first_byte_seconds_bucket" OF ",le=\"+Inf\"} 6");
    expect(text, "svcconnect_service_first_byte_seconds_sum" OF "} 41");
    expect(text, "svcconnect_service_first_byte_seconds_count" OF "} 6");
    assert_int_equal(n_lines(text, "svcconnect_service_outcomes_total{"), 7);
    assert_int_equal(n_lines(text, "svcconnect_service_endpoints{"), METRICS_SERVICE_STATES);
    assert_int_equal(n_lines(text, "# TYPE "), METRICS_SERVICE_FAMILIES);
}

static void test_an_alias(void **state)
{
    const struct metrics_target targets[] = {{"v1", 0.75, 1, 0.5}, {"v2", 0.25, 0, NAN}};
    const struct metrics_alias alias = {.namespace_name = "ns",
                                        .dns_name = "back.end",
                                        .port = 65535,
                                        .protocol = "udp",
                                        .endpoints = 12,
                                        .targets = targets,
                                        .n_targets = ARRAY_SIZE(targets)};
    _cleanup_free_ char *text = written(NULL, &alias);

    (void)state;
#undef OF
#define OF "{namespace=\"ns\",alias=\"back.end\",port=\"65535\",protocol=\"udp\""
    expect(text, "svcconnect_alias_endpoints" OF "} 12");
    expect(text, "svcconnect_alias_target_wanted_ratio" OF ",service=\"v1\"} 0.75");
    expect(text, "svcconnect_alias_target_wanted_ratio" OF ",service=\"v2\"} 0.25");
    expect(text, "svcconnect_alias_target_effective_ratio" OF ",service=\"v1\"} 1");
    expect(text, "svcconnect_alias_target_effective_ratio" OF ",service=\"v2\"} 0");
    expect(text, "svcconnect_alias_target_zone_ratio" OF ",service=\"v1\"} 0.5");
    assert_int_equal(n_lines(text, "svcconnect_alias_"), 6); /* nobody is sent to v2 */
}

/* One that leads nowhere has no shares to tell, and still is there. */
static void test_an_alias_without_targets(void **state)
{
    const struct metrics_alias alias = {
        .namespace_name = "ns", .dns_name = "x", .port = 80, .protocol = "tcp"};
    _cleanup_free_ char *text = written(NULL, &alias);

    (void)state;
    expect(text, "svcconnect_alias_endpoints{namespace=\"ns\",alias=\"x\",port=\"80\",protocol=\"tcp\"} 0");
    assert_int_equal(n_lines(text, "svcconnect_alias_"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_service),
        cmocka_unit_test(test_an_alias),
        cmocka_unit_test(test_an_alias_without_targets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
