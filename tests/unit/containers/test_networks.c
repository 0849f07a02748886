/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* On which of Docker's networks an instance's address is, and what follows when its container comes to another one. */
#include "unit/containers/containers_lab.h"

#include <svcconnect/decision.h>

#include "engine/follower.h"

/* Of service "web", on these networks: members of "Networks". */
static void run_on(struct lab *lab, char digit, const char *networks, const char *more)
{
    char text[1200];

    (void)snprintf(text, sizeof(text),
                   "\"Name\": \"/c%c\", \"State\": {\"Status\": \"running\", " STARTED
                   "}, \"Config\": {\"Labels\": "
                   "{\"svcconnect.namespace\": \"ns\", \"svcconnect.service\": \"web\", \"svcconnect.port\": "
                   "\"8080\"%s}}, \"NetworkSettings\": {\"Networks\": {%s}}",
                   digit, more, networks);
    (void)fake_docker_put(&lab->fake, digit, text);
}

static void begin(struct lab *lab)
{
    lab_begin(lab, NULL);
    assert_int_equal(engine_follow(lab->house.engine, &containers_follower, &lab->containers), 0);
}

#define BLUE  "\"blue\": {\"IPAddress\": \"192.0.2.1\"}"
#define GREEN "\"green\": {\"IPAddress\": \"198.51.100.1\"}"
#define NONE  "\"none\": {\"IPAddress\": \"\"}"

static void test_a_bit_for_each_network(void **state)
{
    struct lab *lab = *state;
    const struct instance *blue, *green, *both;

    begin(lab);
    run_on(lab, 'a', BLUE, "");
    run_on(lab, 'b', GREEN, "");
    run_on(lab, 'c', BLUE ", " GREEN, ", \"svcconnect.network\": \"green\"");
    lab_follow(lab);
    blue = lab_await(lab, "web", "aaaaaaaaaaaa-10");
    green = lab_await(lab, "web", "bbbbbbbbbbbb-10");
    both = lab_await(lab, "web", "cccccccccccc-10");
    lab_settle(lab);
    assert_int_equal(__builtin_popcount(blue->networks), 1);
    assert_int_equal(__builtin_popcount(green->networks), 1);
    assert_true(svc_is_far(green->networks, lab_held(lab, 'a')->task_networks));
    assert_false(svc_is_far(green->networks, lab_held(lab, 'c')->task_networks)); /* the task is on both */
    assert_int_equal(both->networks, green->networks);                            /* its address is on one */
    house_put(&lab->house, "instances/ns/web/by-hand", "{\"address\":\"192.0.2.9\",\"port\":80}");
    assert_int_equal(house_instance(&lab->house, "web", "by-hand")->networks, 0);
}

struct network_wish {
    struct lab *lab;
    uint32_t before;
};

static bool has_moved(void *user)
{
    const struct network_wish *wish = user;
    const struct instance *instance = house_instance(&wish->lab->house, "web", "aaaaaaaaaaaa-10");

    return engine_is_steady(wish->lab->house.engine) && instance && instance->networks != wish->before;
}

/* The address is the same: no row differs. */
static void test_another_network_is_no_change_of_a_row(void **state)
{
    struct lab *lab = *state;
    struct network_wish wish = {.lab = lab};
    uint64_t commits;

    begin(lab);
    run_on(lab, 'a', BLUE, "");
    lab_follow(lab);
    wish.before = lab_await(lab, "web", "aaaaaaaaaaaa-10")->networks;
    lab_settle(lab);
    commits = house_commits_begun(&lab->house);
    run_on(lab, 'a', "\"red\": {\"IPAddress\": \"192.0.2.1\"}", "");
    fake_docker_event(&lab->fake, 'a', "update", "");
    house_until(&lab->house, has_moved, &wish, "the other network");
    lab_settle(lab);
    assert_null(lab->containers->moving);
    assert_true(house_commits_begun(&lab->house) == commits);
}

static void test_who_has_a_way_to_all(void **state)
{
    struct lab *lab = *state;
    char text[800];

    begin(lab);
    lab->host_address = "192.0.2.77";
    run_on(lab, 'a', NONE, "");
    (void)snprintf(
        text, sizeof(text),
        "\"Name\": \"/host\", \"HostConfig\": {\"NetworkMode\": \"host\"}, \"State\": {\"Status\": "
        "\"running\", " STARTED
        "}, \"Config\": {\"Labels\": {\"svcconnect.namespace\": \"ns\", \"svcconnect.service\": \"web\", "
        "\"svcconnect.port\": \"8080\"}}, \"NetworkSettings\": {\"Networks\": {\"host\": {\"IPAddress\": "
        "\"\"}}}");
    (void)fake_docker_put(&lab->fake, 'b', text);
    lab_follow(lab);
    assert_int_equal(lab_await(lab, "web", "bbbbbbbbbbbb-10")->networks, 0);
    assert_int_equal(lab_held(lab, 'b')->task_networks, 0);
    assert_int_equal(lab_held(lab, 'a')->task_networks, 0);
}

static void run_on_many(struct lab *lab, char digit, unsigned first, unsigned n)
{
    char networks[900] = "";
    size_t length = 0;

    for (unsigned i = first; i < first + n; i++)
        length += (size_t)snprintf(networks + length, sizeof(networks) - length,
                                   "%s\"%u\": {\"IPAddress\": \"10.0.0.%u\"}", i > first ? ", " : "", i, i);
    run_on(lab, digit, networks, "");
}

/* More than there are bits: the rest share one, and so are held for one network. */
static void test_more_networks_than_bits(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    run_on_many(lab, 'a', 10, 16);
    run_on_many(lab, 'b', 30, 16);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(__builtin_popcount(lab_held(lab, 'a')->task_networks), 16);
    assert_int_equal(lab_held(lab, 'a')->task_networks ^ lab_held(lab, 'b')->task_networks, UINT32_MAX);
    run_on(lab, 'c', BLUE ", " GREEN, "");
    fake_docker_event(&lab->fake, 'c', "start", "");
    (void)lab_await(lab, "web", "cccccccccccc-10");
    assert_int_equal(__builtin_popcount(lab_held(lab, 'c')->task_networks), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_bit_for_each_network),
        TEST(test_another_network_is_no_change_of_a_row),
        TEST(test_who_has_a_way_to_all),
        TEST(test_more_networks_than_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
