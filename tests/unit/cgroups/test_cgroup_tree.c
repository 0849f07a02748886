/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* On ordinary directories that look like cgroups: what is read is names and one file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/cgroup_tree.h"

#define MANY 40

static char root[64];
static struct cgroup_tree tree;

static const char *path_of(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s%s%s", root, *name ? "/" : "", name);
    return path;
}

static uint64_t make(const char *name, const char *processes)
{
    _cleanup_fclose_ FILE *file = NULL;
    char procs[128];
    struct stat info;

    if (*name)
        assert_int_equal(mkdir(path_of(name), 0755), 0);
    (void)snprintf(procs, sizeof(procs), "%s%scgroup.procs", name, *name ? "/" : "");
    file = fopen(path_of(procs), "we");
    assert_non_null(file);
    assert_true(fputs(processes, file) >= 0);
    assert_int_equal(stat(path_of(name), &info), 0);
    return info.st_ino;
}

static void drop(const char *name)
{
    char procs[128];

    (void)snprintf(procs, sizeof(procs), "%s%scgroup.procs", name, *name ? "/" : "");
    (void)unlink(path_of(procs));
    (void)rmdir(path_of(name));
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "%s/svc-tree-XXXXXX", P_tmpdir);
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    char name[16];

    (void)state;
    cgroup_tree_done(&tree);
    (void)unlink(path_of("link"));
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        drop(name);
    }
    drop("a/b");
    drop("a");
    drop("");
    return 0;
}

static void test_all_below(void **state)
{
    uint64_t outer = make("", "1\n22\n");
    uint64_t a = make("a", "");
    uint64_t b = make("a/b", "333\n");

    (void)state;
    assert_int_equal(symlink("/", path_of("link")), 0);
    assert_int_equal(cgroup_tree_add(&tree, path_of(""), 10), 0);
    cgroup_tree_sort(&tree);
    assert_int_equal(tree.n_ids, 3);
    assert_true(cgroup_tree_has(&tree, outer));
    assert_true(cgroup_tree_has(&tree, a));
    assert_true(cgroup_tree_has(&tree, b));
    assert_false(cgroup_tree_has(&tree, 0));
    assert_int_equal(tree.n_processes, 3);
    assert_int_equal(tree.processes[0], 1);
    assert_int_equal(tree.processes[1], 22);
    assert_int_equal(tree.processes[2], 333);
    assert_false(tree.is_cut);
}

static void test_several(void **state)
{
    uint64_t outer = make("", "1\n");
    uint64_t a = make("a", "2\n");
    uint64_t b = make("a/b", "3\n");

    (void)state;
    (void)outer;
    assert_int_equal(cgroup_tree_add(&tree, path_of("a/b"), 1), 0);
    assert_int_equal(cgroup_tree_add(&tree, path_of("none"), 1), -ENOENT);
    assert_int_equal(cgroup_tree_add(&tree, path_of("a"), 2), 0); /* the limit is for each call */
    cgroup_tree_sort(&tree);
    assert_true(cgroup_tree_has(&tree, a) && cgroup_tree_has(&tree, b));
    assert_false(cgroup_tree_has(&tree, outer));
    assert_int_equal(tree.n_processes, 3);
    assert_false(tree.is_cut);
}

static void test_limit_of_processes(void **state)
{
    (void)state;
    (void)make("", "1\n2\n3\n");
    (void)make("a", "4\n");
    assert_int_equal(cgroup_tree_add(&tree, path_of(""), 2), 0);
    assert_int_equal(tree.n_processes, 2);
    assert_int_equal(tree.n_ids, 2); /* ids are not cut along */
    assert_true(tree.is_cut);
}

/* The kernel shows 0 for a process that this pid namespace does not know. */
static void test_processes_of_elsewhere(void **state)
{
    (void)state;
    (void)make("", "0\n5\n0\n");
    assert_int_equal(cgroup_tree_add(&tree, path_of(""), 10), 0);
    assert_int_equal(tree.n_processes, 1);
    assert_int_equal(tree.processes[0], 5);
    assert_true(tree.is_cut);
}

static void test_room_for_many(void **state)
{
    uint64_t ids[MANY];
    char name[16];

    (void)state;
    (void)make("", "");
    for (unsigned i = 0; i < MANY; i++) {
        char pid[16];

        (void)snprintf(name, sizeof(name), "c%u", i);
        (void)snprintf(pid, sizeof(pid), "%u\n", i + 1);
        ids[i] = make(name, pid);
    }
    assert_int_equal(cgroup_tree_add(&tree, path_of(""), MANY), 0);
    cgroup_tree_sort(&tree);
    assert_int_equal(tree.n_ids, MANY + 1);
    assert_int_equal(tree.n_processes, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(cgroup_tree_has(&tree, ids[i]));
    assert_false(tree.is_cut);
}

static void test_empty(void **state)
{
    (void)state;
    cgroup_tree_sort(&tree);
    assert_false(cgroup_tree_has(&tree, 1));
    cgroup_tree_done(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_below, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes_of_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_for_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
