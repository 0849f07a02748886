/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers whose first program is held at the gate: who is let go when, and what news of another start cannot undo. */
#include "unit/containers/containers_lab.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static void test_a_late_answer_does_not_undo_what_the_kernel_told(void **state)
{
    struct lab *lab = *state;
    struct container *answer;
    char cgroup[80];
    struct held *held;

    lab_begin(lab, NULL);
    lab_container(lab, 'a', "", "\"Status\": \"exited\"");
    lab_follow(lab);
    lab_settle(lab);
    held = lab_held(lab, 'a');
    assert_int_equal(held->container->state, CONTAINER_ENDED);
    (void)snprintf(cgroup, sizeof(cgroup), "/docker/%s", fake_id('a').text);
    containers_on_appeared(5, cgroup, lab->containers);
    containers_on_stands(5, cgroup, getpid(), lab->containers);
    assert_true(held->is_standing);
    answer = container_new("docker", fake_id('a').text, "ca");
    assert_non_null(answer);
    answer->state = CONTAINER_ENDED; /* as it was before this start */
    answer->started_at = 16;
    containers_on_put(answer, lab->containers);
    assert_int_equal(held->container->state, CONTAINER_CREATED);
    assert_int_equal(held->container->pid, getpid());
    assert_string_equal(held->container->cgroup, cgroup);
    house_for(&lab->house, 20);
    assert_false(held->is_standing); /* it is no task: nobody has it wait */
}

/* runc's start is over for the runtime when it has let the program go, whoever holds it after that. */
static void test_a_runtime_may_say_running_while_it_is_held(void **state)
{
    struct lab *lab = *state;
    struct container *answer;
    char cgroup[80];
    struct held *held;

    lab_begin(lab, NULL);
    lab_container(lab, 'a', "", "\"Status\": \"created\"");
    lab_follow(lab);
    lab_settle(lab);
    held = lab_held(lab, 'a');
    (void)snprintf(cgroup, sizeof(cgroup), "/docker/%s", fake_id('a').text);
    containers_on_stands(5, cgroup, getpid(), lab->containers);
    assert_true(held->is_standing);
    answer = container_new("docker", fake_id('a').text, "ca");
    assert_non_null(answer);
    answer->state = CONTAINER_RUNNING;
    answer->pid = getpid();
    answer->started_at = 16;
    containers_on_put(answer, lab->containers);
    assert_true(held->is_standing);
    assert_int_equal(held->container->state, CONTAINER_RUNNING);
    assert_string_equal(held->container->cgroup, cgroup);
}

static void test_the_kernel_tells_the_end_first(void **state)
{
    struct lab *lab = *state;
    struct held *held;
    pid_t pid = fork();

    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    lab_begin(lab, NULL);
    lab_container(lab, 'a', "", "\"Status\": \"running\"");
    lab_follow(lab);
    lab_settle(lab);
    held = lab_held(lab, 'a');
    held->container->pid = pid;
    containers_watch_end(held);
    containers_watch_end(held);
    assert_non_null(held->end);
    assert_int_equal(kill(pid, SIGKILL), 0);
    house_for(&lab->house, 50);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_null(held->end);
    assert_int_equal(held->container->state, CONTAINER_ENDED);
}

static void test_what_the_gate_tells(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *events = NULL;
    char cgroup[80];
    struct held *held;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    lab_settle(lab);
    held = lab_held(lab, 'a');
    (void)snprintf(cgroup, sizeof(cgroup), "/docker/%s", fake_id('a').text);
    containers_on_appeared(5, cgroup, lab->containers);
    containers_on_gate_end(4, cgroup, GATE_TIMEOUT, 9000, lab->containers); /* of a start before */
    assert_int_equal(held->ticket, 5);
    containers_on_gate_end(5, cgroup, GATE_TIMEOUT, 500000, lab->containers);
    assert_int_equal(held->ticket, 0);
    assert_int_equal(held->names, NAMES_TIMEOUT);
    containers_on_appeared(6, cgroup, lab->containers);
    containers_on_gate_end(6, cgroup, GATE_NO_MARK, 0, lab->containers);
    assert_int_equal(held->names, NAMES_LATE);
    held->is_attached = true;
    containers_on_appeared(7, cgroup, lab->containers);
    containers_on_gate_end(7, cgroup, GATE_RELEASED, 1234, lab->containers);
    assert_int_equal(held->names, NAMES_GATED);
    assert_int_equal(held->held_us, 1234);
    containers_on_appeared(8, "/docker/nobody", lab->containers);
    containers_on_gate_end(8, "/docker/nobody", GATE_RELEASED, 0, lab->containers);
    events = house_events(&lab->house);
    assert_non_null(strstr(events, "container ca was held for 500 ms and let go"));
    assert_non_null(strstr(events, "container ca: not held: "));
    assert_non_null(strstr(events, "before its first instruction, held for 1234 us"));
    assert_null(strstr(events, "held for 9 ms"));
}

static void test_a_cgroup_that_cannot_be_attached_holds_nobody(void **state)
{
    struct lab *lab = *state;
    char cgroup[80];
    struct held *held;

    lab_begin(lab, NULL);
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\", \"svcconnect.port\": \"8080\"",
                  "\"Status\": \"created\"");
    lab_follow(lab);
    lab_settle(lab);
    held = lab_held(lab, 'a');
    (void)snprintf(cgroup, sizeof(cgroup), "/docker/%s", fake_id('a').text); /* there is no such one */
    containers_on_stands(5, cgroup, getpid(), lab->containers);
    assert_true(held->is_standing);
    house_for(&lab->house, 20);
    assert_true(*held->why_not_attached);
    assert_false(held->is_attached);
    assert_false(held->is_standing);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_late_answer_does_not_undo_what_the_kernel_told),
        TEST(test_a_runtime_may_say_running_while_it_is_held),
        TEST(test_the_kernel_tells_the_end_first),
        TEST(test_what_the_gate_tells),
        TEST(test_a_cgroup_that_cannot_be_attached_holds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
