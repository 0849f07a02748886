/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Daemons that end without a close, in processes of their own, since SQLite does not survive a fork; and that
 * what is acknowledged has been synced before.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fakes/fake_disk.h"
#include "registry/sqlite/sqlite_registry.h"

#define ROW(key, value) ((struct registry_row){(char *)(key), (char *)(value)})

static char directory[64];
static char database[96];
static char log_file[128]; /* SQLite's write-ahead log: what is acknowledged and not yet in the database */

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/svc-registry-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(database, sizeof(database), "%s/registry.db", directory);
    (void)snprintf(log_file, sizeof(log_file), "%s-wal", database);
    return 0;
}

static int teardown(void **state)
{
    char index_file[128];

    (void)state;
    (void)snprintf(index_file, sizeof(index_file), "%s-shm", database);
    (void)unlink(index_file);
    (void)unlink(log_file);
    (void)unlink(database);
    return rmdir(directory);
}

struct process {
    pid_t pid;
    int to, from; /* one byte to it: go on; one from it: done so far */
};

static struct process start(void (*body)(int in, int out))
{
    struct process process = {0};
    int down[2], up[2];

    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    process.pid = fork();
    assert_true(process.pid >= 0);
    if (process.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(down[1]);
        body(down[0], up[1]);
        _exit(0);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    process.to = down[1];
    process.from = up[0];
    return process;
}

static void say(int fd)
{
    if (write(fd, "x", 1) != 1)
        _exit(1);
}

static void hear(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        _exit(1);
}

static void go_on(const struct process *process)
{
    char byte;

    assert_int_equal(write(process->to, "x", 1), 1);
    assert_int_equal(read(process->from, &byte, 1), 1);
}

static void end(struct process *process, int signal_number)
{
    if (signal_number)
        (void)kill(process->pid, signal_number);
    (void)close(process->to);
    (void)close(process->from);
    assert_int_equal(waitpid(process->pid, NULL, 0), process->pid);
}

/* A daemon that acknowledges one row each time it is told to. */
static void commit_twice(int in, int out)
{
    struct registry *registry = NULL;
    struct registry_row rows[] = {ROW("first", "1"), ROW("second", "1")};
    uint64_t revision;

    if (sqlite_registry_open(database, &registry, NULL) != 0)
        _exit(1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        hear(in);
        if (registry_commit(registry, &rows[i], 1, &revision, NULL) != 0)
            _exit(1);
        say(out);
    }
    hear(in);
}

/* An operator looks into the file and leaves. */
static void look_and_leave(int in, int out)
{
    sqlite3 *other = NULL;

    hear(in);
    if (sqlite3_open(database, &other) != SQLITE_OK ||
        sqlite3_exec(other, "SELECT count(*) FROM rows", NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
    (void)sqlite3_close(other);
    say(out);
}

static int append(const char *key, const char *value, void *user)
{
    char *text = user;

    (void)snprintf(text + strlen(text), 512 - strlen(text), "%s=%s;", key, value);
    return 0;
}

static void expect_both_rows(bool had_log)
{
    struct registry *registry = NULL;
    char text[512] = "";

    assert_int_equal(sqlite_registry_open(database, &registry, NULL), 0);
    assert_int_equal(registry_load(registry, "", append, text, NULL), 0);
    assert_string_equal(text, "first=1;second=1;");
    assert_int_equal(registry_revision(registry), 2);
    registry_close(&registry);
    assert_true(had_log);
}

static void test_acknowledged_rows_survive_kill_9(void **state)
{
    struct process daemon = start(commit_twice);

    (void)state;
    go_on(&daemon);
    go_on(&daemon);
    end(&daemon, SIGKILL);
    expect_both_rows(true);
}

/*
 * The last connection to close removes the write-ahead log. Whoever else comes and goes must see that the
 * daemon is still there; otherwise the daemon goes on writing into a file without a name, and what it
 * acknowledged is lost.
 */
static void test_a_visitor_does_not_take_the_log_away(void **state)
{
    struct process daemon = start(commit_twice);
    struct process visitor = start(look_and_leave);
    bool had_log;

    (void)state;
    go_on(&daemon);
    go_on(&visitor);
    end(&visitor, 0);
    had_log = access(log_file, F_OK) == 0;
    go_on(&daemon);
    end(&daemon, SIGKILL);
    expect_both_rows(had_log);
}

#define N_LONG_ROWS 60

/* Enough rows for several pages of the database, so that a commit is more than one write. */
static int commit_long_rows(struct registry *registry)
{
    struct registry_row rows[N_LONG_ROWS];
    char keys[N_LONG_ROWS][16], value[400];
    uint64_t revision;

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (size_t i = 0; i < N_LONG_ROWS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "long/%zu", i);
        rows[i] = ROW(keys[i], value);
    }
    return registry_commit(registry, rows, N_LONG_ROWS, &revision, NULL);
}

/*
 * Told a number n, a daemon whose committer comes no further than its n-th write or sync of the second
 * commit. It says 'x' when it is there, and 'd' when the commit ended before.
 */
static void stop_within_commit(int in, int out)
{
    struct registry *registry = NULL;
    struct registry_row row = ROW("first", "1");
    uint64_t revision;
    uint8_t n;

    fake_disk_install();
    if (read(in, &n, 1) != 1 || sqlite_registry_open(database, &registry, NULL) != 0 ||
        registry_commit(registry, &row, 1, &revision, NULL) != 0)
        _exit(1);
    fake_disk_stop_at(n, out);
    if (commit_long_rows(registry) != 0 || write(out, "d", 1) != 1)
        _exit(1);
    hear(in);
}

/* What a daemon finds that starts after the kill: all of the second commit (true) or nothing. */
static bool has_long_rows(void)
{
    struct registry *registry = NULL;
    struct registry_row row = ROW("next", "1");
    uint64_t revision = 0, count;

    assert_int_equal(sqlite_registry_open(database, &registry, NULL), 0);
    count = registry_count(registry);
    assert_true(count == 1 || count == 1 + N_LONG_ROWS);
    assert_int_equal(registry_revision(registry), count == 1 ? 1 : 2);
    assert_int_equal(registry_commit(registry, &row, 1, &revision, NULL), 0);
    assert_int_equal(revision, count == 1 ? 2 : 3);
    (void)registry_close(&registry);
    return count > 1;
}

/* Killed before the n-th write or sync of a commit, for each n there is. */
static void test_kill_9_within_a_commit_leaves_all_or_nothing(void **state)
{
    unsigned n_all = 0, n_nothing = 0;
    char said = 'x';

    for (uint8_t n = 1; said == 'x'; n++) {
        struct process daemon = start(stop_within_commit);
        bool has_all;

        assert_true(n < 100);
        assert_int_equal(write(daemon.to, &n, 1), 1);
        assert_int_equal(read(daemon.from, &said, 1), 1);
        end(&daemon, SIGKILL);
        has_all = has_long_rows();
        assert_true(has_all || said == 'x'); /* what was acknowledged is there */
        n_all += has_all;
        n_nothing += !has_all;
        (void)teardown(state);
        (void)setup(state);
    }
    /* Some were killed before the last page was in the log; one after it and before the sync;
     * one at the end. */
    assert_true(n_nothing > 5);
    assert_true(n_all >= 2);
}

/* The commit has not ended before the disk has answered the sync, and each one is synced. */
static void test_acknowledged_is_synced(void **state)
{
    struct registry *registry = NULL;
    const struct registry_row row = ROW("first", "1");
    const struct registry_commit commit = {.rows = &row, .n_rows = 1};
    struct pollfd ended;
    uint64_t revision = 0;

    (void)state;
    fake_disk_install();
    assert_int_equal(sqlite_registry_open(database, &registry, NULL), 0);
    ended = (struct pollfd){.fd = registry_commit_fd(registry), .events = POLLIN};
    for (unsigned i = 1; i <= 5; i++) {
        uint64_t syncs = fake_disk_syncs();

        fake_disk_hold();
        assert_int_equal(registry_commit_begin(registry, &commit, NULL), 0);
        while (!fake_disk_is_held())
            assert_int_equal(poll(&ended, 1, 1), 0);
        assert_int_equal(registry_commit_end(registry, &revision, NULL), -EINPROGRESS);
        assert_int_equal(registry_revision(registry), i - 1);
        fake_disk_release();
        assert_int_equal(registry_commit_wait(registry, &revision, NULL), 0);
        assert_true(fake_disk_syncs() > syncs);
    }
    (void)registry_close(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_acknowledged_rows_survive_kill_9, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_visitor_does_not_take_the_log_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_9_within_a_commit_leaves_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledged_is_synced, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
