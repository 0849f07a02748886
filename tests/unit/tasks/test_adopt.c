/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A start takes over the tasks that the kernel has: whole, in part, dead, damaged, and what is nobody's. */
#include "unit/tasks/task_lab.h"

/* The daemon has ended, and the next one knows what is pinned. */
static void restart(void)
{
    tasks_done(&tasks);
    begin_tasks();
    n_put = n_removed = 0;
    assert_int_equal(memory_datapath_restart(lab.datapath, DATAPATH_ADOPTED), 0);
}

static void adopt(void)
{
    struct error error = {0};

    if (task_list_adopt(&tasks, &error) < 0)
        fail_msg("%s", error.message);
}

static int count_name(const char *name, void *user)
{
    (void)name;
    ++*(unsigned *)user;
    return 0;
}

static unsigned count_links(void)
{
    unsigned n = 0;

    assert_int_equal(datapath_each_link(lab.datapath, count_name, &n), 0);
    return n;
}

static int count_entry(uint64_t id, const struct svc_task *task, void *user)
{
    (void)id;
    (void)task;
    ++*(unsigned *)user;
    return 0;
}

static unsigned count_entries(void)
{
    unsigned n = 0;

    assert_int_equal(datapath_each_task(lab.datapath, count_entry, &n), 0);
    return n;
}

static void test_what_is_in_place_is_not_written_again(void **state)
{
    struct error error;
    uint32_t scope;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    scope = task_of("/one")->scope;
    restart();
    adopt();
    assert_string_equal(memory_datapath_record(lab.datapath), "");
    assert_non_null(task_of("/one"));
    assert_string_equal(task_of("/one")->namespace_name, "shop");
    assert_string_equal(task_of("/one")->service, "web");
    assert_true(task_of("/one")->is_attached);
    assert_false(task_of("/one")->is_run);
    assert_int_equal(task_of("/one")->scope, scope);
    assert_int_equal(n_put, 1);
    assert_int_equal(last_pid, 0);
}

/* A death while it was attached: the entry is there, its links are not. */
static void test_what_is_missing_is_completed(void **state)
{
    struct error error;
    struct task *task;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    task = task_of("/one");
    assert_int_equal(datapath_detach(lab.datapath, task->link_name), 0);
    restart();
    adopt();
    task = task_of("/one");
    assert_true(task->is_attached);
    assert_true(datapath_is_attached(lab.datapath, task->link_name, task->cgroup.id));
    assert_int_equal(scope_in_kernel(task), task->scope);
    assert_int_not_equal(task->scope, 0);
}

static void test_a_scope_that_is_wrong_is_corrected(void **state)
{
    struct error error;
    struct task *task;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    task = task_of("/one");
    assert_int_equal(datapath_set_scope(lab.datapath, task->cgroup.id, 77, 78), 0);
    restart();
    adopt();
    task = task_of("/one");
    assert_int_equal(scope_in_kernel(task), task->scope);
    assert_int_not_equal(task->scope, 77);
}

static void test_a_task_that_died_meanwhile_is_collected(void **state)
{
    struct error error;
    uint64_t id;

    (void)state;
    need_cgroups();
    assert_int_equal(attach_as("/one", "shop", "", true, &error), 0);
    assert_int_equal(attach("/two", "shop", "", &error), 0);
    id = task_of("/one")->cgroup.id;
    assert_true(remove_cgroup("/one"));
    memory_datapath_lose_cgroup(lab.datapath, id);
    restart();
    adopt();
    assert_null(task_of("/one"));
    assert_non_null(task_of("/two"));
    assert_int_equal(count_links(), 1);
    assert_int_equal(count_entries(), 1);
    assert_int_equal(n_put, 1);
    assert_int_equal(n_removed, 1);
    assert_non_null(strstr(last_event(), "collected"));
}

