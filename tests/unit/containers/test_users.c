/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A user's own runtime that is found by itself, beside one of root's: of his containers alone, into his namespace. Needs root. */
#include "unit/containers/containers_lab.h"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER    4711
#define HIS     "user-4711"
#define A64     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SETTING "auto,rootless:user-%u"

struct users {
    struct lab lab; /* root's */
    struct fake_docker his;
    char run[64];
    pid_t child; /* of his, in a user namespace that he has made; 0: none */
};

static void move_socket(struct fake_docker *fake, const char *run, const char *below, uid_t uid)
{
    char path[sizeof(fake->path)];

    (void)snprintf(path, sizeof(path), "%s/%s", run, below);
    assert_int_equal(rename(fake->path, path), 0);
    (void)snprintf(fake->path, sizeof(fake->path), "%s", path);
    assert_int_equal(lchown(path, uid, uid), 0);
}

static void make_directory(const char *run, const char *below, uid_t uid)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", run, below);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(chown(path, uid, uid), 0);
}

static int set_up(void **state)
{
    struct users *users = calloc(1, sizeof(*users));

    if (geteuid() != 0) {
        free(users);
        print_message("skipped: needs root\n");
        skip();
    }
    assert_non_null(users);
    lab_begin(&users->lab, NULL);
    fake_docker_begin(&users->his, users->lab.house.base);
    (void)snprintf(users->run, sizeof(users->run), "/tmp/test-users-XXXXXX");
    assert_non_null(mkdtemp(users->run));
    assert_int_equal(chmod(users->run, 0755), 0);
    make_directory(users->run, "user", 0);
    make_directory(users->run, "user/4711", USER);
    make_directory(users->run, "user/4711/podman", USER);
    make_directory(users->run, "podman", 0);
    move_socket(&users->lab.fake, users->run, "podman/podman.sock", 0);
    move_socket(&users->his, users->run, "user/4711/podman/podman.sock", USER);
    *state = users;
    return 0;
}

static int tear_down(void **state)
{
    struct users *users = *state;
    struct lab *lab = &users->lab;
    char command[128];

    if (users->child > 0) {
        (void)kill(users->child, SIGKILL);
        (void)waitpid(users->child, NULL, 0);
    }
    containers_end(&lab->containers);
    house_for(&lab->house, 20);
    fake_docker_end(&users->his);
    tasks_done(&lab->tasks);
    house_stop(&lab->house);
    fake_docker_end(&lab->fake);
    house_end(&lab->house);
    (void)snprintf(command, sizeof(command), "rm -r %s", users->run);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
    free(users);
    return 0;
}

static void put(struct fake_docker *fake, char digit, const char *service, pid_t pid, const char *more)
{
    char text[1024];

    (void)snprintf(
        text, sizeof(text),
        "\"Name\": \"/%c\", \"State\": {\"Status\": \"running\", \"Pid\": %d, " STARTED "}, \"Config\": "
        "{\"Image\": \"i\", \"Labels\": {\"svcconnect.service\": \"%s\", \"svcconnect.port\": \"8080\"%s}}, "
        "\"NetworkSettings\": {\"Networks\": {\"n\": {\"IPAddress\": \"192.0.2.%d\"}}}",
        digit, (int)pid, service, more, digit);
    (void)fake_docker_put(fake, digit, text);
}

static bool are_both_listed(void *user)
{
    const struct containers *containers = ((struct lab *)user)->containers;

    return containers->n_runtimes == 2 && containers->runtimes[0].is_listed &&
           containers->runtimes[1].is_listed;
}

static void follow(struct users *users, const char *setting)
{
    lab_follow_as(&users->lab, setting, users->run);
    house_until(&users->lab.house, are_both_listed, &users->lab, "both to have told what they have");
    house_for(&users->lab.house, 30); /* the plan */
}

/* A process in a user namespace of its own, made by the user. */
static pid_t his_process(struct users *users)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    users->child = fork();
    if (users->child == 0) {
        if (setresuid(USER, USER, USER) < 0 || unshare(CLONE_NEWUSER) < 0)
            _exit(1);
        (void)!write(ends[1], "x", 1);
        (void)pause();
        _exit(0);
    }
    (void)close(ends[1]);
    if (read(ends[0], &byte, 1) != 1) {
        print_message("skipped: a user may make no user namespaces here\n");
        (void)close(ends[0]);
        skip();
    }
    (void)close(ends[0]);
    return users->child;
}

static void test_only_where_the_configuration_says_so(void **state)
{
    struct users *users = *state;

    lab_follow_as(&users->lab, "auto", users->run);
    house_for(&users->lab.house, 30);
    assert_int_equal(users->lab.containers->n_runtimes, 1);
}

static void test_a_socket_or_directory_of_another(void **state)
{
    struct users *users = *state;
    char path[128];

    assert_int_equal(lchown(users->his.path, USER + 1, USER), 0);
    lab_follow_as(&users->lab, SETTING, users->run);
    house_for(&users->lab.house, 30);
    assert_int_equal(users->lab.containers->n_runtimes, 1);
    containers_end(&users->lab.containers);
    assert_int_equal(lchown(users->his.path, USER, USER), 0);
    (void)snprintf(path, sizeof(path), "%s/user/4711", users->run);
    assert_int_equal(chown(path, USER + 1, USER), 0);
    lab_follow_as(&users->lab, SETTING, users->run);
    house_for(&users->lab.house, 30);
    assert_int_equal(users->lab.containers->n_runtimes, 1);
}

