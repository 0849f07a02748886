/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* On ordinary directories that look like cgroups: who is told of what, and of what not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/cgroup_watch.h"

static char root[64];
static int told[8];
static int n_told;

static const char *path_of(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void change(const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path_of("cgroup.events"), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "%s/svc-watch-XXXXXX", P_tmpdir);
    if (!mkdtemp(root))
        return -1;
    change("populated 0\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)rmdir(path_of("child"));
    (void)unlink(path_of("cgroup.events"));
    (void)unlink(path_of("cgroup.procs"));
    return rmdir(root);
}

static void on_told(int number, void *user)
{
    assert_ptr_equal(user, root);
    if (n_told < 8)
        told[n_told++] = number;
}

static int read_all(int fd)
{
    n_told = 0;
    cgroup_watch_read(fd, on_told, root);
    return n_told;
}

static void test_changes_are_told(void **state)
{
    _cleanup_close_ int fd = cgroup_watch_open();
    struct cgroup_watch watch = CGROUP_WATCH_NONE;
    FILE *file;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(cgroup_watch_add(fd, root, &watch), 0);
    assert_int_equal(read_all(fd), 0);
    change("populated 1\n");
    assert_int_equal(read_all(fd), 1); /* emptied and written, told once */
    assert_int_equal(told[0], watch.events);
    assert_int_equal(mkdir(path_of("child"), 0755), 0);
    assert_int_equal(read_all(fd), 1);
    assert_int_equal(told[0], watch.directory);
    file = fopen(path_of("cgroup.events"), "re");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(read_all(fd), 0);
    cgroup_watch_remove(fd, &watch);
    assert_int_equal(watch.events, -1);
    change("populated 0\n");
    assert_int_equal(read_all(fd), 0);
}

static void test_no_cgroup(void **state)
{
    _cleanup_close_ int fd = cgroup_watch_open();
    struct cgroup_watch watch = CGROUP_WATCH_NONE;

    (void)state;
    assert_int_equal(cgroup_watch_add(fd, path_of("nowhere"), &watch), -ENOENT);
    assert_int_equal(watch.events, -1);
    assert_int_equal(watch.directory, -1);
    cgroup_watch_remove(fd, &watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_cgroup, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
