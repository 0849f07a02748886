/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* On cgroups made for it, where there is a cgroup v2 mount to make them in; skipped with the reason
 * elsewhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "cgroups/cgroup.h"

static char *mount_point;   /* NULL: no cgroups can be made here */
static char parent[64];     /* "/svcconnect-unit-PID", below the mount */
static char directory[128]; /* its full path */
static char scratch[64];    /* an ordinary directory */
static pid_t inside;        /* a process in one of them; 0: none */

static int make_cgroups(void)
{
    char real[PATH_MAX];

    if (mounts_find_cgroup2(&mount_point) < 0) {
        print_message("no cgroup v2 mount: the tests that need one are skipped\n");
        return 0;
    }
    if (realpath(mount_point, real)) {
        free(mount_point);
        mount_point = strdup(real);
    }
    (void)snprintf(parent, sizeof(parent), "/svcconnect-unit-%d", (int)getpid());
    (void)snprintf(directory, sizeof(directory), "%.60s%s", mount_point, parent);
    if (mkdir(directory, 0755) < 0) {
        print_message("%s: %s: the tests that need a cgroup are skipped\n", directory, strerror(errno));
        free(mount_point);
        mount_point = NULL;
    }
    return 0;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof(scratch), "%s/svc-cgroup-XXXXXX", P_tmpdir);
    return mkdtemp(scratch) ? make_cgroups() : -1;
}

/* What a failed test left there. */
static void remove_scratch(const char *name)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "%s/%s", scratch, name);
    (void)remove(text);
}

static int teardown(void **state)
{
    int r;

    if (inside > 0) {
        (void)kill(inside, SIGKILL);
        (void)waitpid(inside, NULL, 0);
    }
    r = mount_point ? cgroup_remove(mount_point, parent) : 0;

    (void)state;
    free(mount_point);
    remove_scratch("link");
    remove_scratch("a");
    return rmdir(scratch) < 0 || r < 0 ? -1 : 0;
}

static void need_cgroups(void)
{
    if (!mount_point)
        skip();
}

/* "PARENT/name" as a cgroup, in one of four buffers. */
static const char *make_cgroup(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    char full[PATH_MAX + 128];

    (void)snprintf(path, PATH_MAX, "%s/%s", parent, name);
    (void)snprintf(full, sizeof(full), "%s%s", mount_point, path);
    assert_int_equal(mkdir(full, 0755), 0);
    return path;
}

static void expect_refused(const char *root, const char *text, int r, const char *allowed)
{
    struct cgroup cgroup = {.path = "untouched"};
    struct error error = {0};
    int got = cgroup_resolve(root, text, &cgroup, &error);

    if (got != r)
        fail_msg("\"%s\" under %s: %d (%s, %s)", text, root, got, cgroup.path, error.message);
    assert_int_equal(error.number, -r);
    assert_string_equal(error.field, "cgroup");
    assert_non_null(strstr(error.allowed, allowed));
    assert_string_equal(cgroup.path, "untouched");
    assert_int_equal(cgroup_resolve(root, text, &cgroup, NULL), r);
}

static void expect_cgroup(const char *text, const char *path)
{
    struct cgroup cgroup;
    struct error error = {0};
    char full[PATH_MAX];
    struct stat info;

    if (cgroup_resolve(mount_point, text, &cgroup, &error) != 0)
        fail_msg("\"%s\": %s", text, error.message);
    assert_string_equal(cgroup.path, path);
    cgroup_directory(mount_point, path, full, sizeof(full));
    assert_int_equal(stat(full, &info), 0);
    assert_int_equal(cgroup.id, info.st_ino);
}

/* ---- resolving ---- */