static void test_services_are_in_his_namespace(void **state)
{
    struct users *users = *state;
    struct held *held;

    put(&users->his, 'b', "web", 0,
        ", \"svcconnect.namespace\": \"ns\", \"com.amazonaws.ecs.task-arn\": \"t\", "
        "\"com.amazonaws.ecs.cluster\": \"c\", \"com.amazonaws.ecs.task-definition-family\": \"f\"");
    put(&users->lab.fake, 'a', "web", 0,
        ", \"svcconnect.namespace\": \"ns\", \"com.amazonaws.ecs.task-arn\": \"t\"");
    follow(users, SETTING);
    held = lab_held(&users->lab, 'b');
    assert_non_null(held);
    assert_string_equal(held->namespace_name, HIS);
    assert_null(container_label(held->container, "com.amazonaws.ecs.task-arn"));
    assert_string_equal(lab_held(&users->lab, 'a')->namespace_name, "ns");
}

/* However many labels there are, none keeps his namespace out. */
static void test_many_labels(void **state)
{
    struct users *users = *state;
    char labels[1800] = "";

    for (unsigned i = 0; i < 63; i++)
        (void)snprintf(labels + strlen(labels), sizeof(labels) - strlen(labels), ",\"svcconnect.%u\":\"\"",
                       i);
    put(&users->his, 'b', "web", 0, labels);
    follow(users, SETTING);
    assert_null(lab_held(&users->lab, 'b'));
}

static void test_one_without_labels(void **state)
{
    struct users *users = *state;

    (void)fake_docker_put(&users->his, 'b',
                          "\"Name\": \"/b\", \"State\": {\"Status\": \"running\", " STARTED "}, "
                          "\"Config\": {\"Image\": \"i\"}");
    follow(users, SETTING);
    assert_non_null(lab_held(&users->lab, 'b'));
    assert_false(lab_held(&users->lab, 'b')->is_task);
}

static void test_a_process_of_others(void **state)
{
    struct users *users = *state;

    put(&users->his, 'b', "web", getpid(), "");
    put(&users->his, 'c', "web", 1, "");
    put(&users->his, 'd', "web", his_process(users), "");
    follow(users, SETTING);
    assert_null(lab_held(&users->lab, 'b'));
    assert_null(lab_held(&users->lab, 'c'));
    assert_non_null(lab_held(&users->lab, 'd'));
    /* It is where this test is, in nobody's container's cgroup. */
    assert_false(lab_held(&users->lab, 'd')->is_attached);
    assert_non_null(
        strstr(lab_held(&users->lab, 'd')->why_not_attached, "are not a container's of the user"));
}

static void test_a_cgroup_of_others(void **state)
{
    struct users *users = *state;
    struct held *held;
    char path[256];

    put(&users->his, 'a', "web", his_process(users), "");
    follow(users, SETTING);
    held = lab_held(&users->lab, 'a');
    assert_non_null(held);
    free(held->container->cgroup);
    held->container->cgroup = strdup("/libpod-" A64);
    (void)snprintf(path, sizeof(path), "%s/libpod-" A64, users->lab.fake.directory);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_false(containers_may_attach(held)); /* it is root's */
    assert_null(containers_find_cgroup(users->lab.containers, held->container->cgroup));
    assert_int_equal(chown(path, USER, USER), 0);
    assert_true(containers_may_attach(held));
    assert_ptr_equal(containers_find_cgroup(users->lab.containers, held->container->cgroup), held);
    held->container->pid = getpid();
    assert_false(containers_may_attach(held));
    held->container->pid = users->child;
    held->container->cgroup[8] = 'b'; /* called as another one */
    assert_false(containers_may_attach(held));
    assert_int_equal(rmdir(path), 0);
}

/* He has said it first. */
static void test_one_of_roots_is_not_his(void **state)
{
    struct users *users = *state;

    put(&users->his, 'a', "his", 0, "");
    follow(users, SETTING);
    assert_ptr_equal(lab_held(&users->lab, 'a')->from, &users->lab.containers->runtimes[1]);
    put(&users->lab.fake, 'a', "roots", 0, "");
    fake_docker_event(&users->lab.fake, 'a', "start", "");
    house_for(&users->lab.house, 60);
    assert_ptr_equal(lab_held(&users->lab, 'a')->from, &users->lab.containers->runtimes[0]);
    assert_string_equal(lab_held(&users->lab, 'a')->namespace_name, "default");
    fake_docker_event(&users->his, 'a', "destroy", "");
    house_for(&users->lab.house, 60);
    assert_non_null(lab_held(&users->lab, 'a'));
}

static void test_how_many(void **state)
{
    struct users *users = *state;

    follow(users, SETTING);
    for (unsigned i = 0; i < 200; i++) {
        char text[512];

        (void)snprintf(text, sizeof(text),
                       "{\"Type\": \"container\", \"Action\": \"create\", \"Actor\": {\"ID\": \"%064x\", "
                       "\"Attributes\": {\"name\": \"n%u\", \"svcconnect.service\": \"web\"}}}\n",
                       i, i);
        fake_docker_send(&users->his, text);
    }
    house_for(&users->lab.house, 100);
    assert_int_equal(HASH_COUNT(users->lab.containers->all), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_where_the_configuration_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_socket_or_directory_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_services_are_in_his_namespace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_without_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_process_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_cgroup_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_of_roots_is_not_his, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_how_many, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
