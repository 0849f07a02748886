/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who starts slowly, and that the weight grows to its whole by findings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/house.h"
#include "upkeep/slow_start.h"

struct lab {
    struct house house;
    struct slow_start slow_start;
};

#define SERVICE "services/ns/web"
#define SLOW    "{\"clientAliases\":[],\"settings\":{\"slowStartSeconds\":1}}"
#define SLOWER  "{\"clientAliases\":[],\"settings\":{\"slowStartSeconds\":900}}"
#define AT_ONCE "{\"clientAliases\":[]}"
#define A       "instances/ns/web/a"
#define INSTANCE(weight, health)                                                                             \
    "{\"address\":\"10.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":" #weight ",\"health\":\"" health  \
    "\"}"

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    slow_start_init(&lab->slow_start, lab->house.engine);
    assert_int_equal(engine_follow(lab->house.engine, &slow_start_follower, &lab->slow_start), 0);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    slow_start_done(&lab->slow_start);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static void begin(struct lab *lab)
{
    house_begin(&lab->house);
    assert_int_equal(slow_start_begin(&lab->slow_start, lab->house.base), 0);
}

static unsigned ramp(const struct lab *lab, const char *id)
{
    const struct instance *instance = house_instance(&lab->house, "web", id);

    assert_non_null(instance);
    return instance->ramp;
}

static void test_what_is_there_at_a_start_has_its_whole_weight(void **state)
{
    static const char *const rows[] = {SERVICE, SLOW, A, INSTANCE(4, "HEALTHY"), NULL};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    begin(lab);
    assert_int_equal(ramp(lab, "a"), 0);
    assert_true(house_instance(&lab->house, "web", "a")->was_eligible);
    house_put(&lab->house, A, INSTANCE(5, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), 0);
    house_put(&lab->house, "instances/ns/web/b", INSTANCE(4, "HEALTHY"));
    assert_int_equal(ramp(lab, "b"), INSTANCE_RAMP_PARTS - 1);
}

static void test_who_starts_slowly(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    house_put(&lab->house, SERVICE, AT_ONCE);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), 0);
    house_put(&lab->house, SERVICE, SLOWER);
    assert_int_equal(ramp(lab, "a"), 0); /* it was eligible before */
    house_put(&lab->house, A, INSTANCE(4, "UNHEALTHY"));
    assert_int_equal(ramp(lab, "a"), 0);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), INSTANCE_RAMP_PARTS - 1); /* it is back */
    house_put(&lab->house, A, INSTANCE(0, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), 0);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), INSTANCE_RAMP_PARTS - 1);
    house_put(&lab->house, SERVICE, AT_ONCE);
    assert_int_equal(ramp(lab, "a"), 0); /* told to stop */
}

struct growth {
    struct lab *lab;
    unsigned last;
    unsigned steps;
};

/* It never shrinks, and there are steps between nothing and all. */
static bool has_grown(void *user)
{
    struct growth *growth = user;
    unsigned now = ramp(growth->lab, "a");

    assert_true(now <= growth->last);
    growth->steps += now < growth->last;
    growth->last = now;
    return now == 0;
}

static bool is_over(void *user)
{
    return ((const struct lab *)user)->slow_start.n == 0;
}

static void test_the_weight_grows_to_its_whole(void **state)
{
    struct lab *lab = *state;
    struct growth growth = {.lab = lab, .last = INSTANCE_RAMP_PARTS - 1};
    uint64_t commits;

    begin(lab);
    house_put(&lab->house, SERVICE, SLOW);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    assert_int_equal(ramp(lab, "a"), INSTANCE_RAMP_PARTS - 1);
    commits = house_commits_begun(&lab->house);
    house_until(&lab->house, has_grown, &growth, "the whole weight");
    assert_in_range(growth.steps, 2, INSTANCE_RAMP_PARTS - 1);
    assert_true(house_commits_begun(&lab->house) == commits);
    house_until(&lab->house, is_over, lab, "the end of the ramp");
    assert_false(event_pending(lab->slow_start.timer, EV_TIMEOUT, NULL)); /* nothing ticks for nobody */
    assert_false(lab->slow_start.is_pending);
}

/* It goes on where it was, and does not begin anew, when something else of the instance changes. */
static void test_a_change_on_the_way_goes_on(void **state)
{
    struct lab *lab = *state;
    uint64_t since;

    begin(lab);
    house_put(&lab->house, SERVICE, SLOWER);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    since = house_instance(&lab->house, "web", "a")->ramp_since_ms;
    house_for(&lab->house, 20);
    house_put(&lab->house, A, INSTANCE(8, "HEALTHY"));
    assert_true(house_instance(&lab->house, "web", "a")->ramp_since_ms == since);
    assert_int_equal(lab->slow_start.n, 1);
}

/* A refused change leaves the ramp as it was. */
static void test_a_change_that_fails_leaves_the_ramp(void **state)
{
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct lab *lab = *state;
    uint64_t since;

    begin(lab);
    house_put(&lab->house, SERVICE, SLOWER);
    house_put(&lab->house, A, INSTANCE(4, "HEALTHY"));
    since = house_instance(&lab->house, "web", "a")->ramp_since_ms;
    fake_registry_plan(lab->house.registry, &full, 1);
    assert_true(house_try_put(&lab->house, A, INSTANCE(4, "UNHEALTHY")) < 0);
    assert_int_equal(ramp(lab, "a"), INSTANCE_RAMP_PARTS - 1);
    assert_true(house_instance(&lab->house, "web", "a")->ramp_since_ms == since);
}

static void test_one_that_goes_meanwhile_is_forgotten(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    house_put(&lab->house, SERVICE, SLOWER);
    for (unsigned i = 0; i < HOUSE_ENDPOINTS; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "instances/ns/web/%u", i);
        house_put(&lab->house, key, INSTANCE(4, "HEALTHY"));
    }
    assert_int_equal(lab->slow_start.n, HOUSE_ENDPOINTS);
    for (unsigned i = 1; i < HOUSE_ENDPOINTS; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "instances/ns/web/%u", i);
        house_put(&lab->house, key, NULL);
    }
    house_for(&lab->house, 300);
    assert_int_equal(lab->slow_start.n, 1);
    house_put(&lab->house, "instances/ns/web/0", NULL);
    house_until(&lab->house, is_over, lab, "the last one forgotten");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_there_at_a_start_has_its_whole_weight),
        TEST(test_who_starts_slowly),
        TEST(test_the_weight_grows_to_its_whole),
        TEST(test_a_change_on_the_way_goes_on),
        TEST(test_a_change_that_fails_leaves_the_ramp),
        TEST(test_one_that_goes_meanwhile_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
