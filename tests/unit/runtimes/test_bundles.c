/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Directories as containerd and runc keep them, made by the test, and what is told of them. The processes are children of
 * the test; those of containerd are told from others by their cgroup, so they have none of their own here. Long because both kinds are held
 * against one way of making them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "runtimes/bundles.h"

struct lab {
    struct event_base *base;
    struct bundles *bundles;
    char directory[64];
    char told[2048]; /* one line for each word */
    unsigned n_told;
    pid_t child;
};

static void tell(struct lab *lab, const char *word, const char *what)
{
    size_t length = strlen(lab->told);

    (void)snprintf(lab->told + length, sizeof(lab->told) - length, "%s %s\n", word, what);
    lab->n_told++;
}

static void on_put(struct container *container, void *user)
{
    static const char *const states[] = {"created", "running", "paused", "ending", "ended"};
    const char *service = container_label(container, "svcconnect.service");
    struct lab *lab = user;
    char text[400];

    (void)snprintf(text, sizeof(text), "%s %s %s %s%s", container->id, container->name,
                   states[container->state], service ? service : "-", container->pid ? " pid" : "");
    if (!lab->child || container->pid == 0 || container->pid == lab->child)
        tell(lab, "put", text);
    else
        tell(lab, "put", "another process");
    container_free(&container);
}

static void on_gone(const char *id, void *user)
{
    tell(user, "gone", id);
}

static void on_settled(const struct bundles *bundles, void *user)
{
    (void)bundles;
    tell(user, "settled", "");
}

static void on_connection(const struct bundles *bundles, bool is_connected, const char *reason, void *user)
{
    (void)bundles;
    tell(user, is_connected ? "connected" : "lost:", reason);
}

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    log_set_level(LOG_LEVEL_ERROR);
    lab->base = event_base_new();
    (void)snprintf(lab->directory, sizeof(lab->directory), "/tmp/test-bundles-XXXXXX");
    assert_non_null(mkdtemp(lab->directory));
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;
    char command[100];

    bundles_free(&lab->bundles);
    bundles_free(&lab->bundles);
    if (lab->child > 0) {
        (void)kill(lab->child, SIGKILL);
        (void)waitpid(lab->child, NULL, 0);
    }
    (void)snprintf(command, sizeof(command), "rm -rf %s", lab->directory);
    (void)!system(command); // NOLINT(cert-env33-c)
    event_base_free(lab->base);
    free(lab);
    return 0;
}

/* ---- what runtimes write ---- */

static void make_directory(struct lab *lab, const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", lab->directory, name);
    assert_int_equal(mkdir(path, 0711), 0);
}

/* Whole at once, as both write what others read. */
static void write_file(struct lab *lab, const char *name, const char *text)
{
    char path[200];
    char hidden[220];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", lab->directory, name);
    (void)snprintf(hidden, sizeof(hidden), "%s.new", path);
    file = fopen(hidden, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(hidden, path), 0);
}

