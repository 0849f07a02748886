/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers that come to the gate before their runtime has told of them. The gate's words are said by the test. */
#include "unit/containers/containers_lab.h"

#include <unistd.h>

#include "base/clock.h"

#define A64    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CGROUP "/docker/" A64

#define LISTED(labels) "[{\"Id\":\"" A64 "\",\"Names\":[\"/c\"],\"Labels\":{" labels "}}]"

static bool has_a(void *user)
{
    return lab_held(user, 'a') != NULL;
}

static bool is_asked(void *user)
{
    return ((struct lab *)user)->fake.n_lookups > 0;
}

static bool is_asked_twelve_times(void *user)
{
    return ((struct lab *)user)->fake.n_lookups == 12;
}

static bool a_is_task(void *user)
{
    return lab_held(user, 'a')->is_task;
}

static void begin(struct lab *lab)
{
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
}

static void test_one_is_asked_for_when_it_appears(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    lab->fake.lookup = LISTED("\"svcconnect.service\":\"web\"");
    containers_on_appeared(7, CGROUP, lab->containers);
    house_until(&lab->house, has_a, lab, "it to be known");
    assert_int_equal(lab_held(lab, 'a')->ticket, 7);
    assert_false(lab_held(lab, 'a')->is_standing);
    assert_null(lab->containers->strangers);
}

static void test_one_that_stands_before_it_is_known(void **state)
{
    struct lab *lab = *state;
    struct evhttp_request *request;

    begin(lab);
    containers_on_appeared(7, CGROUP, lab->containers);
    house_until(&lab->house, is_asked, lab, "it to be asked for");
    containers_on_stands(7, CGROUP, getpid(), lab->containers);
    assert_null(lab_held(lab, 'a'));
    request = lab->fake.lookup_open;
    lab->fake.lookup_open = NULL;
    fake_reply(request, 200, LISTED("\"svcconnect.service\":\"web\""));
    house_until(&lab->house, has_a, lab, "it to be known");
    assert_int_equal(lab_held(lab, 'a')->container->pid, getpid());
    assert_string_equal(lab_held(lab, 'a')->container->cgroup, CGROUP);
    assert_null(lab->containers->strangers);
}

static void test_the_event_comes_first(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    containers_on_appeared(7, CGROUP, lab->containers);
    house_until(&lab->house, is_asked, lab, "it to be asked for");
    fake_docker_event(&lab->fake, 'a', "create", "\"name\": \"c\", \"svcconnect.service\": \"web\"");
    house_until(&lab->house, has_a, lab, "it to be known");
    assert_int_equal(lab_held(lab, 'a')->ticket, 7);
    assert_null(lab->containers->strangers);
}

static bool is_list_asked_for(void *user)
{
    return ((struct lab *)user)->fake.list_open != NULL;
}

/* The list was written before it was created, and comes while it is at the gate. */
static void test_a_list_that_is_older_than_it(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'b', "web");
    lab->fake.is_list_slow = true;
    lab_follow(lab);
    house_until(&lab->house, is_list_asked_for, lab, "what there is to be asked for");
    lab->fake.is_list_slow = false;
    fake_docker_event(&lab->fake, 'a', "create", "\"name\": \"c\", \"svcconnect.service\": \"web\"");
    house_until(&lab->house, has_a, lab, "it to be known");
    containers_on_appeared(7, CGROUP, lab->containers);
    fake_docker_answer_list(&lab->fake);
    lab_settle(lab);
    assert_non_null(lab_held(lab, 'b'));
    assert_non_null(lab_held(lab, 'a'));
    assert_int_equal(lab_held(lab, 'a')->ticket, 7);
}

static void test_nobody_knows_it(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    lab->fake.lookup = "[]";
    containers_on_appeared(7, CGROUP, lab->containers);
    containers_on_stands(7, CGROUP, getpid(), lab->containers);
    house_until(&lab->house, is_asked_twelve_times, lab, "it to be asked for once more");
    house_for(&lab->house, 60);
    assert_int_equal(lab->fake.n_lookups, 12);
    containers_on_gate_end(7, CGROUP, GATE_RELEASED, 10, lab->containers);
    assert_null(lab->containers->strangers);
    assert_null(lab_held(lab, 'a'));
}

