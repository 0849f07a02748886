/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Instances on their way out: by the counters, by the sockets of tasks that there are none of,
 * by their time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "model/catalog_aws.h"
#include "model/catalog_external.h"
#include "unit/house.h"
#include "upkeep/drains.h"

struct lab {
    struct house house;
    struct drains drains;
    int directories_result; /* 0: there are no tasks; else sockets cannot be counted */
    unsigned looks;
    int drop_result; /* of asking for an address to go */
    unsigned drops;
    char dropped[64]; /* the address's id */
    address_dropped_fn on_dropped;
    void *dropped_user;
};

static int directories(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n)
{
    struct lab *lab = user;

    assert_string_equal(namespace_name, "ns");
    lab->looks++;
    if (lab->directories_result < 0)
        return lab->directories_result;
    *ret_directories = calloc(1, sizeof(**ret_directories));
    *ret_n = 0;
    return 0;
}

static int drop_address(void *user, const struct instance *address, address_dropped_fn dropped,
                        void *dropped_user)
{
    struct lab *lab = user;

    lab->drops++;
    (void)snprintf(lab->dropped, sizeof(lab->dropped), "%s", address->id);
    if (lab->drop_result == 0) {
        lab->on_dropped = dropped;
        lab->dropped_user = dropped_user;
    }
    return lab->drop_result;
}

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    const struct socket_looks looks = {.directories = directories, .user = lab};

    *state = lab;
    house_make(&lab->house);
    drains_init(&lab->drains, lab->house.engine, &lab->house.events, &looks, drop_address, lab);
    lab->drains.looks.base = lab->house.base;
    assert_int_equal(engine_follow(lab->house.engine, &drains_follower, &lab->drains), 0);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    drains_done(&lab->drains);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static void begin(struct lab *lab)
{
    house_begin(&lab->house);
    assert_int_equal(drains_begin(&lab->drains, lab->house.base), 0);
}

#define PLAIN "{\"address\":\"10.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"

static const char *leaving(int64_t seconds, bool is_kill, char text[static 256])
{
    (void)snprintf(
        text, 256,
        "{\"address\":\"10.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\","
        "\"draining\":{\"until\":%lld,\"kill\":%s}}",
        (long long)(clock_wall_s() + seconds), is_kill ? "true" : "false");
    return text;
}

/* "ns/web/a" with so many open connections, as the counters have it, begins to drain. */
static void drain(struct lab *lab, unsigned open, int64_t seconds, bool is_kill)
{
    const struct svc_endpoint_stats stats = {.established = open + 3, .closed = 3};
    char text[256];

    house_put(&lab->house, "instances/ns/web/a", PLAIN);
    assert_int_equal(memory_datapath_set_stats(lab->house.datapath,
                                               house_instance(&lab->house, "web", "a")->endpoint, &stats),
                     0);
    house_put(&lab->house, "instances/ns/web/a", leaving(seconds, is_kill, text));
}

static bool is_gone(void *user)
{
    const struct lab *lab = user;

    return !house_instance(&lab->house, "web", "a") && lab->drains.n == 0;
}

static bool is_departing(void *user)
{
    const struct lab *lab = user;

    return lab->drains.n > 0 && lab->drains.items[0].departure;
}

/* The first word and the rest of each event are the test's; how many seconds are left is the clock's. */
static void expect_drained(const struct lab *lab, const char *begins, const char *ends)
{
    _cleanup_free_ char *text = house_events(&lab->house);
    size_t line = strcspn(text, "\n");

    assert_memory_equal(text, begins, strlen(begins));
    assert_int_equal(text[line], '\n');
    assert_string_equal(text + line + 1, ends);
}

/* ---- when it is over ---- */

static void test_by_the_counters(void **state)
{
    struct lab *lab = *state;
    struct svc_endpoint_stats stats = {.established = 9, .closed = 9};
    uint32_t endpoint;

    lab->directories_result = -ENOMEM; /* sockets cannot be counted */
    begin(lab);
    drain(lab, 2, 3600, false);
    endpoint = house_instance(&lab->house, "web", "a")->endpoint;
    assert_true(drains_open(&lab->drains, endpoint) == 2);
    house_for(&lab->house, 1500);
    assert_non_null(house_instance(&lab->house, "web", "a"));
    assert_in_range(lab->looks, 1, 8); /* it is tried again, and not at every tick */
    assert_int_equal(memory_datapath_set_stats(lab->house.datapath, endpoint, &stats), 0);
    house_until(&lab->house, is_gone, lab, "it deregistered");
    assert_null(fake_store_find(lab->house.store, "instances/ns/web/a"));
    expect_drained(lab, "DRAINING a 2 open connections, ", "DRAINED a deregistered, 0 connections left\n");
    assert_false(event_pending(lab->drains.timer, EV_TIMEOUT, NULL)); /* nothing ticks for nobody */
}

