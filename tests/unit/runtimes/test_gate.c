/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The gate on real cgroups and real mounts: a child does what a runtime does (a cgroup, a root of its own, then the
 * program), and the program's first act is a file that can be looked for. Root only. Long because half of it is that runtime.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "runtimes/container_cgroup.h"
#include "runtimes/gate.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct lab {
    struct event_base *base;
    struct gate *gate;
    char *cgroup_root;
    char parent[64];       /* below the cgroup root */
    char parent_path[200]; /* the directory of it */
    char cgroup[320];      /* the container's, a full path */
    char root[64];         /* of its files */
    pid_t child;
    bool lives_on; /* the program does, and with it the mount that was marked */
    /* what was told */
    bool releases_at_once; /* when it appears */
    bool releases_standing;
    int n_appeared;
    int n_stood;
    int n_ended;
    uint64_t ticket;
    pid_t stood;
    bool had_begun; /* the program, when it was said to stand */
    enum gate_end end;
    char told_cgroup[200];
};

static bool has_begun(const struct lab *lab)
{
    char path[100];

    (void)snprintf(path, sizeof(path), "%s/begun", lab->root);
    return access(path, F_OK) == 0;
}

static void appeared(uint64_t ticket, const char *cgroup, void *user)
{
    struct lab *lab = user;

    if (strncmp(cgroup, lab->parent, strlen(lab->parent)) != 0) { /* somebody else's container on this host */
        gate_release(lab->gate, ticket);
        return;
    }
    lab->n_appeared++;
    lab->ticket = ticket;
    (void)snprintf(lab->told_cgroup, sizeof(lab->told_cgroup), "%s", cgroup);
    if (lab->releases_at_once)
        gate_release(lab->gate, ticket);
}

static void stands(uint64_t ticket, const char *cgroup, pid_t pid, void *user)
{
    struct lab *lab = user;

    if (strncmp(cgroup, lab->parent, strlen(lab->parent)) != 0)
        return;
    assert_int_equal(ticket, lab->ticket);
    assert_string_equal(cgroup, lab->told_cgroup);
    lab->n_stood++;
    lab->stood = pid;
    lab->had_begun = has_begun(lab);
    if (lab->releases_standing)
        gate_release(lab->gate, ticket);
}

static void ended(uint64_t ticket, const char *cgroup, enum gate_end end, uint64_t held_us, void *user)
{
    struct lab *lab = user;

    (void)held_us;
    if (strncmp(cgroup, lab->parent, strlen(lab->parent)) != 0)
        return;
    assert_int_equal(ticket, lab->ticket);
    assert_string_equal(cgroup, lab->told_cgroup);
    lab->n_ended++;
    lab->end = end;
}

static void open_gate_at(struct lab *lab, uint32_t deadline_ms, const char *parent)
{
    struct gate_settings settings = {.cgroup_root = lab->cgroup_root,
                                     .deadline_ms = deadline_ms,
                                     .appeared = appeared,
                                     .stands = stands,
                                     .ended = ended,
                                     .user = lab};

    assert_int_equal(gate_new(lab->base, &settings, &lab->gate), 0);
    assert_int_equal(gate_watch(lab->gate, parent), 0);
    assert_int_equal(gate_watch(lab->gate, parent), 0);
}

static void open_gate(struct lab *lab, uint32_t deadline_ms)
{
    open_gate_at(lab, deadline_ms, lab->parent);
}

/* Copies this program's file, which has no libraries to look for if it is found at the same paths: so busybox. */
static int copy_busybox(const struct lab *lab)
{
    char command[200];

    (void)snprintf(command, sizeof(command), "cp /bin/busybox %s/busybox", lab->root);
    return system(command); // NOLINT(cert-env33-c)
}

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    *state = lab;
    if (geteuid() != 0 || mounts_find_cgroup2(&lab->cgroup_root) < 0 || access("/bin/busybox", X_OK) < 0)
        return 0; /* each test says why it is skipped */
    (void)snprintf(lab->parent, sizeof(lab->parent), "/test-gate-%d", getpid());
    (void)snprintf(lab->parent_path, sizeof(lab->parent_path), "%s%s", lab->cgroup_root, lab->parent);
    (void)snprintf(lab->cgroup, sizeof(lab->cgroup), "%s/docker-%s.scope", lab->parent_path, ID);
    (void)snprintf(lab->root, sizeof(lab->root), "/tmp/test-gate-XXXXXX");
    assert_non_null(mkdtemp(lab->root));
    assert_int_equal(copy_busybox(lab), 0);
    lab->base = event_base_new();
    return 0;
}

