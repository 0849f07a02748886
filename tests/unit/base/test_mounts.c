/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mounts.h"

#define PROC "22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw\n"

static void check(const char *mountinfo, const char *wanted)
{
    _cleanup_free_ char *path = NULL;

    assert_int_equal(mounts_parse_cgroup2(mountinfo, &path), wanted ? 0 : -ENOENT);
    if (wanted)
        assert_string_equal(path, wanted);
    else
        assert_null(path);
}

static void test_unified(void **state)
{
    (void)state;
    check(PROC "26 23 0:24 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
          "/sys/fs/cgroup");
    /* No optional field, no newline at the end. */
    check("26 23 0:24 / /sys/fs/cgroup rw - cgroup2 none rw", "/sys/fs/cgroup");
    /* Several optional fields. */
    check("26 23 0:24 / /sys/fs/cgroup rw shared:1 master:2 unbindable - cgroup2 none rw", "/sys/fs/cgroup");
}

static void test_hybrid(void **state)
{
    (void)state;
    check("25 23 0:22 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
          "26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate\n"
          "27 25 0:24 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd\n"
          "30 25 0:28 / /sys/fs/cgroup/net_cls,net_prio rw shared:15 - cgroup cgroup rw,net_cls,net_prio\n",
          "/sys/fs/cgroup/unified");
}

static void test_none(void **state)
{
    (void)state;
    check("", NULL);
    check(PROC, NULL);
    check("27 25 0:24 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,name=systemd\n", NULL);
    /* The words in the wrong place: a mount point and a source that look like the type. */
    check("27 25 0:24 / /cgroup2 rw shared:11 - tmpfs cgroup2 rw\n", NULL);
    check("27 25 0:24 / /x rw - cgroup2fs none rw\n", NULL);
    check("garbage\n\n - cgroup2 \n1 2 3 - cgroup2 x\n", NULL);
}

static void test_escaped(void **state)
{
    (void)state;
    check("26 23 0:24 / /my\\040cgroup\\011tab\\134x\\012 rw - cgroup2 none rw\n", "/my cgroup\ttab\\x\n");
    check("26 23 0:24 / /\\303\\244 rw - cgroup2 none rw\n", "/\xc3\xa4");
}

/* The whole hierarchy is worth more than the part that a container was given. */
static void test_several(void **state)
{
    static const char part[] = "26 23 0:24 /docker/abc /part rw - cgroup2 none rw\n";
    static const char part2[] = "29 23 0:24 /docker/def /part2 rw - cgroup2 none rw\n";
    static const char whole[] = "27 23 0:24 / /whole rw - cgroup2 none rw\n";
    static const char whole2[] = "28 23 0:24 / /whole2 rw - cgroup2 none rw\n";
    char text[1024];

    (void)state;
    check(part, "/part");
    (void)snprintf(text, sizeof(text), "%s%s", part, whole);
    check(text, "/whole");
    (void)snprintf(text, sizeof(text), "%s%s", whole, part);
    check(text, "/whole");
    (void)snprintf(text, sizeof(text), "%s%s%s", part, whole, whole2);
    check(text, "/whole");
    (void)snprintf(text, sizeof(text), "%s%s", part, part2);
    check(text, "/part");
}

static void test_untouched_on_failure(void **state)
{
    char mark = 'm';
    char *path = &mark;

    (void)state;
    assert_int_equal(mounts_parse_cgroup2(PROC, &path), -ENOENT);
    assert_ptr_equal(path, &mark);
}

static void test_this_host(void **state)
{
    _cleanup_free_ char *path = NULL;
    int r = mounts_find_cgroup2(&path);

    (void)state;
    assert_false(mounts_is_cgroup2("/proc"));
    assert_false(mounts_is_bpffs("/proc"));
    assert_false(mounts_is_cgroup2("/does/not/exist"));
    if (r == -ENOENT)
        skip();
    assert_int_equal(r, 0);
    assert_true(mounts_is_cgroup2(path));
    assert_false(mounts_is_bpffs(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unified),   cmocka_unit_test(test_hybrid),
        cmocka_unit_test(test_none),      cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_several),   cmocka_unit_test(test_untouched_on_failure),
        cmocka_unit_test(test_this_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