/* Each of these, attached, would redirect every process of the host. */
static void test_root_is_refused_in_every_spelling(void **state)
{
    static const char *const rest[] = {"", "/", "/.", "//", "/./."};
    char text[PATH_MAX];

    (void)state;
    need_cgroups();
    expect_refused(mount_point, "", -EINVAL, "below the root");
    expect_refused(mount_point, "/", -EINVAL, "below the root");
    expect_refused(mount_point, "//", -EINVAL, "below the root");
    expect_refused(mount_point, ".", -EINVAL, "below the root");
    expect_refused(mount_point, "/.", -EINVAL, "below the root");
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", mount_point, rest[i]);
        expect_refused(mount_point, text, -EINVAL, "below the root");
    }
    (void)snprintf(text, sizeof(text), "%s/..", parent);
    expect_refused(mount_point, text, -EINVAL, "below the root");
    (void)snprintf(text, sizeof(text), "%s/..", directory);
    expect_refused(mount_point, text, -EINVAL, "below the root");
}

static void test_what_is_outside_is_refused(void **state)
{
    char text[PATH_MAX];
    char root[256];

    (void)state;
    need_cgroups();
    expect_refused(mount_point, "/..", -EINVAL, mount_point);
    expect_refused(mount_point, "..", -EINVAL, mount_point);
    expect_refused(mount_point, scratch, -EINVAL, mount_point);
    expect_refused(mount_point, "/proc/self", -EINVAL, mount_point);
    (void)snprintf(text, sizeof(text), "%s/cgroup.procs", parent);
    expect_refused(mount_point, text, -EINVAL, "directory"); /* a file */
    expect_refused(mount_point, "/svcconnect-none", -ENOENT, mount_point);
    expect_refused(mount_point, "svcconnect-none/a", -ENOENT, mount_point);
    (void)make_cgroup("root");
    (void)make_cgroup("rooted");
    (void)snprintf(root, sizeof(root), "%s/root", directory);
    (void)snprintf(text, sizeof(text), "%s/rooted", directory);
    expect_refused(root, text, -EINVAL, root); /* its name begins like the root's and it is beside it */
}

/* Needs no cgroups: what is no cgroup v2 directory is refused wherever the root was said to be. */
static void test_ordinary_directories_are_refused(void **state)
{
    struct error error = {0};
    struct cgroup cgroup;
    char text[128];

    (void)state;
    (void)snprintf(text, sizeof(text), "%s/a", scratch);
    assert_int_equal(mkdir(text, 0755), 0);
    expect_refused(scratch, "a", -EINVAL, "cgroup v2");
    expect_refused(scratch, text, -EINVAL, "cgroup v2");
    expect_refused(scratch, "", -EINVAL, "below the root");
    expect_refused(scratch, scratch, -EINVAL, "below the root");
    assert_int_equal(rmdir(text), 0);
    assert_int_equal(cgroup_resolve(text, "a", &cgroup, &error), -ENOENT);
    assert_non_null(strstr(error.message, text));
}

static void test_spellings_of_a_cgroup(void **state)
{
    char text[PATH_MAX];
    const char *path;

    (void)state;
    need_cgroups();
    expect_cgroup(parent, parent);
    expect_cgroup(parent + 1, parent);
    expect_cgroup(directory, parent);
    path = make_cgroup("task");
    expect_cgroup(path, path);
    (void)snprintf(text, sizeof(text), "/%s//task/./", parent);
    expect_cgroup(text, path);
    (void)snprintf(text, sizeof(text), "%s/../..%s/task", path, parent);
    expect_cgroup(text, path);
}

static void test_links_are_resolved(void **state)
{
    char link[128];

    (void)state;
    need_cgroups();
    (void)snprintf(link, sizeof(link), "%s/link", scratch);
    assert_int_equal(symlink(directory, link), 0);
    expect_cgroup(link, parent);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(mount_point, link), 0);
    expect_refused(mount_point, link, -EINVAL, "below the root");
    assert_int_equal(unlink(link), 0);
}

