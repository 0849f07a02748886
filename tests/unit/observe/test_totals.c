/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sums of services: they never go down, whatever becomes of the endpoints, and begin at nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include "observe/totals.h"
#include "unit/api/lists_lab.h"

static struct totals totals;

static void begin(struct lists_lab *lab, unsigned n)
{
    lab_begin(lab, n);
    assert_int_equal(engine_follow(lab->house.engine, &totals_follower, &totals), 0);
}

static void count(struct lists_lab *lab)
{
    assert_int_equal(totals_begin(&totals, lab->house.engine, lab->house.datapath, &lab->outliers), 0);
}

static void end(struct lists_lab *lab)
{
    totals_done(&totals);
    lab_end(lab);
}

static void set(struct lists_lab *lab, const char *service, const char *id, struct svc_endpoint_stats stats)
{
    assert_int_equal(memory_datapath_set_stats(lab->house.datapath,
                                               house_instance(&lab->house, service, id)->endpoint, &stats),
                     0);
}

static unsigned round_of(unsigned piece)
{
    uint64_t round = totals_join(&totals);
    unsigned n = 1;
    int r;

    while ((r = totals_piece(&totals, round, piece)) == 1)
        n++;
    assert_int_equal(r, 0);
    return n;
}

static bool find(const char *name, struct metrics_service *ret_service)
{
    for (size_t place = 0; place < totals.n_services; place++)
        if (totals_service(&totals, place, ret_service) && strcmp(ret_service->service, name) == 0)
            return true;
    return false;
}

static struct metrics_service figures(const char *name)
{
    struct metrics_service service;

    (void)round_of(1000);
    assert_true(find(name, &service));
    return service;
}

static void test_what_was_before_is_not_counted(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab, 20);
    set(&lab, "s1", "i00011",
        (struct svc_endpoint_stats){.connections = 100, .established = 90, .closed = 80});
    count(&lab);
    assert_int_equal(figures("s1").stats.connections, 0);
    assert_int_equal(figures("s1").open, 10); /* those are, whoever counted them */
    set(&lab, "s1", "i00011",
        (struct svc_endpoint_stats){.connections = 103, .established = 92, .closed = 92});
    assert_int_equal(figures("s1").stats.connections, 3);
    assert_int_equal(figures("s1").stats.established, 2);
    assert_int_equal(figures("s1").open, 0);
    end(&lab);
}

static void test_each_member_is_summed(void **state)
{
    const struct svc_endpoint_stats one = {.connections = 1,
                                           .established = 2,
                                           .closed = 1,
                                           .refused = 3,
                                           .timed_out = 4,
                                           .retransmitted = 5,
                                           .gave_up = 6,
                                           .reset_early = 7,
                                           .unreachable = 8,
                                           .ejections = 9};
    struct metrics_service service;
    struct lists_lab lab;

    (void)state;
    begin(&lab, 40);
    count(&lab);
    (void)round_of(1000);
    set(&lab, "s2", "i00012", one);
    set(&lab, "s2", "i00022", one);
    service = figures("s2");
    assert_int_equal(service.stats.connections, 2);
    assert_int_equal(service.stats.established, 4);
    assert_int_equal(service.stats.closed, 2);
    assert_int_equal(service.stats.refused, 6);
    assert_int_equal(service.stats.timed_out, 8);
    assert_int_equal(service.stats.retransmitted, 10);
    assert_int_equal(service.stats.gave_up, 12);
    assert_int_equal(service.stats.reset_early, 14);
    assert_int_equal(service.stats.unreachable, 16);
    assert_int_equal(service.stats.ejections, 18);
    assert_int_equal(service.open, 2);
    assert_int_equal(service.endpoints[METRICS_DRAWN], 4);
    assert_int_equal(figures("s3").stats.refused, 0);
    end(&lab);
}

static void set_first_byte(struct lists_lab *lab, const char *id, uint64_t sum_us, uint32_t n)
{
    uint32_t number = house_instance(&lab->house, "s1", id)->endpoint;
    struct svc_first_byte counted = {.sum_us = sum_us, .buckets = {[9] = n}};

    datapath_outlier(lab->house.datapath, number)->first_byte_us = 20100;
    assert_int_equal(memory_datapath_set_first_byte(lab->house.datapath, number, &counted), 0);
}

static void test_an_endpoint_that_goes(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab, 20);
    count(&lab);
    (void)round_of(1000);
    set(&lab, "s1", "i00001", (struct svc_endpoint_stats){.connections = 5});
    set(&lab, "s1", "i00011", (struct svc_endpoint_stats){.connections = 7});
    assert_int_equal(figures("s1").stats.connections, 12);
    set(&lab, "s1", "i00011", (struct svc_endpoint_stats){.connections = 9}); /* since the last look */
    house_put(&lab.house, "instances/ns/s1/i00011", NULL);
    assert_int_equal(figures("s1").stats.connections, 14);
    assert_int_equal(figures("s1").endpoints[METRICS_DRAWN], 1);
    end(&lab);
}

