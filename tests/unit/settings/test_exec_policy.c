/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "settings/exec_policy.h"

static void add(struct exec_policy *policy, const char *path)
{
    struct error error = {0};

    if (exec_policy_add(policy, "execChecks", path, &error) != 0)
        fail_msg("%s", error.message);
}

static void test_nothing_is_allowed_by_default(void **state)
{
    const struct exec_policy policy = {0};

    (void)state;
    assert_false(exec_policy_allows(&policy, "/bin/true"));
    assert_false(exec_policy_allows(NULL, "/bin/true"));
    assert_false(exec_policy_allows(&policy, ""));
}

static void test_what_is_named(void **state)
{
    static const struct {
        const char *program;
        bool is_allowed;
    } rows[] = {
        {"/usr/bin/check", true},
        {"/opt/checks/a", true},
        {"/opt/checks/deep/er/b", true},
        {"/opt/checks/...", true}, /* a name like any other */
        {"/opt/checks/..b", true},
        {"/usr/bin/check2", false},
        {"/usr/bin/chec", false},
        {"/usr/bin/check/", false},
        {"/usr/bin/check/x", false},
        {"/usr/bin/CHECK", false},
        {"/opt/checks", false},
        {"/opt/checks/", false},
        {"/opt/checks2/a", false},
        {"/opt/checks/../../bin/sh", false},
        {"/opt/checks/deep/../../../bin/sh", false},
        {"/opt/checks/..", false},
        {"/opt/checks/.", false},
        {"/opt/checks/./a", false},
        {"/opt/checks//a", false},
        {"//usr/bin/check", false},
        {"/usr//bin/check", false},
        {"/usr/bin/../bin/check", false},
        {"check", false},
        {"usr/bin/check", false},
        {"./check", false},
        {"/", false},
        {"", false},
        {"/bin/sh", false},
    };
    _cleanup_(exec_policy_done) struct exec_policy policy = {0};

    (void)state;
    add(&policy, "/usr/bin/check");
    add(&policy, "/opt/checks/");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (exec_policy_allows(&policy, rows[i].program) != rows[i].is_allowed)
            fail_msg("%s", rows[i].program);
}

static void test_paths_that_are_refused(void **state)
{
    static const char *const bad[] = {"",      "/",    "//",     "sh",      "bin/sh",  "./sh",    "~/sh",
                                      "/a//b", "/a/.", "/a/./b", "/a/../b", "/a/b/..", "/a/../b/"};
    _cleanup_(exec_policy_done) struct exec_policy policy = {0};
    char path[PATH_MAX + 1];
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (exec_policy_add(&policy, "execChecks", bad[i], &error) != -EINVAL)
            fail_msg("%s", bad[i]);
        assert_string_equal(error.field, "execChecks");
    }
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[PATH_MAX] = '\0';
    assert_int_equal(exec_policy_add(&policy, "execChecks", path, &error), -EINVAL);
    path[PATH_MAX - 1] = '\0';
    add(&policy, path);
    assert_int_equal(policy.n, 1);
    for (size_t i = policy.n; i < EXEC_POLICY_MAX_PATHS; i++)
        add(&policy, "/bin/true");
    assert_int_equal(exec_policy_add(&policy, "execChecks", "/bin/true", &error), -EINVAL);
    assert_int_equal(policy.n, EXEC_POLICY_MAX_PATHS);
}

static void test_description(void **state)
{
    _cleanup_(exec_policy_done) struct exec_policy policy = {0};
    char text[64];
    char narrow[24];

    (void)state;
    assert_string_equal(exec_policy_describe(NULL, text, sizeof(text)), "which names none");
    assert_string_equal(exec_policy_describe(&policy, text, sizeof(text)), "which names none");
    add(&policy, "/bin/true");
    add(&policy, "/opt/checks/");
    assert_string_equal(exec_policy_describe(&policy, text, sizeof(text)),
                        "which names /bin/true, /opt/checks/");
    assert_int_equal(strlen(exec_policy_describe(&policy, narrow, sizeof(narrow))), sizeof(narrow) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_allowed_by_default),
        cmocka_unit_test(test_what_is_named),
        cmocka_unit_test(test_paths_that_are_refused),
        cmocka_unit_test(test_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
