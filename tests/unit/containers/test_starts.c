/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Runtimes that ask before a container begins. The container's process is a child of the test in a cgroup of its own (root), whose
 * cgroup root is not the daemon's here: so nothing can be attached, and the runtime is answered all the same. */
#include "unit/containers/containers_lab.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mounts.h"

struct process {
    pid_t pid;
    char cgroup[300]; /* its directory */
};

struct answer {
    unsigned n;
    bool is_task;
    bool is_attached;
    char container[100];
};

/* `name`: of its cgroup, below one of the test's own. */
static bool process_start(struct process *process, const char *name)
{
    _cleanup_free_ char *root = NULL;
    char procs[400];
    FILE *file;

    if (geteuid() != 0 || mounts_find_cgroup2(&root) < 0) {
        print_message("skipped: needs root and a cgroup v2 mount\n");
        return false;
    }
    (void)snprintf(process->cgroup, sizeof(process->cgroup), "%s/test-starts-%d", root, getpid());
    assert_true(mkdir(process->cgroup, 0755) == 0 || errno == EEXIST);
    (void)snprintf(process->cgroup, sizeof(process->cgroup), "%s/test-starts-%d/%s", root, getpid(), name);
    assert_int_equal(mkdir(process->cgroup, 0755), 0);
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", process->cgroup);
    file = fopen(procs, "we");
    assert_non_null(file);
    (void)fprintf(file, "%d\n", process->pid);
    assert_int_equal(fclose(file), 0);
    return true;
}

static void process_end(struct process *process)
{
    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        (void)waitpid(process->pid, NULL, 0);
    }
    process->pid = 0;
    for (int i = 0; i < 200 && rmdir(process->cgroup) < 0 && errno == EBUSY; i++)
        (void)usleep(10000);
    *strrchr(process->cgroup, '/') = '\0';
    (void)rmdir(process->cgroup);
}

static void on_done(const char *container, bool is_task, bool is_attached, void *user)
{
    struct answer *answer = user;

    answer->n++;
    answer->is_task = is_task;
    answer->is_attached = is_attached;
    (void)snprintf(answer->container, sizeof(answer->container), "%s", container);
}

static bool is_answered(void *user)
{
    return ((struct answer *)user)->n > 0;
}

static int ask(struct lab *lab, const char *id, pid_t pid, const char *service, struct answer *answer)
{
    struct container *container = container_new("oci", id, NULL);
    struct error error = {0};

    assert_non_null(container);
    container->pid = pid;
    if (service)
        assert_int_equal(container_add_label(container, "svcconnect.service", service), 0);
    return containers_start(lab->containers, container, on_done, answer, &error);
}

static bool is_forgotten(void *user)
{
    return HASH_COUNT(((struct lab *)user)->containers->all) == 0;
}

static void test_one_of_a_runtime_that_is_followed(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};

    if (!process_start(&process, fake_id('a').text))
        skip();
    lab_begin(lab, NULL);
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\"", "\"Status\": \"created\"");
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(ask(lab, fake_id('a').text, process.pid, NULL, &answer), 0);
    assert_int_equal(answer.n, 0); /* not from within */
    house_until(&lab->house, is_answered, &answer, "an answer");
    assert_true(answer.is_task);
    assert_string_equal(answer.container, "ca");
    assert_true(lab->containers->runtimes[0].asks);
    assert_int_equal(lab_held(lab, 'a')->ticket, 0);
    assert_false(lab_held(lab, 'a')->is_standing);
    assert_null(lab->containers->starts);
    house_for(&lab->house, 20);
    assert_int_equal(answer.n, 1);
    process_end(&process);
}

static void test_one_that_no_event_has_told_of(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};
    char list[300];

    if (!process_start(&process, fake_id('a').text))
        skip();
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
    (void)snprintf(list, sizeof(list),
                   "[{\"Id\":\"%s\",\"Names\":[\"/c\"],\"Labels\":{\"svcconnect.service\":\"web\"}}]",
                   fake_id('a').text);
    lab->fake.lookup = list;
    assert_int_equal(ask(lab, fake_id('a').text, process.pid, NULL, &answer), 0);
    house_until(&lab->house, is_answered, &answer, "an answer");
    assert_true(answer.is_task);
    assert_string_equal(answer.container, "c");
    process_end(&process);
}

static void test_one_of_a_runtime_that_nobody_follows(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};

    if (!process_start(&process, "web"))
        skip();
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(ask(lab, "web1", process.pid, "web", &answer), 0);
    house_until(&lab->house, is_answered, &answer, "an answer");
    assert_true(answer.is_task);
    assert_non_null(containers_find(lab->containers, "web1"));
    process_end(&process);
    house_until(&lab->house, is_forgotten, lab, "it to be forgotten with its process");
}

static void test_one_that_is_no_task(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};

    if (!process_start(&process, "web"))
        skip();
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(ask(lab, "web1", process.pid, NULL, &answer), 0);
    house_until(&lab->house, is_answered, &answer, "an answer");
    assert_false(answer.is_task);
    assert_int_equal(HASH_COUNT(lab->containers->all), 0);
    process_end(&process);
}

static void test_whoever_waits_at_the_end_is_answered(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};

    if (!process_start(&process, fake_id('a').text))
        skip();
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(ask(lab, fake_id('a').text, process.pid, NULL, &answer), 0); /* Docker does not answer */
    containers_end(&lab->containers);
    assert_int_equal(answer.n, 1);
    assert_false(answer.is_task);
    process_end(&process);
}

static void test_too_late(void **state)
{
    struct lab *lab = *state;
    struct process process = {0};
    struct answer answer = {0};

    if (!process_start(&process, fake_id('a').text))
        skip();
    lab_begin(lab, NULL);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(ask(lab, fake_id('a').text, process.pid, NULL, &answer), 0);
    house_until(&lab->house, is_answered, &answer, "the time to be over");
    assert_false(answer.is_task);
    assert_null(lab->containers->starts);
    assert_null(lab->containers->strangers);
    process_end(&process);
}

static void test_no_process(void **state)
{
    struct lab *lab = *state;
    struct answer answer = {0};

    lab_begin(lab, NULL);
    lab_follow(lab);
    assert_int_equal(ask(lab, "c", 999999999, NULL, &answer), -ENOENT);
    assert_int_equal(answer.n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_of_a_runtime_that_is_followed),
        TEST(test_one_that_no_event_has_told_of),
        TEST(test_one_of_a_runtime_that_nobody_follows),
        TEST(test_one_that_is_no_task),
        TEST(test_whoever_waits_at_the_end_is_answered),
        TEST(test_too_late),
        TEST(test_no_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
