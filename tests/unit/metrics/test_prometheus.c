/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "metrics/snapshot.h"

static const struct metrics_map maps[] = {
    {.name = "aliases", .used = 6, .max = 65536, .setting = "maps.aliases"},
    {.name = "slots", .used = 4294967295u, .max = 4294967295u, .setting = "maps.slots"},
};

static const struct histogram lag = {
    .buckets = {100, 20, 3, [HISTOGRAM_BOUNDS - 1] = 1, [HISTOGRAM_BOUNDS] = 2},
    .count = 126,
    .sum = 21.5,
    .max = 9,
};

static const struct metrics_state canaries[] = {{"RUNNING", 2}, {"ROLLED_BACK", 1}};
static const struct metrics_state questions[] = {{"answered", 50}, {"timed_out", 0}};

static const struct metrics_fleet fleet = {12, 5, 2, 30, 3, 4, 6, 7, 8};

static const struct metrics_otlp otlp = {.sent = 41, .dropped = 42, .failed_requests = 43};

static const struct metrics_snapshot full = {
    .fleet = &fleet,
    .counters = {.hit = 11,
                 .miss = 12,
                 .no_endpoint = 13,
                 .retried = 14,
                 .inconsistent = UINT64_MAX,
                 .redrawn = 15,
                 .all_ejected = 16},
    .refusals = {.no_alias = 10, .saved = 11, .policy = 12, .audited = 13},
    .probes = 17,
    .pins_put_back = 28,
    .probes_failed = 18,
    .probe_targets = 19,
    .is_weak_observer = true,
    .is_registry_degraded = true,
    .kept_aliases = 40,
    .troubles = 3,
    .maps = maps,
    .n_maps = ARRAY_SIZE(maps),
    .namespaces = 1,
    .services = 2,
    .instances = 100000,
    .aliases = 4,
    .tasks = 5,
    .map_writes = 6,
    .revision = 9007199254740992, /* 2^53 */
    .uptime_seconds = 12.5,
    .otlp = &otlp,
    .loop_lag = &lag,
    .version = "1.2.3",
    .kernel = "6.1.0-x",
    .changed_at = 1769860800.25,
    .tasks_not_attached = 1,
    .drains = 8,
    .canaries = canaries,
    .n_canaries = ARRAY_SIZE(canaries),
    .dns_questions = questions,
    .n_dns_questions = ARRAY_SIZE(questions),
    .is_dns_on = true,
    .runtimes = 3,
    .runtimes_connected = 2,
};

static char *written(const struct metrics_snapshot *snapshot, const struct metrics_endpoint *endpoint)
{
    char *text = NULL;
    size_t size = 0;
    const struct metrics_text out = {.file = open_memstream(&text, &size)};

    assert_non_null(out.file);
    if (snapshot)
        metrics_write(&out, snapshot);
    for (unsigned family = 0; endpoint && family < METRICS_FAMILIES; family++) {
        metrics_begin_family(&out, family);
        metrics_write_endpoint(&out, family, endpoint);
    }
    assert_int_equal(fclose(out.file), 0);
    return text;
}

static void expect_line(const char *text, const char *line)
{
    _cleanup_free_ char *wanted = NULL;

    assert_true(asprintf(&wanted, "\n%s\n", line) > 0);
    if (!strstr(text, wanted))
        fail_msg("no line %s in\n%s", line, text);
}