static void end_child(struct lab *lab)
{
    if (lab->child > 0) {
        (void)kill(lab->child, SIGKILL);
        (void)waitpid(lab->child, NULL, 0);
        lab->child = 0;
    }
}

static int tear_down(void **state)
{
    struct lab *lab = *state;
    char command[200];

    if (lab->base) {
        gate_free(&lab->gate);
        end_child(lab);
        for (int i = 0; i < 200 && rmdir(lab->cgroup) < 0 && errno == EBUSY; i++)
            (void)usleep(10000);
        (void)rmdir(lab->parent_path);
        (void)snprintf(command, sizeof(command), "rm -r %s", lab->root);
        (void)!system(command); // NOLINT(cert-env33-c)
        event_base_free(lab->base);
    }
    free(lab->cgroup_root);
    free(lab);
    return 0;
}

#define SKIP_UNLESS_ROOT(lab)                                                                                \
    do {                                                                                                     \
        if (!(lab)->base) {                                                                                  \
            print_message("skipped: needs root, a cgroup v2 mount and busybox\n");                           \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(90);
    (void)close(fd);
}

/* What a runtime does, in the child. */
static void become_container(const struct lab *lab)
{
    char procs[340];

    (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", lab->cgroup);
    write_text(procs, "0");
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(lab->root, lab->root, NULL, MS_BIND, NULL) < 0 || chroot(lab->root) < 0 || chdir("/") < 0)
        _exit(91);
    (void)usleep(50000); /* the real ones have a network to make; the gate looks each millisecond */
    if (lab->lives_on)
        (void)execl("/busybox", "busybox", "sh", "-c", ": >/begun; while :; do /busybox sleep 1; done", NULL);
    (void)execl("/busybox", "busybox", "touch", "/begun", NULL);
    _exit(92);
}

static void start_container(struct lab *lab)
{
    assert_int_equal(mkdir(lab->cgroup, 0755), 0);
    lab->child = fork();
    assert_true(lab->child >= 0);
    if (lab->child == 0)
        become_container(lab);
}

static void make_parent(const struct lab *lab)
{
    assert_int_equal(mkdir(lab->parent_path, 0755), 0);
}

/* Turns the loop until something is as wanted; the test's own time limit ends what never comes. */
#define turn_until(lab, condition)                                                                           \
    while (!(condition))                                                                                     \
    assert_true(event_base_loop((lab)->base, EVLOOP_ONCE) >= 0)

static void expect_child_ran(struct lab *lab)
{
    int status = -1;

    assert_int_equal(waitpid(lab->child, &status, 0), lab->child);
    lab->child = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(has_begun(lab));
}

static void end_run(struct lab *lab)
{
    char path[100];

    end_child(lab);
    for (int i = 0; i < 200 && rmdir(lab->cgroup) < 0 && errno == EBUSY; i++)
        (void)usleep(10000);
    (void)snprintf(path, sizeof(path), "%s/begun", lab->root);
    assert_int_equal(unlink(path), 0);
}

/* Is the directory watched by inotify in this process, as the kernel tells it? */
static bool is_watched(const char *directory)
{
    char wanted[64];
    struct stat info;
    bool is_found = false;

    assert_int_equal(stat(directory, &info), 0);
    (void)snprintf(wanted, sizeof(wanted), " ino:%llx ", (unsigned long long)info.st_ino);

    for (int fd = 0; fd < 64; fd++) {
        char path[64];
        char line[256];
        _cleanup_fclose_ FILE *file = NULL;

        (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
            is_found = is_found || (strncmp(line, "inotify wd:", 11) == 0 && strstr(line, wanted));
    }
    return is_found;
}

/* Until the thread watches the parent, or where there is none the directory above it. */
static void settle(const struct lab *lab)
{
    while (!is_watched(access(lab->parent_path, F_OK) == 0 ? lab->parent_path : lab->cgroup_root))
        (void)usleep(1000);
}

/* A gate whose parent is there and watched. */
static void watch_parent_of(struct lab *lab, uint32_t deadline_ms)
{
    make_parent(lab);
    open_gate(lab, deadline_ms);
    settle(lab);
}

static void test_held_until_released(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    watch_parent_of(lab, 20000);
    start_container(lab);
    turn_until(lab, lab->n_stood);
    assert_int_equal(lab->stood, lab->child);
    assert_false(lab->had_begun);
    (void)usleep(100000);
    assert_false(has_begun(lab));
    assert_int_equal(waitpid(lab->child, NULL, WNOHANG), 0);
    gate_release(lab->gate, lab->ticket);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->end, GATE_RELEASED);
    expect_child_ran(lab);
    assert_int_equal(lab->n_appeared, 1);
    assert_int_equal(lab->n_stood, 1);
}

static void test_the_deadline_lets_go(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    watch_parent_of(lab, 30);
    start_container(lab);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->n_stood, 1);
    assert_int_equal(lab->end, GATE_TIMEOUT);
    expect_child_ran(lab);
}