static void remove_it(struct lab *lab, const char *name)
{
    char command[200];

    (void)snprintf(command, sizeof(command), "rm -r %s/%s", lab->directory, name);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

/* A process, and when it began, as runc writes it down. */
static void start_child(struct lab *lab, uint64_t *ret_ticks)
{
    char path[64];
    FILE *file;

    lab->child = fork();
    assert_true(lab->child >= 0);
    if (lab->child == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", lab->child);
    file = fopen(path, "re");
    assert_non_null(file);
    for (int i = 1; i < 22; i++)
        assert_int_equal(fscanf(file, "%*s"), 0);
    assert_int_equal(fscanf(file, "%" SCNu64, ret_ticks), 1);
    (void)fclose(file);
}

static void write_state(struct lab *lab, const char *id, pid_t pid, uint64_t ticks)
{
    char name[100];
    char text[300];

    (void)snprintf(name, sizeof(name), "%s/state.json", id);
    (void)snprintf(
        text, sizeof(text),
        "{\"init_process_pid\": %d, \"init_process_start\": %" PRIu64
        ", \"created\": \"2026-01-01T00:00:00Z\", \"config\": {\"labels\": [\"svcconnect.service=s\"]}}",
        (int)pid, ticks);
    write_file(lab, name, text);
}

static void write_config(struct lab *lab, const char *id, const char *service)
{
    char name[100];
    char text[300];

    (void)snprintf(name, sizeof(name), "%s/config.json", id);
    (void)snprintf(
        text, sizeof(text),
        "{\"annotations\": {\"svcconnect.service\": \"%s\"}, \"linux\": {\"cgroupsPath\": \"/n/c\"}}",
        service);
    write_file(lab, name, text);
}

/* ---- what is told ---- */

static void follow(struct lab *lab, enum bundle_kind kind)
{
    assert_int_equal(bundles_new(&(struct bundles_settings){.base = lab->base,
                                                            .runtime = "r",
                                                            .kind = kind,
                                                            .directory = lab->directory,
                                                            .put = on_put,
                                                            .gone = on_gone,
                                                            .settled = on_settled,
                                                            .connection = on_connection,
                                                            .user = lab},
                                 &lab->bundles),
                     0);
}

/* These are the next words; the test's own time limit ends what never comes. */
static void expect(struct lab *lab, const char *wanted)
{
    while (strlen(lab->told) < strlen(wanted))
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    assert_string_equal(lab->told, wanted);
    lab->told[0] = '\0';
}

static void turn(struct lab *lab)
{
    for (int i = 0; i < 20; i++) {
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
        (void)usleep(2000);
    }
}

static void test_what_is_there_at_first(void **state)
{
    struct lab *lab = *state;

    make_directory(lab, "n");
    make_directory(lab, "n/c");
    write_config(lab, "n/c", "web");
    make_directory(lab, "moby");
    make_directory(lab, "moby/d");
    write_config(lab, "moby/d", "docker");
    make_directory(lab, "n/half");
    write_file(lab, "n/half/config.json", "{\"annot");
    follow(lab, BUNDLE_CONTAINERD);
    expect(lab, "connected \nput n/c c created web\nsettled \n");
    bundles_free(&lab->bundles);
    turn(lab);
    assert_string_equal(lab->told, "");
}

static void test_a_containers_life_with_containerd(void **state)
{
    struct lab *lab = *state;

    follow(lab, BUNDLE_CONTAINERD);
    expect(lab, "connected \nsettled \n");
    make_directory(lab, "n"); /* a namespace, which is walked when it is seen */
    expect(lab, "settled \n");
    make_directory(lab, "n/c");
    turn(lab);
    write_config(lab, "n/c", "web");
    expect(lab, "put n/c c created web\n");
    write_file(lab, "n/c/init.pid", "999999999"); /* of a process that has ended */
    expect(lab, "put n/c c ended web\n");
    remove_it(lab, "n/c");
    expect(lab, "gone n/c\n");
}

static void test_containerd_renames_what_it_removes(void **state)
{
    struct lab *lab = *state;
    char from[100];
    char to[100];

    make_directory(lab, "n");
    make_directory(lab, "n/c");
    write_config(lab, "n/c", "web");
    follow(lab, BUNDLE_CONTAINERD);
    expect(lab, "connected \nput n/c c created web\nsettled \n");
    (void)snprintf(from, sizeof(from), "%s/n/c", lab->directory);
    (void)snprintf(to, sizeof(to), "%s/n/.c", lab->directory);
    assert_int_equal(rename(from, to), 0);
    expect(lab, "gone n/c\n");
}

static void test_a_process_in_another_cgroup_is_another(void **state)
{
    struct lab *lab = *state;
    uint64_t ticks;
    char pid[20];

    start_child(lab, &ticks);
    make_directory(lab, "n");
    make_directory(lab, "n/c");
    write_config(lab, "n/c", "web"); /* which says "/n/c" */
    (void)snprintf(pid, sizeof(pid), "%d\n", lab->child);
    write_file(lab, "n/c/init.pid", pid);
    follow(lab, BUNDLE_CONTAINERD);
    expect(lab, "connected \nput n/c c ended web\nsettled \n");
}

static void test_a_containers_life_with_runc(void **state)
{
    struct lab *lab = *state;
    uint64_t ticks;

    start_child(lab, &ticks);
    follow(lab, BUNDLE_RUNC);
    expect(lab, "connected \nsettled \n");
    make_directory(lab, "c");
    turn(lab);
    write_state(lab, "c", lab->child, ticks);
    expect(lab, "put c c running s pid\n");
    remove_it(lab, "c");
    expect(lab, "gone c\n");
}

static void test_what_has_come_is_told_when_asked(void **state)
{
    struct lab *lab = *state;
    uint64_t ticks;

    start_child(lab, &ticks);
    follow(lab, BUNDLE_RUNC);
    expect(lab, "connected \nsettled \n");
    make_directory(lab, "c");
    write_state(lab, "c", lab->child, ticks);
    bundles_catch_up(lab->bundles); /* without a turn of the loop */
    assert_string_equal(lab->told, "put c c running s pid\n");
}

static void test_a_number_that_another_process_has_by_now(void **state)
{
    struct lab *lab = *state;
    uint64_t ticks;

    start_child(lab, &ticks);
    make_directory(lab, "c");
    write_state(lab, "c", lab->child, ticks - 1);
    follow(lab, BUNDLE_RUNC);
    expect(lab, "connected \nput c c ended s\nsettled \n");
}

/* Links, files of others, directories that others can write, names that are none. */
static void test_what_is_not_opened(void **state)
{
    struct lab *lab = *state;
    char link[100];
    char path[100];

    make_directory(lab, "real");
    make_directory(lab, "real/c");
    write_config(lab, "real/c", "web");
    make_directory(lab, "open");
    make_directory(lab, "open/c");
    write_config(lab, "open/c", "web");
    (void)snprintf(path, sizeof(path), "%s/open", lab->directory);
    assert_int_equal(chmod(path, 0777), 0);
    (void)snprintf(link, sizeof(link), "%s/linked", lab->directory);
    (void)snprintf(path, sizeof(path), "%s/real", lab->directory);
    assert_int_equal(symlink(path, link), 0);
    make_directory(lab, "real/fifo");
    (void)snprintf(path, sizeof(path), "%s/real/fifo/config.json", lab->directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    make_directory(lab, "real/link");
    (void)snprintf(path, sizeof(path), "%s/real/link/config.json", lab->directory);
    (void)snprintf(link, sizeof(link), "%s/real/c/config.json", lab->directory);
    assert_int_equal(symlink(link, path), 0);
    make_directory(lab, "real/odd name");
    write_config(lab, "real/odd name", "web");
    follow(lab, BUNDLE_CONTAINERD);
    expect(lab, "connected \nput real/c c created web\nsettled \n");
}

static void test_a_directory_that_is_not_there_or_anybodys(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(chmod(lab->directory, 0777), 0);
    follow(lab, BUNDLE_RUNC);
    expect(lab, "lost: others than root may write into it\n");
    bundles_free(&lab->bundles);
    assert_int_equal(rmdir(lab->directory), 0);
    follow(lab, BUNDLE_RUNC);
    expect(lab, "lost: No such file or directory\n");
    assert_int_equal(mkdir(lab->directory, 0700), 0);
    make_directory(lab, "c");
    write_state(lab, "c", 999999999, 1);
    while (!strstr(lab->told, "settled")) /* looked for every other second */
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    assert_non_null(strstr(lab->told, "connected \nput c c ended s\nsettled \n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_there_at_first),
        TEST(test_a_containers_life_with_containerd),
        TEST(test_containerd_renames_what_it_removes),
        TEST(test_a_process_in_another_cgroup_is_another),
        TEST(test_a_containers_life_with_runc),
        TEST(test_what_has_come_is_told_when_asked),
        TEST(test_a_number_that_another_process_has_by_now),
        TEST(test_what_is_not_opened),
        TEST(test_a_directory_that_is_not_there_or_anybodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