static void test_values(void **state)
{
    _cleanup_free_ char *text = written(&full, NULL);

    (void)state;
    expect_line(text, "svcconnect_connects_total{result=\"hit\"} 11");
    expect_line(text, "svcconnect_connects_total{result=\"miss\"} 12");
    expect_line(text, "svcconnect_connects_total{result=\"no_endpoint\"} 13");
    expect_line(text, "svcconnect_connects_total{result=\"no_alias\"} 10");
    expect_line(text, "svcconnect_connects_total{result=\"policy\"} 12");
    expect_line(text, "svcconnect_policy_audited_total 13");
    expect_line(text, "svcconnect_saved_total 11");
    expect_line(text, "svcconnect_connects_total{result=\"inconsistent\"} 18446744073709551615");
    expect_line(text, "svcconnect_lookup_retries_total 14");
    expect_line(text, "svcconnect_redraws_total 15");
    expect_line(text, "svcconnect_all_ejected_total 16");
    expect_line(text, "svcconnect_probes_total 17");
    expect_line(text, "svcconnect_pins_put_back_total 28");
    expect_line(text, "svcconnect_otlp_sent_total 41");
    expect_line(text, "svcconnect_otlp_dropped_total 42");
    expect_line(text, "svcconnect_otlp_failed_requests_total 43");
    expect_line(text, "svcconnect_probes_failed_total 18");
    expect_line(text, "svcconnect_probe_targets 19");
    expect_line(text, "svcconnect_weak_observer 1");
    expect_line(text, "svcconnect_map_used{map=\"aliases\"} 6");
    expect_line(text, "svcconnect_map_max{map=\"aliases\"} 65536");
    expect_line(text, "svcconnect_map_used{map=\"slots\"} 4294967295");
    expect_line(text, "svcconnect_map_writes_total 6");
    expect_line(text, "svcconnect_namespaces 1");
    expect_line(text, "svcconnect_services 2");
    expect_line(text, "svcconnect_instances 100000");
    expect_line(text, "svcconnect_aliases 4");
    expect_line(text, "svcconnect_tasks 5");
    expect_line(text, "svcconnect_registry_revision 9007199254740992");
    expect_line(text, "svcconnect_registry_degraded 1");
    expect_line(text, "svcconnect_degraded 3");
    expect_line(text, "svcconnect_registry_lost 1");
    expect_line(text, "svcconnect_registry_lost_seconds 12");
    expect_line(text, "svcconnect_registry_hosts 5");
    expect_line(text, "svcconnect_registry_gone_hosts 2");
    expect_line(text, "svcconnect_registry_gone_instances 30");
    expect_line(text, "svcconnect_registry_doubted_hosts 3");
    expect_line(text, "svcconnect_registry_put_back_total 4");
    expect_line(text, "svcconnect_registry_resyncs_total 6");
    expect_line(text, "svcconnect_registry_skipped_rows_total 7");
    expect_line(text, "svcconnect_registry_audit_differences_total 8");
    expect_line(text, "svcconnect_kept_aliases 40");
    expect_line(text, "svcconnect_uptime_seconds 12.5");
    expect_line(text, "svcconnect_build_info{version=\"1.2.3\",kernel=\"6.1.0-x\"} 1");
    expect_line(text, "svcconnect_registry_changed_timestamp_seconds 1769860800.25");
    expect_line(text, "svcconnect_tasks_not_attached 1");
    expect_line(text, "svcconnect_drains 8");
    expect_line(text, "svcconnect_canaries{state=\"RUNNING\"} 2");
    expect_line(text, "svcconnect_canaries{state=\"ROLLED_BACK\"} 1");
    expect_line(text, "svcconnect_dns_on 1");
    expect_line(text, "svcconnect_dns_questions_total{result=\"answered\"} 50");
    expect_line(text, "svcconnect_container_runtimes 3");
    expect_line(text, "svcconnect_container_runtimes_connected 2");
}

/* Families of counters are named without _total, samples with it; whole bounds have a point. */
static void test_openmetrics(void **state)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    const struct metrics_text out = {.file = open_memstream(&text, &size), .is_openmetrics = true};

    (void)state;
    assert_non_null(out.file);
    metrics_write(&out, &full);
    metrics_text_end(&out);
    assert_int_equal(fclose(out.file), 0);
    expect_line(text, "# TYPE svcconnect_probes counter");
    expect_line(text, "svcconnect_probes_total 17");
    assert_null(strstr(text, "# TYPE svcconnect_probes_total"));
    assert_null(strstr(text, "# HELP svcconnect_connects_total"));
    expect_line(text, "# TYPE svcconnect_uptime_seconds gauge");
    expect_line(text, "# UNIT svcconnect_uptime_seconds seconds");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"1.0\"} 123");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"2.5\"} 123");
    assert_string_equal(text + size - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void test_only_openmetrics_tells_its_end(void **state)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    const struct metrics_text out = {.file = open_memstream(&text, &size)};

    (void)state;
    assert_non_null(out.file);
    metrics_text_end(&out);
    assert_int_equal(fclose(out.file), 0);
    assert_int_equal(size, 0);
}

