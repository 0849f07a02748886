/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs tell becomes events, and hurries the prober. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/house.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"
#include "upkeep/program_events.h"

struct lab {
    struct house house;
    struct outliers outliers;
    struct probes probes;
    struct program_events programs;
};

#define INSTANCE                                                                                             \
    "{\"address\":\"127.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"

static const struct exec_policy no_commands;

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct house *house = &lab->house;
    struct error error = {0};

    *state = lab;
    house_make(house);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    assert_int_equal(probes_init(&lab->probes, house->base, house->engine, &lab->outliers, &no_commands,
                                 &house->events, &error),
                     0);
    lab->outliers.datapath = house->datapath;
    assert_int_equal(engine_follow(house->engine, &probes_follower, &lab->probes), 0);
    assert_int_equal(engine_follow(house->engine, &outliers_follower, &lab->outliers), 0);
    house_begin(house);
    lab->programs = (struct program_events){.engine = house->engine,
                                            .datapath = house->datapath,
                                            .outliers = &lab->outliers,
                                            .probes = &lab->probes,
                                            .events = &house->events};
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    program_events_done(&lab->programs);
    program_events_done(&lab->programs); /* twice is none too many */
    probes_done(&lab->probes);
    outliers_done(&lab->outliers);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static void begin(struct lab *lab)
{
    struct error error = {0};

    assert_int_equal(program_events_begin(&lab->programs, lab->house.base, &error), 0);
}

static void tell(struct lab *lab, uint32_t endpoint, uint32_t kind, uint32_t outcome, uint32_t value)
{
    const struct svc_event event = {.endpoint = endpoint, .kind = kind, .outcome = outcome, .value = value};

    assert_int_equal(memory_datapath_tell(lab->house.datapath, &event), 0);
}

static uint32_t make(struct lab *lab)
{
    house_put(&lab->house, "instances/ns/web/a", INSTANCE);
    return house_instance(&lab->house, "web", "a")->endpoint;
}

static void test_events_of_an_endpoint(void **state)
{
    struct lab *lab = *state;
    uint32_t endpoint = make(lab);

    tell(lab, endpoint, CONNECT_FAILED, REFUSED, 0); /* before anybody listened */
    begin(lab);
    house_expect_events(&lab->house, "CONNECT_FAILED a connection refused\n");
    tell(lab, endpoint, CONNECT_FAILED, TIMED_OUT, 0);
    tell(lab, endpoint, EJECTED, RETRANSMITTED, 30000);
    tell(lab, endpoint, RETURNED, 0, 0);
    tell(lab, endpoint, CONNECT_FAILED, RESET_EARLY, 0);
    tell(lab, endpoint, CONNECT_FAILED, UNREACHABLE, 0);
    tell(lab, endpoint, CONNECT_FAILED, 999, 0); /* of a newer program */
    tell(lab, endpoint, 999, REFUSED, 0);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    house_expect_events(&lab->house, "CONNECT_FAILED a connection refused\n"
                                     "CONNECT_FAILED a timed out\n"
                                     "EJECTED a ejected for 30 s: no answer within a second\n"
                                     "RETURNED a drawn again\n"
                                     "CONNECT_FAILED a reset before an answer\n"
                                     "CONNECT_FAILED a unreachable: no connection begins\n"
                                     "CONNECT_FAILED a failed\n");
}

static void test_events_of_nobody(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    tell(lab, 0, EJECTED, REFUSED, 1000);
    tell(lab, 3, EJECTED, REFUSED, 1000);
    tell(lab, HOUSE_ENDPOINTS + 1, EJECTED, REFUSED, 1000);
    tell(lab, UINT32_MAX, EJECTED, REFUSED, 1000);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    house_expect_events(&lab->house, "");
}

static bool is_under_way(void *user)
{
    return health_figures(((const struct lab *)user)->probes.health).probes > 1;
}

