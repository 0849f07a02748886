/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Metrics that are written slice by slice: each family in one piece, and honest about what changes meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include "lists_lab.h"
#include "metrics/snapshot.h"
#include "tasks/task_list.h"

#define ROOM 16384
#define MOST 65536 /* what the endpoints between two looks at the room have at most, and the head */

static struct tasks no_tasks;

static struct lab_reader read_all(struct lists_lab *lab, size_t room)
{
    struct http_writer writer;

    lab->api.tasks = &no_tasks;
    assert_int_equal(metrics_writer(&lab->api, &writer), 0);
    return lab_reader_of(writer, room);
}

/* Each family has a header, all endpoints by their numbers, and nothing of another in between. */
static void expect_family(const struct lists_lab *lab, const char *text, const char *name, unsigned n_samples,
                          unsigned n)
{
    char line[256];
    const char *at;

    (void)snprintf(line, sizeof(line), "# TYPE %s ", name);
    at = strstr(text, line);
    assert_non_null(at);
    assert_null(strstr(at + 1, line));
    for (uint32_t number = 1; number <= HOUSE_ENDPOINTS; number++) {
        const struct instance *instance = engine_instance(lab->house.engine, number);

        if (!instance)
            continue;
        (void)snprintf(line, sizeof(line), "%s{namespace=\"ns\",service=\"%s\",instance=\"%s\"", name,
                       instance->service->name, instance->id);
        for (unsigned i = 0; i < n_samples; i++) {
            at = strchr(at, '\n') + 1;
            assert_memory_equal(at, line, strlen(line));
        }
        n--;
    }
    assert_int_equal(n, 0);
    at = strchr(at, '\n') + 1;
    assert_memory_equal(at, "# HELP ", 7);
}

static void test_by_family(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    lab_begin(&lab, 2000);
    reader = read_all(&lab, ROOM);
    text = lab_rest(&reader);
    assert_true(reader.most < ROOM + MOST);
    assert_non_null(strstr(text, "\nsvcconnect_instances 2000\n"));
    expect_family(&lab, text, "svcconnect_endpoint_connections_total", 1, 2000);
    expect_family(&lab, text, "svcconnect_endpoint_outcomes_total", 7, 2000);
    expect_family(&lab, text, "svcconnect_endpoint_ejections_total", 1, 2000);
    expect_family(&lab, text, "svcconnect_endpoint_ejected", 1, 2000);
    expect_family(&lab, text, "svcconnect_endpoint_open", 1, 2000);
    expect_family(&lab, text, "svcconnect_endpoint_health", 1, 2000);
    assert_non_null(strstr(text, "\nsvcconnect_scrape_consistent 1\n"));
    lab_end(&lab);
}

/* Of any size, what is counted in the kernel is among the samples. */
static void test_figures_of_an_endpoint(void **state)
{
    const struct svc_endpoint_stats stats = {
        .connections = 9, .established = 7, .closed = 4, .ejections = 2, .refused = 1};
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    lab_begin(&lab, 20);
    assert_int_equal(memory_datapath_set_stats(lab.house.datapath,
                                               house_instance(&lab.house, "s1", "i00011")->endpoint, &stats),
                     0);
    reader = read_all(&lab, 1);
    text = lab_rest(&reader);
#define OF "{namespace=\"ns\",service=\"s1\",instance=\"i00011\""
    assert_non_null(strstr(text, "svcconnect_endpoint_connections_total" OF "} 9\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_outcomes_total" OF ",outcome=\"established\"} 7\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_outcomes_total" OF ",outcome=\"refused\"} 1\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_ejections_total" OF "} 2\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_ejected" OF "} 0\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_open" OF "} 3\n"));
    assert_non_null(strstr(text, "svcconnect_endpoint_health" OF ",state=\"HEALTHY\"} 1\n"));
    lab_end(&lab);
}

static unsigned n_of(const char *text, const char *part)
{
    unsigned n = 0;

    while ((text = strstr(text, part))) {
        n++;
        text++;
    }
    return n;
}

/* However much room there is, and however fast the machine. */
static void test_a_slice_has_so_many_endpoints(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    bool goes_on = true;

    (void)state;
    lab_begin(&lab, 2000);
    reader = read_all(&lab, SIZE_MAX);
    while (goes_on) {
        const char *text;

        (void)evbuffer_drain(reader.text, evbuffer_get_length(reader.text));
        goes_on = lab_slice(&reader);
        assert_int_equal(evbuffer_add(reader.text, "", 1), 0);
        text = (const char *)evbuffer_pullup(reader.text, -1);
        assert_true(n_of(text, "instance=\"") <= 7 * METRICS_SLICE_ENDPOINTS);
        assert_true(n_of(text, "svcconnect_endpoint_health{") <= METRICS_SLICE_ENDPOINTS);
    }
    assert_true(reader.slices >= METRICS_FAMILIES * 2000 / METRICS_SLICE_ENDPOINTS);
    lab_leave(&reader);
    lab_end(&lab);
}

static void test_a_change_meanwhile_is_told(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_free_ char *text = NULL;

    (void)state;
    lab_begin(&lab, 200);
    reader = read_all(&lab, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_true(lab_slice(&reader));
    house_put(&lab.house, "instances/ns/s0/i00190", NULL);
    text = lab_rest(&reader);
    assert_non_null(strstr(text, "\nsvcconnect_scrape_consistent 0\n"));
    assert_int_equal(n_of(text, "svcconnect_endpoint_health{"), 199);
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_family),
        cmocka_unit_test(test_figures_of_an_endpoint),
        cmocka_unit_test(test_a_slice_has_so_many_endpoints),
        cmocka_unit_test(test_a_change_meanwhile_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