/* Each bucket with those below it, and the last one is as many as there are. */
static void test_histogram(void **state)
{
    _cleanup_free_ char *text = written(&full, NULL);

    (void)state;
    expect_line(text, "# TYPE svcconnect_loop_lag_seconds histogram");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"0.001\"} 100");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"0.002\"} 120");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"0.005\"} 123");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"1\"} 123");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"2.5\"} 123");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"5\"} 124");
    expect_line(text, "svcconnect_loop_lag_seconds_bucket{le=\"+Inf\"} 126");
    expect_line(text, "svcconnect_loop_lag_seconds_sum 21.5");
    expect_line(text, "svcconnect_loop_lag_seconds_count 126");
}

static void test_endpoint_line(void **state)
{
    const struct metrics_endpoint endpoint = {
        "default",
        "web",
        "10.0.0.1:80",
        "UNHEALTHY",
        true,
        4,
        {.connections = UINT64_MAX, .refused = 7, .unreachable = 3, .ejections = 2},
        ""};
    _cleanup_free_ char *text = written(NULL, &endpoint);

    (void)state;
    expect_line(text, "svcconnect_endpoint_connections_total{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\"} 18446744073709551615");
    expect_line(text, "svcconnect_endpoint_outcomes_total{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\",outcome=\"refused\"} 7");
    expect_line(text, "svcconnect_endpoint_outcomes_total{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\",outcome=\"unreachable\"} 3");
    expect_line(text, "svcconnect_endpoint_ejections_total{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\"} 2");
    expect_line(text, "svcconnect_endpoint_ejected{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\"} 1");
    expect_line(text, "svcconnect_endpoint_open{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\"} 4");
    expect_line(text, "svcconnect_endpoint_health{namespace=\"default\",service=\"web\","
                      "instance=\"10.0.0.1:80\",state=\"UNHEALTHY\"} 1");
}

/* \ " and newline are the three that the format escapes. */
static void test_labels_are_escaped(void **state)
{
    const struct metrics_endpoint endpoint = {"a\\b", "\"", "x\\\"", "HEALTHY", false, 0, {.connections = 1},
                                              ""};
    _cleanup_free_ char *text = written(NULL, &endpoint);

    (void)state;
    expect_line(text, "svcconnect_endpoint_connections_total{namespace=\"a\\\\b\",service=\"\\\"\","
                      "instance=\"x\\\\\\\"\"} 1");
}

/* The addresses of one host name are told apart. */
static void test_an_address_is_a_label(void **state)
{
    const struct metrics_endpoint endpoint = {"ns", "db",           "x",       "HEALTHY", false,
                                              3,    {.refused = 2}, "10.0.0.1"};
    _cleanup_free_ char *text = written(NULL, &endpoint);

    (void)state;
    expect_line(
        text,
        "svcconnect_endpoint_open{namespace=\"ns\",service=\"db\",instance=\"x\",address=\"10.0.0.1\"} 3");
    expect_line(text, "svcconnect_endpoint_outcomes_total{namespace=\"ns\",service=\"db\",instance=\"x\","
                      "address=\"10.0.0.1\",outcome=\"refused\"} 2");
}

