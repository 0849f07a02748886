/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is probed, and what a finding does. Endpoints are loopback ports that refuse; findings
 * are handed in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/house.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

struct lab {
    struct house house;
    struct outliers outliers;
    struct probes probes;
};

#define SERVICE "services/ns/web"
#define CHECKED                                                                                              \
    "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}],\"settings\":{"             \
    "\"healthCheck\":{\"type\":\"tcp\",\"interval\":300,\"timeout\":1}}}"
#define UNCHECKED "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}"
#define INSTANCE                                                                                             \
    "{\"address\":\"127.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"
#define LEAVING                                                                                              \
    "{\"address\":\"127.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\","        \
    "\"draining\":{\"until\":99999999999,\"kill\":false}}"

static const struct exec_policy no_commands;

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct error error = {0};

    *state = lab;
    house_make(&lab->house);
    assert_int_equal(outliers_init(&lab->outliers, lab->house.engine, HOUSE_ENDPOINTS), 0);
    assert_int_equal(probes_init(&lab->probes, lab->house.base, lab->house.engine, &lab->outliers,
                                 &no_commands, &lab->house.events, &error),
                     0);
    lab->outliers.datapath = lab->house.datapath;
    assert_int_equal(engine_follow(lab->house.engine, &probes_follower, &lab->probes), 0);
    assert_int_equal(engine_follow(lab->house.engine, &outliers_follower, &lab->outliers), 0);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    probes_done(&lab->probes);
    outliers_done(&lab->outliers);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static uint32_t targets(const struct lab *lab)
{
    return health_figures(lab->probes.health).targets;
}

static bool is_probed(const struct lab *lab, const struct instance *instance)
{
    struct health_report report;

    return health_read(lab->probes.health, instance->endpoint, &report);
}

static struct health_report report_of(enum svc_health health, bool is_routable, const char *reason)
{
    struct health_report report = {.health = health, .is_routable = is_routable};

    (void)snprintf(report.reason, sizeof(report.reason), "%s", reason);
    return report;
}

/* ---- who is probed ---- */

static void test_only_what_has_a_check_is_probed(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;

    house_begin(house);
    house_put(house, SERVICE, UNCHECKED);
    house_put(house, "instances/ns/web/a", INSTANCE);
    assert_int_equal(targets(lab), 0);
    assert_int_equal(house_instance(house, "web", "a")->observed, HEALTHY);
    assert_false(house_instance(house, "web", "a")->is_held_back);

    house_put(house, SERVICE, CHECKED);
    assert_int_equal(targets(lab), 1);
    assert_true(is_probed(lab, house_instance(house, "web", "a")));
    house_put(house, "instances/ns/web/a", LEAVING);
    assert_int_equal(targets(lab), 0); /* on its way out nobody asks any more */
    house_put(house, "instances/ns/web/a", INSTANCE);
    assert_int_equal(targets(lab), 1);
    house_put(house, "instances/ns/web/a", NULL);
    assert_int_equal(targets(lab), 0);
}

static void test_a_new_one_waits_and_an_old_one_keeps_what_it_had(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;

    house_begin(house);
    house_put(house, SERVICE, UNCHECKED);
    house_put(house, "instances/ns/web/old", INSTANCE);
    house_put(house, SERVICE, CHECKED);
    house_put(house, "instances/ns/web/new", INSTANCE);
    assert_int_equal(house_instance(house, "web", "old")->observed, HEALTHY);
    assert_int_equal(house_instance(house, "web", "new")->observed, UNKNOWN);
    assert_true(house_instance(house, "web", "new")->is_held_back);
    house_put(house, SERVICE, UNCHECKED);
    assert_int_equal(house_instance(house, "web", "new")->observed, HEALTHY);
    assert_false(house_instance(house, "web", "new")->is_held_back);
}