/* The path leads to another cgroup by now, which was never attached. */
static void test_a_cgroup_made_anew_is_not_the_task(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    memory_datapath_lose_cgroup(lab.datapath, task_of("/one")->cgroup.id);
    assert_true(remove_cgroup("/one"));
    make_cgroup("/one");
    restart();
    adopt();
    assert_null(tasks.all);
    assert_int_equal(count_links(), 0);
    assert_int_equal(count_entries(), 0);
}

static void test_links_of_nobody_are_removed(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(datapath_attach(lab.datapath, "stranger-12345", "/x", 12345, &error), 0);
    assert_int_equal(datapath_attach(lab.datapath, "without number", "/y", 12346, &error), 0);
    restart();
    adopt();
    assert_int_equal(count_links(), 1);
    assert_true(datapath_is_attached(lab.datapath, task_of("/one")->link_name, task_of("/one")->cgroup.id));
}

/* Texts without an end, paths that are none: they go, for each takes a task's place in the map. */
static void test_damaged_entries_are_removed(void **state)
{
    struct svc_task damaged = {.scope = 3};
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    memset(damaged.cgroup, 'x', sizeof(damaged.cgroup));
    memset(damaged.namespace, 'x', sizeof(damaged.namespace));
    memset(damaged.service, 'x', sizeof(damaged.service));
    assert_int_equal(datapath_put_task(lab.datapath, 1000001, &damaged), 0);
    memset(damaged.cgroup, 0, sizeof(damaged.cgroup));
    assert_int_equal(datapath_put_task(lab.datapath, 1000002, &damaged), 0);
    damaged.cgroup[0] = '/'; /* the root: it would be the whole host */
    assert_int_equal(datapath_put_task(lab.datapath, 1000003, &damaged), 0);
    restart();
    adopt();
    assert_int_equal(HASH_COUNT(tasks.all), 1);
    assert_non_null(task_of("/one"));
    assert_int_equal(count_entries(), 1);
}

static void test_run_tasks_get_their_hosts_file_back(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach_as("/one", "shop", "", true, &error), 0);
    task_hosts_remove(&tasks, task_of("/one"));
    restart();
    adopt();
    assert_true(task_of("/one")->is_run);
    assert_true(has_name(task_of("/one"), "a.shop"));
}

/* New maps beside the old ones: everything is written again, and the tasks stay. */
static void test_a_migration_writes_all_of_it(void **state)
{
    struct error error;
    struct task *task;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    restart();
    assert_int_equal(memory_datapath_restart(lab.datapath, DATAPATH_MIGRATED), 0);
    adopt();
    assert_int_equal(datapath_activate(lab.datapath, &(unsigned){0}, &error), 0);
    task = task_of("/one");
    assert_true(task->is_attached);
    assert_int_equal(count_entries(), 1);
    assert_int_equal(count_links(), 1);
    assert_int_equal(scope_in_kernel(task), task->scope);
}

/* Fewer than there were: what has no room is told, for the daemon must not go on without a task. */
static void test_a_map_too_small_for_its_tasks_is_an_error(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    restart();
    assert_int_equal(memory_datapath_restart(lab.datapath, DATAPATH_MIGRATED), 0);
    memory_datapath_fail_puts(lab.datapath, "tasks", 0, E2BIG);
    error = (struct error){0};
    assert_int_equal(task_list_adopt(&tasks, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "maps.tasks"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(test_what_is_in_place_is_not_written_again),
        TASK_TEST(test_what_is_missing_is_completed),
        TASK_TEST(test_a_scope_that_is_wrong_is_corrected),
        TASK_TEST(test_a_task_that_died_meanwhile_is_collected),
        TASK_TEST(test_a_cgroup_made_anew_is_not_the_task),
        TASK_TEST(test_links_of_nobody_are_removed),
        TASK_TEST(test_damaged_entries_are_removed),
        TASK_TEST(test_run_tasks_get_their_hosts_file_back),
        TASK_TEST(test_a_migration_writes_all_of_it),
        TASK_TEST(test_a_map_too_small_for_its_tasks_is_an_error),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