static void test_one_that_is_no_task_is_not_held(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    lab->releases_at_once = true;
    watch_parent_of(lab, 20000);
    start_container(lab);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->end, GATE_RELEASED);
    assert_int_equal(lab->n_stood, 0);
    expect_child_ran(lab);
}

static void test_a_parent_that_comes_later(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    lab->releases_standing = true;
    open_gate(lab, 20000);
    settle(lab);
    make_parent(lab); /* and at once a child, before anybody can have watched it */
    start_container(lab);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->n_stood, 1);
    assert_false(lab->had_begun);
    assert_int_equal(lab->n_appeared, 1);
    expect_child_ran(lab);
}

/* Two levels at once, which nobody has named to the gate; the next container there is met once, too. */
static void test_a_parent_that_nobody_has_spoken_of(void **state)
{
    struct lab *lab = *state;
    char middle[250];

    SKIP_UNLESS_ROOT(lab);
    lab->releases_standing = true;
    open_gate_at(lab, 20000, "/test-gate-elsewhere");
    settle(lab);
    (void)snprintf(middle, sizeof(middle), "%s/tasks", lab->parent_path);
    (void)snprintf(lab->cgroup, sizeof(lab->cgroup), "%s/%s", middle, ID);
    make_parent(lab);
    assert_int_equal(mkdir(middle, 0755), 0);
    for (int i = 1; i <= 2; i++) {
        start_container(lab);
        turn_until(lab, lab->n_ended == i);
        assert_int_equal(lab->n_stood, i);
        assert_false(lab->had_begun);
        assert_int_equal(lab->n_appeared, i);
        expect_child_ran(lab);
        end_run(lab);
    }
    assert_int_equal(rmdir(middle), 0);
}

/* Users make cgroups below theirs as they like: what is called so there is no container of a runtime of root's. */
static void test_cgroups_of_users_are_no_parents(void **state)
{
    struct lab *lab = *state;
    char own[250];

    SKIP_UNLESS_ROOT(lab);
    make_parent(lab);
    assert_int_equal(chown(lab->parent_path, 12345, 12345), 0);
    open_gate_at(lab, 20000, "/test-gate-elsewhere");
    while (!is_watched(lab->cgroup_root))
        (void)usleep(1000);
    assert_int_equal(mkdir(lab->cgroup, 0755), 0);
    (void)snprintf(own, sizeof(own), "%s-2", lab->parent_path); /* root's, which is told of after the other */
    assert_int_equal(mkdir(own, 0755), 0);
    while (!is_watched(own))
        (void)usleep(1000);
    (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(rmdir(own), 0);
    assert_int_equal(lab->n_appeared, 0);
}

static void test_the_end_of_the_gate_lets_go(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    watch_parent_of(lab, 20000);
    start_container(lab);
    turn_until(lab, lab->n_stood);
    gate_free(&lab->gate);
    expect_child_ran(lab);
    assert_int_equal(lab->n_ended, 0);
}

static void test_a_cgroup_that_goes_again(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    watch_parent_of(lab, 20000);
    assert_int_equal(mkdir(lab->cgroup, 0755), 0);
    turn_until(lab, lab->n_appeared);
    assert_int_equal(rmdir(lab->cgroup), 0);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->end, GATE_NEVER_STOOD);
}

static void test_other_cgroups_are_left_alone(void **state)
{
    struct lab *lab = *state;
    char other[320];

    SKIP_UNLESS_ROOT(lab);
    watch_parent_of(lab, 20000);
    (void)snprintf(other, sizeof(other), "%s/ssh.service", lab->parent_path);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(mkdir(lab->cgroup, 0755), 0);
    turn_until(lab, lab->n_appeared); /* inotify tells in order */
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(lab->n_appeared, 1);
    assert_non_null(strstr(lab->told_cgroup, "docker-"));
}

static void test_a_parent_of_containers_only(void **state)
{
    struct lab *lab = *state;

    SKIP_UNLESS_ROOT(lab);
    lab->releases_standing = true;
    watch_parent_of(lab, 20000);
    assert_int_equal(gate_watch_all(lab->gate, lab->parent), 0);
    (void)usleep(20000); /* its thread has nothing else to do */
    (void)snprintf(lab->cgroup, sizeof(lab->cgroup), "%s/web", lab->parent_path);
    start_container(lab);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->n_stood, 1);
    expect_child_ran(lab);
}