/* Whoever is said to fail is probed at once, though its next probe is minutes away. */
static void test_a_failure_hurries_the_prober(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;
    struct health_report report;
    uint32_t endpoint;

    house_put(house, "services/ns/web",
              "{\"clientAliases\":[],\"settings\":{\"healthCheck\":{\"type\":\"tcp\",\"interval\":300,"
              "\"timeout\":1}}}");
    endpoint = make(lab);
    begin(lab);
    while (health_read(lab->probes.health, endpoint, &report) && report.probes == 0)
        house_for(house, 5);
    house_for(house, 2 * HEALTH_PAUSE_MS);
    assert_int_equal(health_figures(lab->probes.health).probes, 1);
    tell(lab, endpoint, CONNECT_FAILED, REFUSED, 0);
    house_until(house, is_under_way, lab, "the second probe");
}

/* The last one that was ejected is back: connects need not look at single endpoints any more. */
static void test_a_return_settles(void **state)
{
    struct lab *lab = *state;
    uint32_t endpoint = make(lab);
    struct svc_outlier *any = datapath_outlier(lab->house.datapath, 0);

    begin(lab);
    datapath_outlier(lab->house.datapath, endpoint)->ejected_until = any->ejected_until = 77;
    tell(lab, endpoint, EJECTED, REFUSED, 1000);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    assert_true(any->ejected_until != 0);
    datapath_outlier(lab->house.datapath, endpoint)->ejected_until = 0;
    tell(lab, endpoint, RETURNED, 0, 0);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    assert_true(any->ejected_until == 0);
}

static void test_lost_ones_are_told_once(void **state)
{
    struct lab *lab = *state;
    uint32_t endpoint = make(lab);
    struct svc_counters counters = {.events_lost = 5};

    begin(lab);
    memory_datapath_set_counters(lab->house.datapath, &counters);
    for (int i = 0; i < 2; i++) {
        tell(lab, endpoint, RETURNED, 0, 0);
        (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    }
    counters.events_lost = 7;
    memory_datapath_set_counters(lab->house.datapath, &counters);
    tell(lab, endpoint, RETURNED, 0, 0);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    house_expect_events(&lab->house,
                        "RETURNED a drawn again\n"
                        "EVENTS_LOST - 5 events of the programs found no room; the counters have them\n"
                        "RETURNED a drawn again\n"
                        "RETURNED a drawn again\n"
                        "EVENTS_LOST - 2 events of the programs found no room; the counters have them\n");
}

/* Rows are being put: whose number it is can be said when that is over, and nothing is lost. */
struct piecewise {
    bool is_done;
};

static int run_piece(struct transaction *transaction, void *user, struct error *error)
{
    const struct piecewise *piecewise = user;

    (void)transaction;
    (void)error;
    return piecewise->is_done ? JOB_TAKE_BACK : JOB_GO_ON;
}

static void test_events_wait_for_a_steady_catalog(void **state)
{
    struct lab *lab = *state;
    struct piecewise piecewise = {0};
    const struct job job = {.run = run_piece, .user = &piecewise};
    uint32_t endpoint = make(lab);

    begin(lab);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    while (engine_is_steady(lab->house.engine))
        house_for(&lab->house, 1);
    tell(lab, endpoint, EJECTED, REFUSED, 1000);
    house_for(&lab->house, 20);
    assert_false(engine_is_steady(lab->house.engine));
    house_expect_events(&lab->house, "");
    piecewise.is_done = true;
    engine_settle(lab->house.engine);
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    house_expect_events(&lab->house, "EJECTED a ejected for 1 s: connection refused\n");
    tell(lab, endpoint, RETURNED, 0, 0); /* and it listens on */
    (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    house_expect_events(&lab->house,
                        "EJECTED a ejected for 1 s: connection refused\nRETURNED a drawn again\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_of_an_endpoint),        TEST(test_events_of_nobody),
        TEST(test_a_failure_hurries_the_prober), TEST(test_a_return_settles),
        TEST(test_lost_ones_are_told_once),      TEST(test_events_wait_for_a_steady_catalog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
