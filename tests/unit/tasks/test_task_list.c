/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Attaching, detaching and sweeping. */
#include "unit/tasks/task_lab.h"

static void test_attaching_tells_the_observer(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(n_put, 1);
    assert_int_equal(last_pid, 77);
    assert_string_equal(last_namespace, "shop");
    assert_int_equal(attach("/one", "other", "", &error), 0);
    assert_int_equal(n_put, 2);
    assert_string_equal(last_namespace, "other");
    assert_int_equal(HASH_COUNT(tasks.all), 1);
    assert_true(datapath_is_attached(lab.datapath, tasks.all->link_name, tasks.all->cgroup.id));
    assert_int_equal(n_removed, 0);
}

/* Who finds out about a container first attaches it, and the others do so again. */
static void test_what_is_as_it_was_is_told_once(void **state)
{
    struct error error;
    uint64_t told;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    told = event_log_newest(&events);
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(n_put, 2); /* whose processes are looked at again */
    assert_int_equal(event_log_newest(&events), told);
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    assert_int_equal(event_log_newest(&events), told + 1);
}

static void test_above_another_task_is_refused(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("", "shop", "", &error), -EEXIST);
    assert_int_equal(n_put, 1);
    assert_int_equal(attach("/two", "shop", "", &error), 0);
}

static void test_names_that_a_restart_would_cut_are_refused(void **state)
{
    char text[SVC_NAMESPACE_SIZE + SVC_SERVICE_SIZE];
    struct error error;

    (void)state;
    need_cgroups();
    memset(text, 'x', sizeof(text));
    text[SVC_NAMESPACE_SIZE] = '\0';
    assert_true(attach("/one", text, "", &error) < 0);
    text[SVC_NAMESPACE_SIZE] = 'x';
    text[SVC_SERVICE_SIZE] = '\0';
    assert_true(attach("/one", "shop", text, &error) < 0);
    assert_int_equal(HASH_COUNT(tasks.all), 0);
    assert_int_equal(n_put, 0);
}

static void test_detaching_takes_everything_off(void **state)
{
    struct error error;
    char link[192], path[128];
    uint64_t id;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    (void)snprintf(link, sizeof(link), "%s", tasks.all->link_name);
    id = tasks.all->cgroup.id;
    (void)snprintf(path, sizeof(path), "%s/one", parent);
    assert_int_equal(task_detach(&tasks, path, &error), 0);
    assert_int_equal(n_removed, 1);
    assert_null(tasks.all);
    assert_false(datapath_is_attached(lab.datapath, link, id));
    assert_int_equal(task_detach(&tasks, path, &error), -ENOENT);
}

static void test_a_start_adopts_and_tells(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("/two", "shop", "", &error), 0);
    tasks_done(&tasks);
    begin_tasks();
    n_put = n_removed = 0;
    assert_int_equal(task_list_adopt(&tasks, &error), 0);
    assert_int_equal(HASH_COUNT(tasks.all), 2);
    assert_int_equal(n_put, 2);
    assert_int_equal(last_pid, 0);
    assert_int_equal(n_removed, 0);
}

static void test_the_directories_are_of_one_namespace(void **state)
{
    struct error error;
    char **directories = NULL;
    char wanted[256];
    size_t n = 0;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("/two", "other", "", &error), 0);
    assert_int_equal(tasks_directories(&tasks, "shop", &directories, &n), 0);
    assert_int_equal(n, 1);
    (void)snprintf(wanted, sizeof(wanted), "%.100s%s/one", mount_point, parent);
    assert_string_equal(directories[0], wanted);
    free(directories[0]);
    free(directories);
}

static int run_task(const char *name, const char *namespace_name, const char *service)
{
    struct error error;

    return attach_as(name, namespace_name, service, true, &error);
}