static void test_first_bytes_are_summed(void **state)
{
    struct metrics_service service;
    struct lists_lab lab;

    (void)state;
    begin(&lab, 20);
    set_first_byte(&lab, "i00001", 1000, 10); /* before the begin */
    count(&lab);
    service = figures("s1");
    assert_int_equal(first_byte_sum_count(&service.first_byte), 0);
    set_first_byte(&lab, "i00001", 1200, 12);
    set_first_byte(&lab, "i00011", 70, 7);
    assert_int_equal(figures("s1").first_byte.sum_us, 270);
    assert_int_equal(figures("s1").first_byte.buckets[9], 9);
    set_first_byte(&lab, "i00011", 90, 9); /* since the last look */
    house_put(&lab.house, "instances/ns/s1/i00011", NULL);
    assert_int_equal(figures("s1").first_byte.buckets[9], 11);
    assert_int_equal(figures("s1").first_byte.sum_us, 290);
    service = figures("s2");
    assert_int_equal(first_byte_sum_count(&service.first_byte), 0);
    end(&lab);
}

/* It was never looked at, and what it had before the begin is still nobody's. */
static void test_one_that_goes_before_the_first_look(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab, 20);
    set(&lab, "s1", "i00011", (struct svc_endpoint_stats){.connections = 1000});
    count(&lab);
    house_put(&lab.house, "instances/ns/s1/i00011", NULL);
    assert_int_equal(figures("s1").stats.connections, 0);
    house_put(
        &lab.house, "instances/ns/s1/new",
        "{\"address\":\"10.9.9.9\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}");
    set(&lab, "s1", "new", (struct svc_endpoint_stats){.connections = 4});
    assert_int_equal(figures("s1").stats.connections, 4);
    end(&lab);
}

static void test_counters_that_begin_again(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab, 20);
    count(&lab);
    (void)round_of(1000);
    set(&lab, "s1", "i00001", (struct svc_endpoint_stats){.connections = 50});
    assert_int_equal(figures("s1").stats.connections, 50);
    set(&lab, "s1", "i00001", (struct svc_endpoint_stats){.connections = 2});
    assert_int_equal(figures("s1").stats.connections, 52);
    end(&lab);
}

static void test_a_service_that_goes(void **state)
{
    struct metrics_service service;
    struct lists_lab lab;

    (void)state;
    begin(&lab, 10);
    count(&lab);
    (void)figures("s4");
    house_put(&lab.house, "instances/ns/s4/i00004", NULL);
    assert_int_equal(figures("s4").endpoints[METRICS_DRAWN], 0); /* it is still registered */
    house_put(&lab.house, "services/ns/s4", NULL);
    (void)round_of(1000);
    assert_false(find("s4", &service));
    assert_true(find("s5", &service));
    house_put(&lab.house, "services/ns/t4", "{\"clientAliases\":[]}");
    house_put(
        &lab.house, "instances/ns/t4/x",
        "{\"address\":\"10.9.9.9\",\"port\":80,\"protocol\":\"tcp\",\"weight\":0,\"health\":\"HEALTHY\"}");
    assert_int_equal(figures("t4").endpoints[METRICS_IDLE], 1);
    assert_int_equal(totals.n_services, 10); /* the place was free */
    end(&lab);
}

static void test_states(void **state)
{
    struct metrics_service service;
    struct lists_lab lab;

    (void)state;
    begin(&lab, 30);
    count(&lab);
    house_put(
        &lab.house, "instances/ns/s0/i00000",
        "{\"address\":\"10.9.9.9\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"UNHEALTHY\"}");
    service = figures("s0");
    assert_int_equal(service.endpoints[METRICS_UNHEALTHY], 1);
    assert_int_equal(service.endpoints[METRICS_DRAWN], 2);
    house_instance(&lab.house, "s0", "i00010")->observed = UNKNOWN;
    service = figures("s0");
    assert_int_equal(service.endpoints[METRICS_UNKNOWN], 1);
    assert_int_equal(service.endpoints[METRICS_DRAWN], 1);
    end(&lab);
}

/* Whoever comes while a round is under way joins it; then all have the same figures. */
static void test_rounds_are_shared(void **state)
{
    struct lists_lab lab;
    uint64_t round;

    (void)state;
    begin(&lab, 2000);
    count(&lab);
    round = totals_join(&totals);
    assert_int_equal(totals_piece(&totals, round, 100), 1);
    assert_int_equal(totals_join(&totals), round);
    while (totals_piece(&totals, round, 100) == 1)
        ;
    assert_int_equal(totals_piece(&totals, round, 100), 0); /* the other finds it ended */
    assert_int_not_equal(totals_join(&totals), round);
    assert_true(round_of(100) >= 2000 / 100);
    end(&lab);
}

static void test_off(void **state)
{
    struct lists_lab lab;

    (void)state;
    memset(&totals, 0, sizeof(totals));
    begin(&lab, 20);
    house_put(&lab.house, "instances/ns/s1/i00011", NULL);
    end(&lab);
    totals_done(&totals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_before_is_not_counted),
        cmocka_unit_test(test_each_member_is_summed),
        cmocka_unit_test(test_an_endpoint_that_goes),
        cmocka_unit_test(test_first_bytes_are_summed),
        cmocka_unit_test(test_one_that_goes_before_the_first_look),
        cmocka_unit_test(test_counters_that_begin_again),
        cmocka_unit_test(test_a_service_that_goes),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_rounds_are_shared),
        cmocka_unit_test(test_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