/* Sockets go before counters: where no task is, nobody can be connected. */
static void test_by_the_sockets(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    drain(lab, 5, 3600, false);
    house_until(&lab->house, is_gone, lab, "it deregistered");
    expect_drained(lab, "DRAINING a 5 open connections, ", "DRAINED a deregistered, 0 connections left\n");
}

static void test_by_its_time(void **state)
{
    struct lab *lab = *state;

    lab->directories_result = -ENOMEM;
    begin(lab);
    drain(lab, 5, 1, false);
    house_until(&lab->house, is_gone, lab, "it deregistered");
    expect_drained(lab, "DRAINING a 5 open connections, ", "DRAINED a deregistered, 5 connections left\n");
}

static bool is_drained(void *user)
{
    const struct instance *instance = house_instance(&((const struct lab *)user)->house, "web", "a");

    return instance && instance->is_drained;
}

/* Whose container it is says when it goes: until then nobody comes, and nothing ticks. */
static void test_a_containers_stays_out(void **state)
{
    char text[256];
    char of_container[320];
    struct lab *lab = *state;

    begin(lab);
    (void)snprintf(of_container, sizeof(of_container), "%.*s,\"creatorRequestId\":\"container:docker:a\"}",
                   (int)strlen(leaving(3600, false, text)) - 1, text);
    house_put(&lab->house, "instances/ns/web/a", of_container);
    house_until(&lab->house, is_drained, lab, "its drain's end");
    house_for(&lab->house, 500);
    assert_int_equal(lab->drains.n, 0);
    assert_false(event_pending(lab->drains.timer, EV_TIMEOUT, NULL));
    assert_int_equal(instance_health(house_instance(&lab->house, "web", "a")), DRAINING);
    expect_drained(lab, "DRAINING a 0 open connections, ",
                   "DRAINED a its container runs, 0 connections left\n");
    house_put(&lab->house, "instances/ns/web/a", PLAIN);
    assert_int_equal(instance_health(house_instance(&lab->house, "web", "a")), HEALTHY);
}

/* Only after its connections were closed, or that could not be done. */
static void test_with_a_kill(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;

    lab->directories_result = -ENOMEM;
    begin(lab);
    drain(lab, 5, 0, true);
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_false(lab->drains.items[0].is_killed);
    house_until(&lab->house, is_departing, lab, "its end");
    assert_true(lab->drains.items[0].is_killed);
    engine_settle(lab->house.engine);
    house_until(&lab->house, is_gone, lab, "it deregistered");
}

/* A drain goes on over a restart: the row says so. */
static void test_at_a_start(void **state)
{
    char text[256];
    const char *const rows[] = {"instances/ns/web/a", leaving(3600, false, text), NULL};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_int_equal(lab->drains.n, 1);
    assert_int_equal(drains_begin(&lab->drains, lab->house.base), 0);
    house_until(&lab->house, is_gone, lab, "it deregistered");
}

/* ---- deregistering ---- */

/* The registry refuses in the end: a second one that waited behind the first would begin a second commit. */
static void test_a_pending_one_is_not_submitted_twice(void **state)
{
    static const struct fake_step late = {FAKE_DISK_FULL, 1000000};
    struct lab *lab = *state;
    uint64_t commits;

    begin(lab);
    drain(lab, 0, 3600, false);
    commits = house_commits_begun(&lab->house);
    fake_registry_plan(lab->house.registry, &late, 1);
    house_until(&lab->house, is_departing, lab, "its end");
    house_for(&lab->house, 900); /* several ticks */
    assert_true(house_commits_begun(&lab->house) == commits + 1);
    assert_non_null(house_instance(&lab->house, "web", "a")); /* until it is on disk */
    engine_settle(lab->house.engine);
    assert_true(house_commits_begun(&lab->house) == commits + 1);
    house_until(&lab->house, is_gone, lab, "it deregistered");
}

static bool is_tried_thrice(void *user)
{
    return fake_store_counts(((const struct lab *)user)->house.store).refused == 3;
}

static void test_one_that_fails_is_tried_again_and_told_once(void **state)
{
    static const struct fake_step full[] = {{FAKE_DISK_FULL, 0}, {FAKE_DISK_FULL, 0}, {FAKE_IO_ERROR, 0}};
    struct lab *lab = *state;

    begin(lab);
    drain(lab, 0, 3600, false);
    fake_registry_plan(lab->house.registry, full, ARRAY_SIZE(full));
    house_until(&lab->house, is_tried_thrice, lab, "the third try");
    assert_non_null(house_instance(&lab->house, "web", "a"));
    assert_true(lab->drains.items[0].is_stuck);
    house_until(&lab->house, is_gone, lab, "it deregistered");
    expect_drained(lab, "DRAINING a 0 open connections, ", "DRAINED a deregistered, 0 connections left\n");
}