/* By its path, before it is there; it may be called anything. */
static void test_one_that_is_expected(void **state)
{
    struct lab *lab = *state;
    char path[200];

    SKIP_UNLESS_ROOT(lab);
    lab->releases_standing = true;
    make_parent(lab);
    open_gate_at(lab, 20000, "/nowhere");
    (void)snprintf(lab->cgroup, sizeof(lab->cgroup), "%s/web", lab->parent_path);
    (void)snprintf(path, sizeof(path), "%s/web", lab->parent);
    assert_int_equal(gate_expect(lab->gate, path), 0);
    assert_int_equal(gate_expect(lab->gate, path), 0);
    turn_until(lab, lab->n_appeared);
    (void)usleep(30000);
    assert_int_equal(lab->n_ended, 0);
    start_container(lab);
    turn_until(lab, lab->n_ended);
    assert_int_equal(lab->n_appeared, 1);
    assert_int_equal(lab->n_stood, 1);
    assert_string_equal(lab->told_cgroup, path);
    assert_false(lab->had_begun);
    expect_child_ran(lab);
}

/* Marks of fanotify in this process, as the kernel tells them; the files that it has open. */
static int count_marks(int *ret_open)
{
    int n = 0;

    *ret_open = 0;
    for (int fd = 0; fd < 256; fd++) {
        char path[64];
        char line[256];
        _cleanup_fclose_ FILE *file = NULL;

        (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        file = fopen(path, "re");
        *ret_open += file != NULL;
        while (file && fgets(line, sizeof(line), file))
            n += strncmp(line, "fanotify mnt_id", 15) == 0 || strncmp(line, "fanotify sdev", 13) == 0 ||
                 strncmp(line, "fanotify ino", 12) == 0;
    }
    return n;
}

static void run_on(struct lab *lab)
{
    int before = lab->n_ended;

    start_container(lab);
    turn_until(lab, lab->n_ended > before);
    while (!has_begun(lab))
        (void)usleep(1000);
}

static void test_nothing_stays_after_the_first_program(void **state)
{
    struct lab *lab = *state;
    int open_before;
    int open_after;

    SKIP_UNLESS_ROOT(lab);
    lab->lives_on = true;
    watch_parent_of(lab, 400);
    assert_int_equal(count_marks(&open_before), 0);
    for (int round = 0; round < 6; round++) {
        lab->releases_at_once = round % 3 == 0;
        lab->releases_standing = round % 3 == 1; /* else: until the deadline */
        run_on(lab);
        assert_int_equal(lab->end, round % 3 == 2 ? GATE_TIMEOUT : GATE_RELEASED);
        assert_int_equal(count_marks(&open_after), 0);
        assert_int_equal(open_after, open_before);
        end_run(lab);
    }
    assert_int_equal(lab->n_stood, 4);
    lab->releases_at_once = lab->releases_standing = false;
    start_container(lab);
    turn_until(lab, lab->n_stood == 5);
    assert_int_equal(count_marks(&open_after), 1); /* so that marks are counted at all */
}

static void test_names_of_cgroups(void **state)
{
    static const char *const containers[] = {ID, "docker-" ID ".scope", "libpod-" ID, "libpod-" ID ".scope",
                                             "cri-containerd-" ID ".scope"};
    static const char *const others[] = {"libpod-conmon-" ID ".scope",
                                         "ssh.service",
                                         "docker-" ID ".slice",
                                         "0123",
                                         "",
                                         ID "0",
                                         ID ".scope",
                                         "docker.service"};
    char id[CONTAINER_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
        assert_true(container_cgroup_id(containers[i], id));
        assert_string_equal(id, ID);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(container_cgroup_id(others[i], id));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_held_until_released),
        TEST(test_the_deadline_lets_go),
        TEST(test_one_that_is_no_task_is_not_held),
        TEST(test_a_parent_that_comes_later),
        TEST(test_a_parent_that_nobody_has_spoken_of),
        TEST(test_cgroups_of_users_are_no_parents),
        TEST(test_the_end_of_the_gate_lets_go),
        TEST(test_a_cgroup_that_goes_again),
        TEST(test_other_cgroups_are_left_alone),
        TEST(test_a_parent_of_containers_only),
        TEST(test_one_that_is_expected),
        TEST(test_nothing_stays_after_the_first_program),
        cmocka_unit_test(test_names_of_cgroups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
