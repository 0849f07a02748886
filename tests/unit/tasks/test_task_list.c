/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tasks on cgroups made for it and a data path in memory; skipped where there is no cgroup v2 mount. */
#include "unit/tasks/room_lab.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mounts.h"
#include "events/event_log.h"

static struct room_lab lab;
static struct tasks tasks;
static struct event_log events;
static char *mount_point; /* NULL: no cgroups can be made here */
static char parent[64];
static char hosts_dir[64];
static unsigned n_put, n_removed;
static pid_t last_pid;
static char last_namespace[64];

static void on_put(void *user, const struct task *task, pid_t pid)
{
    assert_ptr_equal(user, &tasks);
    n_put++;
    last_pid = pid;
    (void)snprintf(last_namespace, sizeof(last_namespace), "%s", task->namespace_name);
}

static void on_removed(void *user, const struct task *task)
{
    assert_ptr_equal(user, &tasks);
    assert_non_null(task->link_name);
    n_removed++;
}

static const struct task_observer observer = {.put = on_put, .removed = on_removed};

static void make_cgroup(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%.100s%s%s", mount_point, parent, name);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void begin_tasks(void)
{
    tasks_init(&tasks, &(struct tasks_settings){.engine = lab.engine,
                                                .datapath = lab.datapath,
                                                .events = &events,
                                                .cgroup_root = mount_point,
                                                .hosts_dir = hosts_dir,
                                                .max_tasks = LAB_TASKS});
    tasks_observe(&tasks, &observer, &tasks);
}

static int setup(void **state)
{
    (void)state;
    n_put = n_removed = 0;
    last_pid = -1;
    lab_start(&lab, &tasks_follower, &tasks);
    begin_tasks();
    lab_publish(&lab);
    if (!mount_point)
        return 0;
    make_cgroup("");
    make_cgroup("/one");
    make_cgroup("/two");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tasks_done(&tasks);
    tasks = (struct tasks){0};
    lab_end(&lab);
    return mount_point ? cgroup_remove(mount_point, parent) : 0;
}

static int attach(const char *name, const char *namespace_name, const char *service, struct error *error)
{
    char path[128];
    struct task *task;

    (void)snprintf(path, sizeof(path), "%s%s", parent, name);
    *error = (struct error){0};
    return task_attach(&tasks, path, namespace_name, service, false, 77, &task, error);
}

static void test_attaching_tells_the_observer(void **state)
{
    struct error error;

    (void)state;
    if (!mount_point)
        skip();
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

static void test_above_another_task_is_refused(void **state)
{
    struct error error;

    (void)state;
    if (!mount_point)
        skip();
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
    if (!mount_point)
        skip();
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
    if (!mount_point)
        skip();
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
    if (!mount_point)
        skip();
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
    if (!mount_point)
        skip();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("/two", "other", "", &error), 0);
    assert_int_equal(tasks_directories(&tasks, "shop", &directories, &n), 0);
    assert_int_equal(n, 1);
    (void)snprintf(wanted, sizeof(wanted), "%.100s%s/one", mount_point, parent);
    assert_string_equal(directories[0], wanted);
    free(directories[0]);
    free(directories);
}

static int setup_all(void **state)
{
    (void)state;
    (void)snprintf(hosts_dir, sizeof(hosts_dir), "%s/svc-hosts-XXXXXX", P_tmpdir);
    (void)snprintf(parent, sizeof(parent), "/svcconnect-unit-tasks-%d", (int)getpid());
    if (mounts_find_cgroup2(&mount_point) < 0 || geteuid() != 0) {
        free(mount_point);
        mount_point = NULL;
    }
    return mkdtemp(hosts_dir) ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    free(mount_point);
    return rmdir(hosts_dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_attaching_tells_the_observer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_above_another_task_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_that_a_restart_would_cut_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_detaching_takes_everything_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_start_adopts_and_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_directories_are_of_one_namespace, setup, teardown),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
