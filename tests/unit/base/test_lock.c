/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/lock.h"

static char directory[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/svc-lock-XXXXXX", P_tmpdir);
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const left[] = {"-link", "/other/lock", "/other", "/file", "/lock"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", directory, left[i]);
        (void)remove(path);
    }
    return rmdir(directory);
}

/* Does this kernel show locks on this file system under the inode that stat() gives? Some stacked ones do
 * not. */
static bool is_lock_listed(const char *path)
{
    _cleanup_fclose_ FILE *file = fopen("/proc/locks", "re");
    char line[256], inode[32];
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    (void)snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)info.st_ino);
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, "FLOCK") && strstr(line, inode))
            return true;
    return false;
}

typedef int lock_function(const char *what, const char *path, int *ret_fd, struct error *error);

static void expect_busy_by(lock_function *lock, const char *path, const char *locked, pid_t holder)
{
    struct error error = {0};
    char pid[32];
    int fd = -7;

    assert_int_equal(lock("state directory", path, &fd, &error), -EBUSY);
    assert_int_equal(fd, -7);
    assert_int_equal(error.number, EBUSY);
    assert_non_null(strstr(error.message, "state directory"));
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, "--state-dir"));
    if (!is_lock_listed(locked))
        return;
    (void)snprintf(pid, sizeof(pid), "(pid %d)", (int)holder);
    if (!strstr(error.message, pid))
        fail_msg("%s is not in: %s", pid, error.message);
}

static void expect_busy(const char *path, pid_t holder)
{
    char file[128];

    (void)snprintf(file, sizeof(file), "%s/lock", directory);
    expect_busy_by(lock_directory, path, file, holder);
}

static void test_second_one_is_refused(void **state)
{
    _cleanup_close_ int first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(lock_directory("state directory", directory, &first, NULL), 0);
    assert_true(first >= 0);
    assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    expect_busy(directory, getpid());
    assert_int_equal(close(TAKE_FD(first)), 0);
    assert_int_equal(lock_directory("state directory", directory, &second, NULL), 0);
    assert_int_equal(close(second), 0);
}

/* What is locked is in the directory, not in its name: another way there is no way around. */
static void test_another_name_for_it(void **state)
{
    _cleanup_close_ int first = -1;
    char other[128];

    (void)state;
    (void)snprintf(other, sizeof(other), "%s-link", directory);
    assert_int_equal(symlink(directory, other), 0);
    assert_int_equal(lock_directory("state directory", directory, &first, NULL), 0);
    expect_busy(other, getpid());
    assert_int_equal(unlink(other), 0);
}

static void test_directories_are_apart(void **state)
{
    _cleanup_close_ int first = -1;
    _cleanup_close_ int second = -1;
    char other[128];

    (void)state;
    (void)snprintf(other, sizeof(other), "%s/other", directory);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(lock_directory("state directory", directory, &first, NULL), 0);
    assert_int_equal(lock_directory("run directory", other, &second, NULL), 0);
}

static void test_lock_ends_with_its_process(void **state)
{
    int ready[2];
    int fd = -1;
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (lock_directory("state directory", directory, &fd, NULL) == 0 && write(ready[1], "x", 1) == 1)
            (void)pause();
        _exit(1);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    expect_busy(directory, pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(lock_directory("state directory", directory, &fd, NULL), 0);
    assert_int_equal(close(fd), 0);
}

static void test_what_is_no_directory(void **state)
{
    struct error error = {0};
    char path[128];
    int fd = -7;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    assert_int_equal(lock_directory("run directory", path, &fd, &error), -ENOENT);
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, "run directory"));
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    assert_int_equal(lock_directory("run directory", path, &fd, &error), -ENOTDIR);
    assert_int_equal(fd, -7);
    assert_int_equal(unlink(path), 0);
}

/* ---- who else can reach the lock ---- */

/* Anybody can lock a directory that he can open: that keeps nobody from starting. */
static void test_a_lock_on_the_directory_itself_is_no_matter(void **state)
{
    _cleanup_close_ int first = -1;
    _cleanup_close_ int stranger = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    log_set_level(LOG_LEVEL_ERROR); /* it is warned about */
    for (int how = 0; how < 2; how++) {
        assert_int_equal(flock(stranger, how ? LOCK_SH : LOCK_EX), 0);
        assert_int_equal(lock_directory("run directory", directory, &first, NULL), 0);
        assert_int_equal(close(TAKE_FD(first)), 0);
    }
}

static void expect_mode(const char *path, mode_t mode)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, mode);
}

static void test_what_is_locked_is_closed_to_others(void **state)
{
    static const mode_t masks[] = {0, 0022, 0027, 0077};
    char file[128];

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/lock", directory);
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        _cleanup_close_ int fd = -1;
        mode_t old = umask(masks[i]);

        assert_int_equal(lock_directory("run directory", directory, &fd, NULL), 0);
        (void)umask(old);
        expect_mode(file, 0600);
        if (i % 2)
            assert_int_equal(chmod(file, 0666), 0); /* and the next round finds it so */
        else
            assert_int_equal(unlink(file), 0);
    }
}

static void test_the_lock_is_a_file_of_our_own(void **state)
{
    _cleanup_close_ int fd = -1;
    char file[128];

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/lock", directory);
    assert_int_equal(symlink("/dev/null", file), 0);
    assert_int_equal(lock_directory("run directory", directory, &fd, NULL), -ELOOP);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(lock_directory("run directory", directory, &fd, NULL), -EPERM);
    assert_int_equal(unlink(file), 0);
    if (geteuid() != 0)
        return;
    assert_int_equal(close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    assert_int_equal(chown(file, 65534, 65534), 0);
    assert_int_equal(lock_directory("run directory", directory, &fd, NULL), -EPERM);
    assert_int_equal(fd, -1);
}

static void test_a_private_directory(void **state)
{
    _cleanup_close_ int fd = -1;

    (void)state;
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(lock_private_directory("bpffs directory", directory, &fd, NULL), 0);
    expect_mode(directory, 0700);
    expect_busy_by(lock_private_directory, directory, directory, getpid());
    assert_int_equal(close(TAKE_FD(fd)), 0);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(directory, 65534, 65534), 0);
    assert_int_equal(lock_private_directory("bpffs directory", directory, &fd, NULL), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_one_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_name_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directories_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock_ends_with_its_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lock_on_the_directory_itself_is_no_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_locked_is_closed_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_lock_is_a_file_of_our_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_private_directory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
