/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Steps as jobs on a registry that is late or refuses, and whose a route is. Long because each of them begins with a
 * canary that runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "canaries/canaries.h"
#include "unit/house.h"

struct lab {
    struct house house;
    struct canaries canaries;
    struct catalog_canary entry; /* that is to be put */
};

#define IDENTITY "backend:80/tcp"
#define ROUTE    "routes/ns//backend:80/tcp"
#define ALL_OLD  "{\"targets\":[{\"service\":\"v1\",\"weight\":1}]}"
#define ALL_NEW  "{\"targets\":[{\"service\":\"v2\",\"weight\":1}]}"
#define INSTANCE                                                                                             \
    "{\"address\":\"10.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"

static int setup(void **state)
{
    static const char *const rows[] = {
        "services/ns/v1",
        "{\"clientAliases\":[{\"dnsName\":\"backend\",\"port\":80,\"protocol\":\"tcp\"}]}",
        "services/ns/v2",
        "{\"clientAliases\":[]}",
        "instances/ns/v1/a",
        INSTANCE,
        "instances/ns/v2/b",
        INSTANCE,
        NULL};
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    canaries_init(&lab->canaries, lab->house.engine, &lab->house.events);
    assert_int_equal(engine_follow(lab->house.engine, &canaries_follower, &lab->canaries), 0);
    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    canaries_done(&lab->canaries);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static int run_put(struct transaction *transaction, void *user, struct error *error)
{
    struct lab *lab = user;

    return canaries_put(transaction, "ns", &lab->entry, error);
}

static void put_entry(struct lab *lab)
{
    const struct job job = {.run = run_put, .user = lab};

    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
}

/* From v1 to v2: half, then all, a second each, the first of which has been over for a while. */
static void start(struct lab *lab, const char *client)
{
    const struct canary_outcomes none = {0};

    lab->entry = (struct catalog_canary){
        .identity = IDENTITY,
        .alias = {.dns_name = "backend", .port = 80, .protocol = TCP},
        .canary = {.from = "v1",
                   .to = "v2",
                   .strategy = CANARY_CANARY,
                   .step = 500,
                   .interval_s = 1,
                   .max_failures = 100,
                   .min_connects = 10},
    };
    (void)snprintf(lab->entry.client, sizeof(lab->entry.client), "%s", client);
    canary_start(&lab->entry.canary, clock_wall_ms() - 5000, &none);
    put_entry(lab);
    engine_settle(lab->house.engine);
}

static struct catalog_canary *entry_of(const struct lab *lab, const char *client)
{
    struct catalog_canary *entry =
        catalog_canary(catalog_namespace(engine_catalog(lab->house.engine), "ns"), client, IDENTITY);

    assert_non_null(entry);
    return entry;
}

static void sweep(struct lab *lab)
{
    canaries_sweep(&lab->canaries);
    engine_settle(lab->house.engine);
}

static const char *route_row(const struct lab *lab)
{
    const struct fake_row *row = fake_store_find(lab->house.store, ROUTE);

    return row ? row->value : "none";
}

#define HALF_GOES "CANARY - backend:80/tcp: v2 gets 100.0 % now\n"

/* ---- steps ---- */

static bool has_succeeded(void *user)
{
    struct lab *lab = user;

    sweep(lab);
    return entry_of(lab, "")->canary.state == CANARY_SUCCEEDED;
}

static void test_from_the_first_step_to_the_end(void **state)
{
    struct lab *lab = *state;

    start(lab, "");
    assert_string_equal(route_row(lab), "{\"targets\":[{\"service\":\"v1\",\"weight\":50},"
                                        "{\"service\":\"v2\",\"weight\":50}]}");
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.share, CANARY_WHOLE);
    house_expect_events(&lab->house, HALF_GOES);
    house_until(&lab->house, has_succeeded, lab, "its end");
    house_expect_events(&lab->house, HALF_GOES "CANARY - backend:80/tcp: succeeded, all is v2's\n");
    sweep(lab); /* it has ended */
    assert_null(lab->canaries.steps);
    house_expect_events(&lab->house, HALF_GOES "CANARY - backend:80/tcp: succeeded, all is v2's\n");
}

