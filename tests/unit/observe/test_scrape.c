/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The page of metrics in slices: each family once and in one piece, with and without endpoints. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include "observe/scrape.h"
#include "observe/totals.h"
#include "tasks/task_list.h"
#include "unit/api/lists_lab.h"

static struct totals totals;
static struct tasks no_tasks;

static void begin(struct lists_lab *lab, unsigned n)
{
    lab_begin(lab, n);
    lab->api.tasks = &no_tasks;
    assert_int_equal(engine_follow(lab->house.engine, &totals_follower, &totals), 0);
    assert_int_equal(totals_begin(&totals, lab->house.engine, lab->house.datapath, &lab->outliers), 0);
    house_put(&lab->house, "services/ns/front",
              "{\"clientAliases\":[{\"dnsName\":\"front\",\"port\":80,\"protocol\":\"tcp\"}]}");
    house_put(&lab->house, "routes/ns//front:80/tcp",
              "{\"targets\":[{\"service\":\"s1\",\"weight\":3},{\"service\":\"s2\",\"weight\":1}]}");
}

static void end(struct lists_lab *lab)
{
    totals_done(&totals);
    lab_end(lab);
}

static struct lab_reader read_page(struct lists_lab *lab, bool has_endpoints, bool is_openmetrics,
                                   size_t room)
{
    const struct scrape_settings settings = {.api = &lab->api,
                                             .totals = &totals,
                                             .is_openmetrics = is_openmetrics,
                                             .has_endpoints = has_endpoints};
    struct http_writer writer;

    assert_int_equal(scrape_writer(&settings, &writer), 0);
    return lab_reader_of(writer, room);
}

static unsigned n_of(const char *text, const char *part)
{
    unsigned n = 0;

    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

/* Samples stand below the header of their family, and no family is begun twice. */
static void expect_in_pieces(char *text)
{
    char seen[8192] = "\n", family[128] = "";
    char *rest = NULL;

    for (const char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[128], entry[132];

        if (sscanf(line, "# HELP %127s", name) == 1) {
            (void)snprintf(entry, sizeof(entry), "\n%s\n", name);
            assert_null(strstr(seen, entry));
            assert_true(strlen(seen) + strlen(entry) < sizeof(seen));
            (void)strcat(seen, entry);
            (void)strcpy(family, name);
        } else if (*line != '#') {
            assert_memory_equal(line, family, strlen(family));
        }
    }
}

static void test_without_endpoints(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 500);
    reader = read_page(&lab, false, false, 16384);
    text = lab_rest(&reader);
    assert_int_equal(n_of(text, "\nsvcconnect_service_connections_total{"), LAB_SERVICES);
    assert_int_equal(n_of(text, "\nsvcconnect_service_endpoints{"), 6 * LAB_SERVICES);
    assert_non_null(
        strstr(text, "\nsvcconnect_service_endpoints{namespace=\"ns\",service=\"s3\",state=\"drawn\"} 50\n"));
#define FRONT "{namespace=\"ns\",alias=\"front\",port=\"80\",protocol=\"tcp\""
    assert_non_null(strstr(text, "\nsvcconnect_alias_endpoints" FRONT "} 100\n"));
    assert_non_null(strstr(text, "\nsvcconnect_alias_target_wanted_ratio" FRONT ",service=\"s1\"} 0.75\n"));
    assert_non_null(
        strstr(text, "\nsvcconnect_alias_target_effective_ratio" FRONT ",service=\"s2\"} 0.25\n"));
    assert_non_null(strstr(text, "\nsvcconnect_scrape_consistent 1\n"));
    assert_null(strstr(text, "svcconnect_endpoint_"));
    assert_null(strstr(text, "# EOF"));
    expect_in_pieces(text);
    end(&lab);
}

static void test_with_endpoints(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 300);
    reader = read_page(&lab, true, true, 16384);
    text = lab_rest(&reader);
    assert_int_equal(n_of(text, "\nsvcconnect_endpoint_open{"), 300);
    assert_int_equal(n_of(text, "\nsvcconnect_endpoint_health{"), 300);
    assert_int_equal(n_of(text, "\n# TYPE svcconnect_endpoint_outcomes counter\n"), 1);
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    expect_in_pieces(text);
    end(&lab);
}

static void test_slices_are_small(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;

    (void)state;
    begin(&lab, 2000);
    reader = read_page(&lab, true, false, SIZE_MAX);
    for (bool goes_on = true; goes_on;) {
        const char *text;

        (void)evbuffer_drain(reader.text, evbuffer_get_length(reader.text));
        goes_on = lab_slice(&reader);
        assert_int_equal(evbuffer_add(reader.text, "", 1), 0);
        text = (const char *)evbuffer_pullup(reader.text, -1);
        assert_true(n_of(text, "svcconnect_endpoint_health{") <= SCRAPE_SLICE);
    }
    assert_true(reader.slices >= METRICS_SERVICE_FAMILIES * 2000 / SCRAPE_SLICE);
    lab_leave(&reader);
    end(&lab);
}

/* Two at once have the same figures, though each takes its slices in its own time. */
static void test_two_readers(void **state)
{
    const struct svc_endpoint_stats stats = {.connections = 5};
    struct lists_lab lab;
    struct lab_reader first, second;
    _cleanup_free_ char *one = NULL, *other = NULL;

    (void)state;
    begin(&lab, 1000);
    first = read_page(&lab, false, false, 1);
    free(lab_rest(&first));
    assert_int_equal(memory_datapath_set_stats(lab.house.datapath,
                                               house_instance(&lab.house, "s1", "i00001")->endpoint, &stats),
                     0);
    first = read_page(&lab, false, false, 1);
    second = read_page(&lab, false, false, 16384);
    for (unsigned i = 0; i < 5; i++)
        assert_true(lab_slice(&first));
    other = lab_rest(&second);
    one = lab_rest(&first);
#define S1 "\nsvcconnect_service_connections_total{namespace=\"ns\",service=\"s1\"} 5\n"
    assert_non_null(strstr(one, S1));
    assert_non_null(strstr(other, S1));
    end(&lab);
}

static void test_a_change_meanwhile(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 200);
    reader = read_page(&lab, false, false, 1);
    while (!evbuffer_get_length(reader.text))
        assert_true(lab_slice(&reader));
    house_put(&lab.house, "routes/ns//front:80/tcp", NULL);
    house_put(&lab.house, "services/ns/front", NULL);
    text = lab_rest(&reader);
    assert_non_null(strstr(text, "\nsvcconnect_scrape_consistent 0\n"));
    end(&lab);
}

static void test_a_reader_that_leaves(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    begin(&lab, 2000);
    reader = read_page(&lab, false, false, 1);
    for (unsigned i = 0; i < 6; i++)
        (void)lab_slice(&reader);
    lab_leave(&reader);
    reader = read_page(&lab, false, false, 16384);
    text = lab_rest(&reader);
    assert_int_equal(n_of(text, "\nsvcconnect_service_open{"), LAB_SERVICES);
    end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_endpoints),  cmocka_unit_test(test_with_endpoints),
        cmocka_unit_test(test_slices_are_small),   cmocka_unit_test(test_two_readers),
        cmocka_unit_test(test_a_change_meanwhile), cmocka_unit_test(test_a_reader_that_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