static void test_a_cgroup_that_has_gone_is_swept(void **state)
{
    struct error error;
    char link[192];
    uint64_t id;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("/two", "shop", "", &error), 0);
    task_list_sweep(&tasks);
    assert_int_equal(HASH_COUNT(tasks.all), 2);
    (void)snprintf(link, sizeof(link), "%s", task_of("/one")->link_name);
    id = task_of("/one")->cgroup.id;
    assert_true(remove_cgroup("/one"));
    task_list_sweep(&tasks);
    assert_null(task_of("/one"));
    assert_non_null(task_of("/two"));
    assert_int_equal(n_removed, 1);
    assert_false(datapath_is_attached(lab.datapath, link, id));
    assert_non_null(strstr(last_event(), "collected"));
}

/* Only what `run` has made, and only when it has stayed empty. */
static void test_what_run_left_empty_is_removed(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(run_task("/one", "shop", ""), 0);
    assert_int_equal(attach("/two", "shop", "", &error), 0);
    for (int i = 0; i < 9; i++)
        task_list_sweep(&tasks);
    assert_non_null(task_of("/one"));
    task_of("/one")->empty_sweeps = 0; /* somebody was in it */
    for (int i = 0; i < 9; i++)
        task_list_sweep(&tasks);
    assert_non_null(task_of("/one"));
    task_list_sweep(&tasks);
    assert_null(task_of("/one"));
    assert_false(has_cgroup("/one"));
    for (int i = 0; i < 20; i++)
        task_list_sweep(&tasks);
    assert_non_null(task_of("/two")); /* its owner may leave it empty for as long as he likes */
}

/* One that is in the way only because nobody has swept yet. */
static void test_a_dead_task_above_is_in_nobodys_way(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_true(remove_cgroup("/one"));
    make_cgroup("/one");
    make_cgroup("/one/below");
    assert_int_equal(attach("/one/below", "shop", "", &error), 0);
    assert_int_equal(HASH_COUNT(tasks.all), 1);
    assert_int_equal(n_removed, 1);
}

static void test_no_room_for_another_task(void **state)
{
    struct error error;
    char name[16];

    (void)state;
    need_cgroups();
    for (int i = 0; i < LAB_TASKS; i++) {
        (void)snprintf(name, sizeof(name), "/task%c", (char)('0' + i));
        make_cgroup(name);
        assert_int_equal(attach(name, "shop", "", &error), 0);
    }
    assert_int_equal(attach("/one", "shop", "", &error), -ENOSPC);
    assert_non_null(strstr(error.message, "maps.tasks"));
    assert_null(task_of("/one"));
    assert_int_equal(n_put, LAB_TASKS);
    assert_int_equal(attach("/task0", "other", "", &error), 0); /* one that is there takes no more room */
    task_detach_all(&tasks);
    assert_null(tasks.all);
    assert_int_equal(attach("/one", "shop", "", &error), 0);
}

static void test_a_cgroup_that_has_gone_is_detached_by_its_path(void **state)
{
    char path[128];
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_true(remove_cgroup("/one"));
    (void)snprintf(path, sizeof(path), "%s/one", parent + 1); /* without the first slash */
    assert_int_equal(task_detach(&tasks, path, &error), 0);
    assert_null(tasks.all);
    assert_int_equal(task_detach(&tasks, path, &error), -ENOENT);
    assert_non_null(strstr(error.message, "is not a task"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(test_attaching_tells_the_observer),
        TASK_TEST(test_what_is_as_it_was_is_told_once),
        TASK_TEST(test_above_another_task_is_refused),
        TASK_TEST(test_names_that_a_restart_would_cut_are_refused),
        TASK_TEST(test_detaching_takes_everything_off),
        TASK_TEST(test_a_start_adopts_and_tells),
        TASK_TEST(test_the_directories_are_of_one_namespace),
        TASK_TEST(test_a_cgroup_that_has_gone_is_swept),
        TASK_TEST(test_what_run_left_empty_is_removed),
        TASK_TEST(test_a_dead_task_above_is_in_nobodys_way),
        TASK_TEST(test_no_room_for_another_task),
        TASK_TEST(test_a_cgroup_that_has_gone_is_detached_by_its_path),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
