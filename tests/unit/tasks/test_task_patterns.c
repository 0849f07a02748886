/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cgroups that are tasks by their path: those that are there, those that come, those that come again. */
#include "unit/tasks/task_lab.h"

#include "tasks/task_patterns.h"

static struct task_patterns *patterns;
static struct task_pattern items[3];
static char texts[3][128];

static int patterns_teardown(void **state)
{
    task_patterns_end(&patterns);
    task_patterns_end(&patterns);
    return teardown(state);
}

/* `below`: of the test's own directory. */
static void follow(size_t n, const char *const below[])
{
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s%s", parent + (i % 2), below[i]);
        items[i] = (struct task_pattern){texts[i], (char *)"shop", (char *)(i ? "second" : "first")};
    }
    assert_int_equal(task_patterns_begin(lab.base, &tasks, items, n, &patterns), 0);
}

static void turn(unsigned milliseconds)
{
    const struct timeval time = {.tv_usec = milliseconds * 1000};

    (void)event_base_loopexit(lab.base, &time);
    (void)event_base_dispatch(lab.base);
}

static bool is_task(const char *name)
{
    for (int i = 0; i < 40 && !task_of(name); i++)
        turn(25);
    return task_of(name) != NULL;
}

static void test_what_is_there_and_what_comes(void **state)
{
    static const char *const below[] = {"/app-*", "/deep/?/leaf", "/app-1"};

    (void)state;
    need_cgroups();
    make_cgroup("/app-1");
    make_cgroup("/web");
    follow(3, below);
    assert_non_null(task_of("/app-1"));                       /* at once */
    assert_string_equal(task_of("/app-1")->service, "first"); /* the first that matches */
    make_cgroup("/app-2");
    assert_true(is_task("/app-2"));
    make_cgroup("/deep");
    make_cgroup("/deep/ab");
    make_cgroup("/deep/ab/leaf");
    make_cgroup("/deep/x");
    make_cgroup("/deep/x/leaf");
    assert_true(is_task("/deep/x/leaf"));
    assert_string_equal(task_of("/deep/x/leaf")->service, "second");
    assert_null(task_of("/deep/ab/leaf"));
    assert_null(task_of("/web"));
    assert_null(task_of("/one"));
}

static void test_one_that_comes_again(void **state)
{
    static const char *const below[] = {"/app-*"};
    struct error error;
    char path[128];
    uint64_t id;

    (void)state;
    need_cgroups();
    make_cgroup("/app-1");
    follow(1, below);
    id = task_of("/app-1")->cgroup.id;
    (void)snprintf(path, sizeof(path), "%s/app-1", parent);
    assert_int_equal(task_detach(&tasks, path, &error), 0);
    make_cgroup("/app-2"); /* all is looked at */
    assert_true(is_task("/app-2"));
    assert_null(task_of("/app-1")); /* somebody wants it so */
    assert_true(remove_cgroup("/app-1"));
    turn(300);
    make_cgroup("/app-1");
    assert_true(is_task("/app-1"));
    assert_true(task_of("/app-1")->cgroup.id != id);
}

static void test_one_that_cannot_be_attached(void **state)
{
    static const char *const below[] = {"/app-*"};
    struct error error;

    (void)state;
    need_cgroups();
    make_cgroup("/app-1");
    make_cgroup("/app-1/inside");
    assert_int_equal(attach("/app-1/inside", "other", "", &error), 0);
    follow(1, below);
    assert_null(task_of("/app-1"));
    make_cgroup("/app-2");
    assert_true(is_task("/app-2"));
    assert_true(remove_cgroup("/app-1/inside")); /* what was in its way has gone */
    make_cgroup("/app-3");
    assert_true(is_task("/app-1"));
}

static void test_only_when_the_catalog_may_be_read(void **state)
{
    static const char *const below[] = {"/app-*"};

    (void)state;
    need_cgroups();
    make_cgroup("/app-1");
    lab_unsteady(&lab);
    follow(1, below);
    assert_null(task_of("/app-1"));
    lab.is_going_on = false;
    engine_settle(lab.engine);
    assert_true(is_task("/app-1"));
}

static void test_what_may_be_said(void **state)
{
    static const struct {
        const char *cgroup, *namespace_name, *service, *field;
    } cases[] = {
        {"system.slice/app-*.service", "default", "web", NULL},
        {"/a.slice/b", "default", "", NULL},
        {"a.slice/*/*.scope", "default", "", NULL},
        {"a.slice", "default", "", NULL},
        {"", "default", "", "tasks[0].cgroup"},
        {"/", "default", "", "tasks[0].cgroup"},
        {"*", "default", "", "tasks[0].cgroup"},
        {"sys*.slice/x", "default", "", "tasks[0].cgroup"},
        {"a.slice//b", "default", "", "tasks[0].cgroup"},
        {"a.slice/", "default", "", "tasks[0].cgroup"},
        {"a.slice/../b", "default", "", "tasks[0].cgroup"},
        {"../b", "default", "", "tasks[0].cgroup"},
        {"a.slice/b", "a b", "", "tasks[0].namespace"},
        {"a.slice/b", "default", "a/b", "tasks[0].service"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct task_pattern pattern = {(char *)cases[i].cgroup, (char *)cases[i].namespace_name,
                                             (char *)cases[i].service};
        struct error error = {0};

        if (task_pattern_check(&pattern, "tasks[0]", &error) != (cases[i].field ? -EINVAL : 0))
            fail_msg("%s: %s", cases[i].cgroup, error.message);
        if (cases[i].field)
            assert_string_equal(error.field, cases[i].field);
    }
}

int main(void)
{
#define PATTERN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, patterns_teardown)
    const struct CMUnitTest tests[] = {
        PATTERN_TEST(test_what_is_there_and_what_comes),
        PATTERN_TEST(test_one_that_comes_again),
        PATTERN_TEST(test_one_that_cannot_be_attached),
        PATTERN_TEST(test_only_when_the_catalog_may_be_read),
        PATTERN_TEST(test_what_may_be_said),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