/* A line that ends early would let a name be a sample of its own. */
static void test_newline_in_a_label(void **state)
{
    const struct metrics_endpoint endpoint = {"a\nb", "web", "i", "HEALTHY", false, 0, {.connections = 1},
                                              ""};
    _cleanup_free_ char *text = written(NULL, &endpoint);

    (void)state;
    expect_line(
        text, "svcconnect_endpoint_connections_total{namespace=\"a\\nb\",service=\"web\",instance=\"i\"} 1");
}

/* ---- the whole text by the format's own rules ---- */

static size_t name_length(const char *text)
{
    size_t n = 0;

    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == ':')
        n++;
    return n > 0 && isdigit((unsigned char)text[0]) ? 0 : n;
}

/* A sample: name, labels, one space, a number, nothing after it; of the metric that the last TYPE line
 * declared, or one of the three parts of a histogram. */
static void check_sample(const char *line, const char *current, bool is_histogram)
{
    size_t n = name_length(line);
    const char *value = strrchr(line, ' ');
    char *end = NULL;

    assert_true(n >= strlen(current));
    assert_memory_equal(line, current, strlen(current));
    if (n > strlen(current)) {
        const char *part = line + strlen(current);

        assert_true(is_histogram);
        assert_true(strncmp(part, "_bucket{", 8) == 0 || strncmp(part, "_sum ", 5) == 0 ||
                    strncmp(part, "_count ", 7) == 0);
    }
    assert_true(line[n] == '{' || line[n] == ' ');
    assert_non_null(value);
    if (line[n] == '{')
        assert_int_equal(value[-1], '}');
    (void)strtod(value + 1, &end);
    assert_true(end != value + 1 && *end == '\0');
}

static void test_text_is_well_formed(void **state)
{
    const struct metrics_endpoint endpoint = {"default",          "web", "a", "HEALTHY", false, 0,
                                              {.connections = 1}, ""};
    _cleanup_free_ char *text = written(&full, &endpoint);
    char seen[8192] = "\n";
    char current[128] = "", kind[16] = "";
    unsigned samples = 0;
    char *rest = NULL;

    (void)state;
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[128], entry[160];

        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line + 7, "%127s", name), 1);
            assert_int_equal(name_length(name), strlen(name));
            (void)snprintf(entry, sizeof(entry), "\n%s\n", name);
            assert_null(strstr(seen, entry)); /* a metric is described once and in one piece */
            (void)strcat(seen, entry);
            (void)strcpy(current, name);
            assert_true(strlen(line) > 7 + strlen(name) + 1);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_int_equal(sscanf(line + 7, "%127s %15s", name, kind), 2);
            assert_string_equal(name, current);
            assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0 ||
                        strcmp(kind, "histogram") == 0);
            /* By convention exactly the counters end in _total. */
            assert_int_equal(strcmp(kind, "counter") == 0,
                             strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
        } else {
            check_sample(line, current, strcmp(kind, "histogram") == 0);
            samples++;
        }
    }
    assert_int_equal(samples, 11 + 5 + 1 + 10 + 3 + 2 * ARRAY_SIZE(maps) + 1 + 9 + 6 + 7 + HISTOGRAM_BUCKETS +
                                  2 + 1 + 6 + ARRAY_SIZE(canaries) + ARRAY_SIZE(questions));
}

static void test_empty_snapshot(void **state)
{
    static const struct metrics_snapshot empty;
    _cleanup_free_ char *text = written(&empty, NULL);

    (void)state;
    expect_line(text, "svcconnect_connects_total{result=\"hit\"} 0");
    expect_line(text, "svcconnect_uptime_seconds 0");
    assert_null(strstr(text, "{map="));
    assert_null(strstr(text, "loop_lag"));
    assert_null(strstr(text, "otlp"));
    assert_null(strstr(text, "build_info"));
    assert_null(strstr(text, "timestamp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_endpoint_line),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_an_address_is_a_label),
        cmocka_unit_test(test_newline_in_a_label),
        cmocka_unit_test(test_text_is_well_formed),
        cmocka_unit_test(test_empty_snapshot),
        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_only_openmetrics_tells_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