/* Its owner registers it anew while the registry is busy: what waits behind that finds it back. */
static void test_one_that_is_back_stays(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;
    struct house_change other = {.key = "instances/ns/web/b", .value = PLAIN};
    struct house_change back = {.key = "instances/ns/web/a", .value = PLAIN};
    const struct job jobs[] = {{.run = house_run_change, .done = house_change_done, .user = &other},
                               {.run = house_run_change, .done = house_change_done, .user = &back}};

    begin(lab);
    drain(lab, 0, 3600, false);
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_int_equal(engine_submit(lab->house.engine, &jobs[0]), 0);
    house_for(&lab->house, 10);
    assert_int_equal(engine_submit(lab->house.engine, &jobs[1]), 0);
    house_until(&lab->house, is_departing, lab, "its end");
    engine_settle(lab->house.engine);
    assert_true(back.is_done && back.result == 0);
    assert_non_null(house_instance(&lab->house, "web", "a"));
    assert_int_equal(house_instance(&lab->house, "web", "a")->drain_until, 0);
    house_for(&lab->house, 500);
    assert_int_equal(lab->drains.n, 0);
    assert_non_null(house_instance(&lab->house, "web", "a"));
}

/* The end comes while one is on its way: it is told, and freed (the sanitizer would say). */
static void test_the_end_comes_first(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;
    struct house_change other = {.key = "instances/ns/web/b", .value = PLAIN};
    const struct job job = {.run = house_run_change, .done = house_change_done, .user = &other};

    begin(lab);
    drain(lab, 0, 3600, false);
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    house_for(&lab->house, 10);
    house_until(&lab->house, is_departing, lab, "its end");
    house_stop(&lab->house);
    assert_non_null(house_instance(&lab->house, "web", "a"));
    assert_null(lab->drains.items[0].departure);
}

/* ---- addresses of host names ---- */

static int run_addresses(struct transaction *transaction, void *user, struct error *error)
{
    struct lab *lab = user;
    struct instance *record = catalog_record(house_service(&lab->house, "web"), "host");
    const struct external_address address = {.address = ip_address_from_v4(0x0a000007u),
                                             .leaves_at = clock_wall_s() + 3600};

    (void)error;
    assert_int_equal(catalog_set_addresses(record, &address, 1), 0);
    return transaction_touch_instance(transaction, record->addresses[0]);
}

static bool is_drop_asked(void *user)
{
    return ((const struct lab *)user)->drops > 1;
}

static void test_an_address_is_asked_to_go(void **state)
{
    struct lab *lab = *state;
    const struct job job = {.run = run_addresses, .user = lab};
    struct error error = {0};
    uint64_t commits;

    begin(lab);
    house_put(&lab->house, "instances/ns/web/host",
              "{\"host\":\"h.example\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}");
    assert_int_equal(engine_submit_finding(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_int_equal(lab->drains.n, 1);
    commits = house_commits_begun(&lab->house);
    lab->drop_result = -EALREADY; /* not now: nothing to say, and asked again */
    house_until(&lab->house, is_drop_asked, lab, "the second try");
    assert_string_equal(lab->dropped, "host#10.0.0.7");
    assert_false(lab->drains.items[0].is_stuck);
    lab->drop_result = 0;
    house_until(&lab->house, is_departing, lab, "it asked");
    lab->drops = 0;
    house_for(&lab->house, 500);
    assert_int_equal(lab->drops, 0);
    (void)error_set(&error, ENOMEM, "out of memory");
    lab->on_dropped(-ENOMEM, &error, lab->dropped_user);
    assert_true(lab->drains.items[0].is_stuck);
    house_until(&lab->house, is_departing, lab, "it asked again");
    lab->on_dropped(-ECANCELED, NULL, lab->dropped_user); /* gone otherwise */
    assert_true(house_commits_begun(&lab->house) == commits);
    expect_drained(lab, "DRAINING host 10.0.0.7: 0 open connections, ",
                   "DRAINED host 10.0.0.7: deregistered, 0 connections left\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_by_the_counters),
        TEST(test_by_the_sockets),
        TEST(test_by_its_time),
        TEST(test_a_containers_stays_out),
        TEST(test_with_a_kill),
        TEST(test_at_a_start),
        TEST(test_a_pending_one_is_not_submitted_twice),
        TEST(test_one_that_fails_is_tried_again_and_told_once),
        TEST(test_one_that_is_back_stays),
        TEST(test_the_end_comes_first),
        TEST(test_an_address_is_asked_to_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