/* One that came over the AWS API goes nowhere near this host. */
static void test_a_check_of_aws_keeps_away_from_this_host(void **state)
{
    static const char of_aws[] =
        "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}],"
        "\"aws\":{\"HealthCheckConfig\":{\"Type\":\"TCP\"}},\"settings\":{"
        "\"healthCheck\":{\"type\":\"tcp\",\"interval\":300,\"timeout\":1}}}";
    static const char elsewhere[] =
        "{\"address\":\"192.0.2.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}";
    struct lab *lab = *state;
    struct house *house = &lab->house;
    char text[512] = "";

    house_begin(house);
    house_put(house, SERVICE, of_aws);
    house_put(house, "instances/ns/web/a", elsewhere);
    assert_int_equal(health_figures(lab->probes.health).refused, 0);
    house_put(house, "instances/ns/web/a", INSTANCE); /* it moves to this host */
    assert_int_equal(health_figures(lab->probes.health).refused, 1);
    assert_true(probes_refused(&lab->probes, text, sizeof(text)));
    assert_non_null(strstr(text, "awsCheckRanges"));
    house_put(house, "instances/ns/web/a", elsewhere);
    assert_int_equal(health_figures(lab->probes.health).refused, 0);
}

/* ---- findings ---- */

static bool is_unhealthy(void *user)
{
    const struct lab *lab = user;

    return house_instance(&lab->house, "web", "a")->observed == UNHEALTHY;
}

static bool has_failed_once(void *user)
{
    return health_figures(((const struct lab *)user)->probes.health).failed > 0;
}

/* From the prober's connect that is refused to the catalog, with the event. */
static void test_a_refused_probe_is_a_finding(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;
    _cleanup_free_ char *events = NULL;
    uint64_t commits;

    house_begin(house);
    house_put(house, SERVICE,
              "{\"clientAliases\":[],\"settings\":{\"healthCheck\":{\"type\":\"tcp\",\"interval\":1,"
              "\"timeout\":1,\"retries\":1}}}");
    house_put(house, "instances/ns/web/a", INSTANCE);
    commits = house_commits_begun(house);
    house_until(house, has_failed_once, lab, "a probe that fails");
    house_until(house, is_unhealthy, lab, "the finding");
    assert_true(house_commits_begun(house) == commits); /* what one host finds goes into no registry */
    events = house_events(house);
    assert_string_equal(events, "HEALTH a UNHEALTHY: connection refused\n");
}

static void test_findings_are_said_in_order_and_once(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;
    struct health_report up = report_of(HEALTHY, true, "connected");
    struct health_report down = report_of(UNHEALTHY, false, "timed out");
    uint32_t a, b;

    house_begin(house);
    house_put(house, SERVICE, CHECKED);
    house_put(house, "instances/ns/web/a", INSTANCE);
    house_put(house, "instances/ns/web/b", INSTANCE);
    a = house_instance(house, "web", "a")->endpoint;
    b = house_instance(house, "web", "b")->endpoint;
    probes_found(b, &up, &lab->probes);
    probes_found(a, &down, &lab->probes);
    house_expect_events(house, ""); /* at their turn, when nobody changes the catalog */
    engine_settle(house->engine);
    house_expect_events(house, "HEALTH b HEALTHY: connected\nHEALTH a UNHEALTHY: timed out\n");
}

/* The number is free by the time the finding has its turn: nobody is told of it. */
static void test_a_finding_of_one_that_has_gone(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;
    struct health_report up = report_of(HEALTHY, true, "connected");

    house_begin(house);
    probes_found(3, &up, &lab->probes);
    probes_found(HOUSE_ENDPOINTS + 5, &up, &lab->probes);
    engine_settle(house->engine);
    house_expect_events(house, "");
}