static void test_nothing_to_do_writes_nothing(void **state)
{
    const struct svc_endpoint_stats stats = {.established = 3};
    struct lab *lab = *state;
    uint64_t commits;

    start(lab, "");
    sweep(lab); /* the next step has a second yet */
    commits = house_commits_begun(&lab->house);
    assert_int_equal(memory_datapath_set_stats(lab->house.datapath,
                                               house_instance(&lab->house, "v2", "b")->endpoint, &stats),
                     0);
    sweep(lab);
    assert_true(house_commits_begun(&lab->house) == commits);
    assert_true(entry_of(lab, "")->canary.seen.established == 3);
}

/* The registry refuses in the end: a second step that waited behind the first would begin a second commit. */
static void test_a_pending_step_is_not_taken_twice(void **state)
{
    static const struct fake_step late = {FAKE_DISK_FULL, 1000000};
    struct lab *lab = *state;
    uint64_t commits;

    start(lab, "");
    commits = house_commits_begun(&lab->house);
    fake_registry_plan(lab->house.registry, &late, 1);
    for (int i = 0; i < 5; i++) {
        canaries_sweep(&lab->canaries);
        house_for(&lab->house, 5);
    }
    assert_true(house_commits_begun(&lab->house) == commits + 1);
    assert_int_equal(entry_of(lab, "")->canary.share, 500); /* until it is on disk */
    house_expect_events(&lab->house, "");
    engine_settle(lab->house.engine);
    assert_true(house_commits_begun(&lab->house) == commits + 1);
    assert_null(lab->canaries.steps);
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.share, CANARY_WHOLE);
    house_expect_events(&lab->house, HALF_GOES);
}

/* Both canaries of an alias have steps of their own at the same time. */
static void test_two_at_once(void **state)
{
    struct lab *lab = *state;

    start(lab, "");
    start(lab, "web");
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.share, CANARY_WHOLE);
    assert_int_equal(entry_of(lab, "web")->canary.share, CANARY_WHOLE);
    house_expect_events(&lab->house, HALF_GOES "CANARY - web/backend:80/tcp: v2 gets 100.0 % now\n");
}

static void test_one_that_fails_is_tried_again(void **state)
{
    static const struct fake_step full[] = {{FAKE_DISK_FULL, 0}, {FAKE_IO_ERROR, 0}};
    struct lab *lab = *state;

    start(lab, "");
    fake_registry_plan(lab->house.registry, full, ARRAY_SIZE(full));
    for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
        sweep(lab);
        assert_true(entry_of(lab, "")->is_stuck); /* which has been said once */
        assert_int_equal(entry_of(lab, "")->canary.share, 500);
    }
    house_expect_events(&lab->house, "");
    sweep(lab);
    assert_false(entry_of(lab, "")->is_stuck);
    house_expect_events(&lab->house, HALF_GOES);
}

/* What waits behind a pause finds it paused. */
static void test_one_that_is_paused_meanwhile(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;
    struct house_change other = {.key = "instances/ns/v1/c", .value = INSTANCE};
    const struct job job = {.run = house_run_change, .done = house_change_done, .user = &other};

    start(lab, "");
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    house_for(&lab->house, 5);
    lab->entry = *entry_of(lab, "");
    assert_int_equal(canary_pause(&lab->entry.canary, clock_wall_ms()), 0);
    put_entry(lab);
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.state, CANARY_PAUSED);
    assert_int_equal(entry_of(lab, "")->canary.share, 500);
    house_expect_events(&lab->house, "");
}

static void test_failing_connects_roll_it_back(void **state)
{
    const struct svc_endpoint_stats stats = {.established = 10, .refused = 10};
    struct lab *lab = *state;

    start(lab, "");
    assert_int_equal(memory_datapath_set_stats(lab->house.datapath,
                                               house_instance(&lab->house, "v2", "b")->endpoint, &stats),
                     0);
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.state, CANARY_ROLLED_BACK);
    assert_string_equal(route_row(lab), "none"); /* as before: the alias is v1's by its definition */
    house_expect_events(
        &lab->house, "CANARY - backend:80/tcp: rolled back to v1: 10 of 20 connects to v2 failed at a share "
                     "of 50.0 %: 50.0 %, more than the 10.0 % allowed\n");
}