/* The kernel's maps hold 255 characters of a path; a cut one would be another cgroup's. */
static void test_path_length(void **state)
{
    char name[NAME_MAX + 1];
    size_t room = SVC_CGROUP_SIZE - 1 - strlen(parent) - 1;
    const char *path;

    (void)state;
    need_cgroups();
    memset(name, 'p', sizeof(name));
    name[room] = '\0';
    path = make_cgroup(name);
    expect_cgroup(path, path);
    name[room] = 'p';
    name[room + 1] = '\0';
    path = make_cgroup(name);
    expect_refused(mount_point, path, -EINVAL, "at most 255");
}

/* More than a path can hold: whatever is left after cutting may be an existing cgroup, and not
 * the one meant. */
static void test_text_too_long_for_a_path(void **state)
{
    _cleanup_free_ char *text = malloc((size_t)PATH_MAX * 2);
    struct cgroup cgroup;
    size_t length;

    (void)state;
    need_cgroups();
    assert_non_null(text);
    length = (size_t)sprintf(text, "%s", parent);
    while (length < PATH_MAX + 16)
        length += (size_t)sprintf(text + length, "/.");
    (void)sprintf(text + length, "/missing");
    assert_true(cgroup_resolve(mount_point, text, &cgroup, NULL) < 0);
}

/* ---- what is in it ---- */

static void test_alive(void **state)
{
    struct cgroup cgroup;
    char full[PATH_MAX];

    (void)state;
    need_cgroups();
    assert_int_equal(cgroup_resolve(mount_point, make_cgroup("alive"), &cgroup, NULL), 0);
    assert_true(cgroup_is_alive(mount_point, &cgroup));
    cgroup_directory(mount_point, cgroup.path, full, sizeof(full));
    assert_int_equal(rmdir(full), 0);
    assert_false(cgroup_is_alive(mount_point, &cgroup));
    assert_int_equal(mkdir(full, 0755), 0);
    assert_false(cgroup_is_alive(mount_point, &cgroup)); /* another one of that name */
}

static void start_inside(const char *path)
{
    char procs[PATH_MAX];
    _cleanup_fclose_ FILE *file = NULL;

    inside = fork();
    assert_true(inside >= 0);
    if (inside == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)pause();
        _exit(0);
    }
    (void)snprintf(procs, sizeof(procs), "%s%s/cgroup.procs", mount_point, path);
    file = fopen(procs, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%d\n", (int)inside) > 0);
}

static void test_processes_and_removal(void **state)
{
    unsigned count = 99;
    const char *outer, *inner;

    (void)state;
    need_cgroups();
    outer = make_cgroup("outer");
    (void)make_cgroup("outer/empty");
    inner = make_cgroup("outer/inner");
    assert_int_equal(cgroup_count_processes(mount_point, outer, &count), 0);
    assert_int_equal(count, 0);
    start_inside(inner);
    assert_int_equal(cgroup_count_processes(mount_point, outer, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(cgroup_count_processes(mount_point, inner, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(cgroup_remove(mount_point, outer), -EBUSY);
    assert_int_equal(kill(inside, SIGKILL), 0);
    assert_int_equal(waitpid(inside, NULL, 0), inside);
    inside = 0;
    assert_int_equal(cgroup_remove(mount_point, outer), 0);
    assert_int_equal(cgroup_remove(mount_point, outer), 0); /* what is gone is removed */
    assert_int_equal(cgroup_count_processes(mount_point, outer, &count), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_is_refused_in_every_spelling),
        cmocka_unit_test(test_what_is_outside_is_refused),
        cmocka_unit_test(test_ordinary_directories_are_refused),
        cmocka_unit_test(test_spellings_of_a_cgroup),
        cmocka_unit_test(test_links_are_resolved),
        cmocka_unit_test(test_path_length),
        cmocka_unit_test(test_text_too_long_for_a_path),
        cmocka_unit_test(test_alive),
        cmocka_unit_test(test_processes_and_removal),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