/* A finding waits for no commit: it is in effect while a row is still on its way. */
static void test_a_finding_overtakes_a_commit(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1000};
    struct lab *lab = *state;
    struct house *house = &lab->house;
    struct health_report up = report_of(HEALTHY, true, "connected");
    struct house_change change = {.key = "instances/ns/web/b", .value = INSTANCE};
    const struct job job = {.run = house_run_change, .done = house_change_done, .user = &change};

    house_begin(house);
    house_put(house, SERVICE, CHECKED);
    house_put(house, "instances/ns/web/a", INSTANCE);
    fake_registry_plan(house->registry, &late, 1);
    assert_int_equal(engine_submit(house->engine, &job), 0);
    (void)event_base_loop(house->base, EVLOOP_NONBLOCK);
    probes_found(house_instance(house, "web", "a")->endpoint, &up, &lab->probes);
    (void)event_base_loop(house->base, EVLOOP_NONBLOCK);
    (void)event_base_loop(house->base, EVLOOP_NONBLOCK);
    house_expect_events(house, "HEALTH a HEALTHY: connected\n");
    assert_false(change.is_done);
    engine_settle(house->engine);
    assert_true(change.is_done);
    assert_int_equal(change.result, 0);
}

/* Told at the end, and freed: the sanitizer would say. */
static void test_a_finding_at_the_end(void **state)
{
    struct lab *lab = *state;
    struct health_report up = report_of(HEALTHY, true, "connected");

    house_begin(&lab->house);
    probes_found(1, &up, &lab->probes);
    house_stop(&lab->house);
    probes_found(1, &up, &lab->probes); /* refused: said, and nothing is kept */
    house_expect_events(&lab->house, "");
}

/* ---- a start ---- */

/* What an earlier run had found is in the kernel's entry, and counts until something else is found. */
static void test_a_start_takes_over_what_was_found(void **state)
{
    static const char *const rows[] = {
        SERVICE, CHECKED, "instances/ns/web/a", INSTANCE, "instances/ns/web/b", INSTANCE, NULL};
    static const enum svc_health before[] = {UNKNOWN, HEALTHY, UNHEALTHY, DRAINING};
    static const enum svc_health after[] = {UNKNOWN, HEALTHY, UNHEALTHY, UNKNOWN};
    struct lab *lab = *state;
    struct instance instance = {.health = HEALTHY};
    struct house *house = &lab->house;

    house_fill(house, rows);
    house_begin(house);
    instance.service = house_service(house, "web");
    assert_int_equal(targets(lab), 2);
    for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
        const struct svc_endpoint entry = {.health = before[i]};

        probes_follower.doubt(&lab->probes, &instance);
        assert_int_equal(instance.observed, UNKNOWN);
        assert_true(instance.is_held_back);
        probes_follower.found(&lab->probes, &instance, 1, &entry);
        assert_int_equal(instance.observed, after[i]);
        assert_int_equal(instance.is_held_back, after[i] != HEALTHY);
    }
    instance.health = UNHEALTHY; /* by its owner's word, which says nothing about the checks */
    probes_follower.found(&lab->probes, &instance, 1, &(const struct svc_endpoint){.health = UNHEALTHY});
    assert_int_equal(instance.observed, UNKNOWN);
}

/* ---- this host as the cause ---- */

static void test_the_weak_observer_is_said_when_it_changes(void **state)
{
    struct lab *lab = *state;

    house_begin(&lab->house);
    assert_null(probes_trouble(&lab->probes));
    probes_sweep(&lab->probes);
    house_expect_events(&lab->house, "");
    lab->probes.is_weak_observer = true; /* as was last told */
    probes_sweep(&lab->probes);
    probes_sweep(&lab->probes);
    house_expect_events(&lab->house, "OBSERVER - endpoints are judged again\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_has_a_check_is_probed),
        TEST(test_a_new_one_waits_and_an_old_one_keeps_what_it_had),
        TEST(test_a_check_of_aws_keeps_away_from_this_host),
        TEST(test_a_refused_probe_is_a_finding),
        TEST(test_findings_are_said_in_order_and_once),
        TEST(test_a_finding_of_one_that_has_gone),
        TEST(test_a_finding_overtakes_a_commit),
        TEST(test_a_finding_at_the_end),
        TEST(test_a_start_takes_over_what_was_found),
        TEST(test_the_weak_observer_is_said_when_it_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