/* ---- at bad times ---- */

static int run_piece(struct transaction *transaction, void *user, struct error *error)
{
    (void)transaction;
    (void)error;
    return *(const bool *)user ? JOB_TAKE_BACK : JOB_GO_ON;
}

static void test_a_sweep_waits_for_a_steady_catalog(void **state)
{
    struct lab *lab = *state;
    bool is_done = false;
    const struct job job = {.run = run_piece, .user = &is_done};

    start(lab, "");
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    while (engine_is_steady(lab->house.engine))
        house_for(&lab->house, 1);
    for (int i = 0; i < 3; i++)
        canaries_sweep(&lab->canaries);
    assert_true(lab->canaries.is_waiting);
    assert_null(lab->canaries.steps);
    is_done = true;
    engine_settle(lab->house.engine);
    engine_settle(lab->house.engine);
    assert_false(lab->canaries.is_waiting);
    house_expect_events(&lab->house, HALF_GOES);
}

/* Told at the end, and freed: the sanitizer would say. */
static void test_the_end_comes_first(void **state)
{
    struct lab *lab = *state;

    start(lab, "");
    canaries_sweep(&lab->canaries);
    assert_non_null(lab->canaries.steps);
    house_stop(&lab->house);
    assert_null(lab->canaries.steps);
    house_expect_events(&lab->house, "");
    canaries_sweep(&lab->canaries); /* refused */
    assert_null(lab->canaries.steps);
}

/* ---- whose the route is ---- */

static void test_a_route_that_a_canary_drives_is_guarded(void **state)
{
    struct lab *lab = *state;
    struct error error = {0};

    house_put(&lab->house, ROUTE, ALL_OLD);
    house_put(&lab->house, ROUTE, NULL);
    start(lab, "");
    assert_int_equal(house_try_put(&lab->house, ROUTE, ALL_OLD), -EBUSY);
    assert_int_equal(house_try_put(&lab->house, ROUTE, NULL), -EBUSY);
    house_put(&lab->house, "routes/ns/web/" IDENTITY, ALL_OLD); /* another client's is another one */
    house_put(&lab->house, "routes/ns//other:80/tcp", ALL_OLD);
    assert_int_equal(canaries_guard(lab->house.engine, ROUTE, &error), -EBUSY);
    assert_non_null(strstr(error.message, "svcconnect canary abort backend:80 ends it"));
    assert_int_equal(canaries_guard(lab->house.engine, "services/ns/v1", &error), 0);
    assert_int_equal(canaries_guard(lab->house.engine, "routes/nowhere//backend:80/tcp", &error), 0);

    lab->entry = *entry_of(lab, "");
    assert_int_equal(canary_abort(&lab->entry.canary, clock_wall_ms()), 0);
    put_entry(lab);
    engine_settle(lab->house.engine);
    house_put(&lab->house, ROUTE, ALL_NEW);
}

static enum canaries_verdict judge(const struct lab *lab, const char *client, const char *service,
                                   uint32_t weight, bool is_unhealthy_on_empty)
{
    const struct client_alias alias = {.dns_name = "backend", .port = 80, .protocol = TCP};
    const struct named_target target = {.service = service, .weight = weight};

    return canaries_judge_route(catalog_namespace(engine_catalog(lab->house.engine), "ns"), client, &alias,
                                &target, 1, is_unhealthy_on_empty);
}