/* Its events have ended a moment ago: it is asked all the same, but not one that has been away for long. */
static void test_a_runtime_whose_events_have_ended(void **state)
{
    struct lab *lab = *state;
    struct runtime *runtime;

    begin(lab);
    runtime = &lab->containers->runtimes[0];
    lab->fake.lookup = LISTED("\"svcconnect.service\":\"web\"");
    runtime->is_connected = false;
    runtime->lost_ms = clock_monotonic_ms() - 60000;
    containers_on_appeared(6, CGROUP, lab->containers);
    house_for(&lab->house, 60);
    assert_int_equal(lab->fake.n_lookups, 0);
    containers_on_gate_end(6, CGROUP, GATE_RELEASED, 10, lab->containers);
    runtime->lost_ms = clock_monotonic_ms();
    containers_on_appeared(7, CGROUP, lab->containers);
    house_until(&lab->house, has_a, lab, "it to be known");
    assert_int_equal(lab_held(lab, 'a')->ticket, 7);
}

static void test_its_end_at_the_gate_ends_the_asking(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    containers_on_appeared(7, CGROUP, lab->containers);
    containers_on_appeared(8, CGROUP, lab->containers); /* another start, before the first was over */
    containers_on_gate_end(7, CGROUP, GATE_NEVER_STOOD, 0, lab->containers);
    assert_non_null(lab->containers->strangers);
    containers_on_gate_end(8, CGROUP, GATE_TIMEOUT, 500000, lab->containers);
    assert_null(lab->containers->strangers);
}

static void test_those_of_others_are_not_asked_for(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    containers_on_appeared(7, "/libpod_parent/libpod-" A64, lab->containers);
    house_for(&lab->house, 30);
    assert_int_equal(lab->fake.n_lookups, 0);
    containers_on_gate_end(7, "/libpod_parent/libpod-" A64, GATE_RELEASED, 0, lab->containers);
    assert_null(lab->containers->strangers);
}

/* Its creation did not say so, and no label makes it a task. */
static void test_one_that_shares_the_network_of_a_task(void **state)
{
    struct lab *lab = *state;
    char text[400];

    lab_begin(lab, NULL);
    lab_running(lab, 'b', "web");
    lab_follow(lab);
    lab_settle(lab);
    fake_docker_event(&lab->fake, 'a', "create", "\"name\": \"c\"");
    house_until(&lab->house, has_a, lab, "it to be known");
    house_for(&lab->house, 20);
    assert_false(lab_held(lab, 'a')->is_task);
    containers_on_appeared(7, CGROUP, lab->containers);
    house_until(&lab->house, is_asked, lab, "it to be asked for");
    assert_int_equal(lab_held(lab, 'a')->ticket, 0); /* so that no plan lets it go */
    containers_on_stands(7, CGROUP, getpid(), lab->containers);
    assert_false(lab_held(lab, 'a')->is_standing);
    (void)snprintf(text, sizeof(text),
                   "[{\"Id\":\"" A64
                   "\",\"Names\":[\"/c\"],\"HostConfig\":{\"NetworkMode\":\"container:%s\"}}]",
                   fake_id('b').text);
    fake_reply(lab->fake.lookup_open, 200, text);
    lab->fake.lookup_open = NULL;
    house_until(&lab->house, a_is_task, lab, "it to be one task with the other");
    assert_int_equal(lab_held(lab, 'a')->container->pid, getpid());
}

/* An answer of before the start is not believed over the kernel, which has told of the new one. */
static void test_started_once_more_before_its_end_was_told(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    lab_settle(lab);
    lab_held(lab, 'a')->container->state = CONTAINER_ENDED;
    containers_on_appeared(7, CGROUP, lab->containers);
    assert_int_equal(lab_held(lab, 'a')->container->state, CONTAINER_CREATED);
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\"", "\"Status\": \"exited\"");
    fake_docker_event(&lab->fake, 'a', "die", "");
    house_for(&lab->house, 50);
    assert_int_equal(lab_held(lab, 'a')->container->state, CONTAINER_CREATED);
    assert_true(lab_held(lab, 'a')->is_task);
    containers_on_gate_end(7, CGROUP, GATE_NEVER_STOOD, 0, lab->containers);
    fake_docker_event(&lab->fake, 'a', "die", "");
    house_for(&lab->house, 50);
    assert_int_equal(lab_held(lab, 'a')->container->state, CONTAINER_ENDED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_is_asked_for_when_it_appears),
        TEST(test_one_that_stands_before_it_is_known),
        TEST(test_the_event_comes_first),
        TEST(test_a_list_that_is_older_than_it),
        TEST(test_nobody_knows_it),
        TEST(test_a_runtime_whose_events_have_ended),
        TEST(test_its_end_at_the_gate_ends_the_asking),
        TEST(test_those_of_others_are_not_asked_for),
        TEST(test_one_that_shares_the_network_of_a_task),
        TEST(test_started_once_more_before_its_end_was_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
