/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is only text: no cgroup is needed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgroups/cgroup.h"

static void test_overlap(void **state)
{
    static const struct {
        const char *a, *b;
        bool overlap;
    } cases[] = {
        {"/a", "/a", true},       {"/a", "/a/b", true},    {"/a/b/c", "/a", true},
        {"/a", "/b", false},      {"/a", "/ab", false},    {"/a/b", "/a/c", false},
        {"/a/b", "/a/bc", false}, {"/a.b", "/a/b", false}, {"/a/b", "/a/b/c/d", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(cgroup_overlaps(cases[i].a, cases[i].b), cases[i].overlap);
        assert_int_equal(cgroup_overlaps(cases[i].b, cases[i].a), cases[i].overlap);
    }
}

static void test_directory_text(void **state)
{
    char text[32];

    (void)state;
    cgroup_directory("/sys/fs/cgroup", "/a/b", text, sizeof(text));
    assert_string_equal(text, "/sys/fs/cgroup/a/b");
    cgroup_directory("/", "/a", text, sizeof(text));
    assert_string_equal(text, "/a");
}

static void test_link_names(void **state)
{
    static const char *const pairs[][2] = {
        {"/web", "web-42"},
        {"/a/docker-0123.scope", "docker-0123_scope-42"},
        {"/x/a b\n%s:*..", "a_b__s____-42"},
        {"/x/caf\xc3\xa9", "caf__-42"},
    };
    char name[256];
    uint64_t id;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct cgroup cgroup = {.id = 42};

        (void)snprintf(cgroup.path, sizeof(cgroup.path), "%s", pairs[i][0]);
        cgroup_link_name(&cgroup, name, sizeof(name));
        assert_string_equal(name, pairs[i][1]);
        assert_int_equal(cgroup_link_name_id(name, &id), 0);
        assert_int_equal(id, 42);
    }
}

/* The longest path there can be: the id, which is what tells two tasks apart, is never what is cut. */
static void test_link_name_of_the_longest_path(void **state)
{
    struct cgroup cgroup = {.path = "/", .id = UINT64_MAX};
    char name[256];
    uint64_t id = 0;

    (void)state;
    memset(cgroup.path + 1, 'x', sizeof(cgroup.path) - 2);
    cgroup_link_name(&cgroup, name, sizeof(name));
    assert_in_range(strlen(name), 22, NAME_MAX);
    assert_int_equal(cgroup_link_name_id(name, &id), 0);
    assert_true(id == UINT64_MAX);
}

static void test_link_name_ids(void **state)
{
    static const char *const bad[] = {"",       "web",    "web-",   "web-0",   "web-x",
                                      "web-1x", "web- 1", "web-+1", "web-007", "web-18446744073709551616"};
    uint64_t id = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(cgroup_link_name_id(bad[i], &id) < 0);
    assert_int_equal(id, 7);
    assert_int_equal(cgroup_link_name_id("a-b-9", &id), 0);
    assert_int_equal(id, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),       cmocka_unit_test(test_directory_text),
        cmocka_unit_test(test_link_names),    cmocka_unit_test(test_link_name_of_the_longest_path),
        cmocka_unit_test(test_link_name_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