/* What a document may say of a route that a canary drives, or has driven. */
static void test_documents_and_canaries(void **state)
{
    struct lab *lab = *state;
    const struct client_alias alias = {.dns_name = "backend", .port = 80, .protocol = TCP};

    assert_int_equal(canaries_judge_route(NULL, "", &alias, NULL, 0, false), CANARIES_FREE);
    house_put(&lab->house, ROUTE, "{\"targets\":[{\"service\":\"v1\",\"weight\":7}]}");
    assert_int_equal(judge(lab, "", "v1", 7, false), CANARIES_FREE);
    start(lab, "");
    lab->entry = *entry_of(lab, "");
    lab->entry.canary.before[0] = (struct canary_target){.is_to = false, .weight = 7};
    lab->entry.canary.n_before = 1;
    put_entry(lab);
    engine_settle(lab->house.engine);
    assert_int_equal(judge(lab, "", "v1", 7, false), CANARIES_KEEP); /* as it was: no change */
    assert_int_equal(judge(lab, "", "v1", 8, false), CANARIES_REFUSE);
    assert_int_equal(judge(lab, "", "v1", 7, true), CANARIES_REFUSE);
    assert_int_equal(judge(lab, "", "v2", 7, false), CANARIES_REFUSE);
    assert_int_equal(judge(lab, "web", "v1", 8, false), CANARIES_FREE);

    sweep(lab);
    house_until(&lab->house, has_succeeded, lab, "its end");
    assert_int_equal(judge(lab, "", "v1", 7, false), CANARIES_KEEP); /* what it has made of it stays */
    assert_int_equal(judge(lab, "", "v1", 8, false), CANARIES_FREE);
    house_put(&lab->house, ROUTE, ALL_OLD); /* by hand, after it */
    assert_int_equal(judge(lab, "", "v1", 7, false), CANARIES_FREE);
}

/* ---- hosts of a fleet ---- */

/* None of them alone has connects enough to say anything. */
static void test_the_driver_judges_by_the_connects_of_all(void **state)
{
    const struct svc_endpoint_stats before = {.established = 1000},
                                    after = {.established = 1003, .refused = 2};
    struct lab *lab = *state;
    struct house *house = &lab->house;
    uint32_t b = house_instance(house, "v2", "b")->endpoint;
    struct registry_tally others = {.counts = {30, 10, 0}};
    const struct registry_tally *told = fake_registry_told(house->registry);
    _cleanup_free_ char *name = NULL;

    *fake_registry_link(house->registry) = (struct registry_link){.host = "h", .is_driver = true};
    sweep(lab);
    assert_null(told->name);
    assert_int_equal(memory_datapath_set_stats(house->datapath, b, &before), 0);
    start(lab, "");
    lab->entry.canary.interval_s = 3600;
    put_entry(lab);
    engine_settle(house->engine);
    sweep(lab);
    assert_non_null(told->name);
    assert_int_equal(told->counts[0] + told->counts[1], 0);
    assert_int_equal(memory_datapath_set_stats(house->datapath, b, &after), 0);
    others.name = "ns/of another step";
    fake_registry_others(house->registry, &others);
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.state, CANARY_RUNNING);
    assert_int_equal(told->counts[0], 3); /* its own alone, or they would be added twice */
    assert_int_equal(told->counts[1], 2);
    name = strdup(told->name);
    others.name = name;
    fake_registry_others(house->registry, &others);
    sweep(lab);
    assert_int_equal(entry_of(lab, "")->canary.state, CANARY_ROLLED_BACK);
    assert_non_null(strstr(entry_of(lab, "")->canary.reason, "12 of 45"));
    sweep(lab);
    sweep(lab);
    assert_null(told->name); /* of one that has ended nothing is counted any more */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_the_first_step_to_the_end),
        TEST(test_nothing_to_do_writes_nothing),
        TEST(test_a_pending_step_is_not_taken_twice),
        TEST(test_two_at_once),
        TEST(test_one_that_fails_is_tried_again),
        TEST(test_one_that_is_paused_meanwhile),
        TEST(test_failing_connects_roll_it_back),
        TEST(test_a_sweep_waits_for_a_steady_catalog),
        TEST(test_the_end_comes_first),
        TEST(test_a_route_that_a_canary_drives_is_guarded),
        TEST(test_documents_and_canaries),
        TEST(test_the_driver_judges_by_the_connects_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
