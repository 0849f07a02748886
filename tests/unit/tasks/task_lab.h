/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The tasks of a daemon on cgroups made for them, an engine and a data path in memory. Tests are skipped where
 * there is no cgroup v2 mount, or no right to make cgroups in it.
 */
#pragma once

#include "unit/tasks/room_lab.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mounts.h"
#include "events/event_log.h"
#include "tasks/task_hosts.h"

static struct room_lab lab;
static struct tasks tasks;
static struct event_log events;
static char *mount_point; /* NULL: no cgroups can be made here */
static char parent[64];
static char hosts_dir[64];
static unsigned n_put, n_removed;
static pid_t last_pid;
static char last_namespace[64];

static inline void on_put(void *user, const struct task *task, pid_t pid)
{
    assert_ptr_equal(user, &tasks);
    n_put++;
    last_pid = pid;
    (void)snprintf(last_namespace, sizeof(last_namespace), "%s", task->namespace_name);
}

static inline void on_removed(void *user, const struct task *task)
{
    assert_ptr_equal(user, &tasks);
    assert_non_null(task->link_name);
    n_removed++;
}

static const struct task_observer observer = {.put = on_put, .removed = on_removed};

static inline void make_cgroup(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%.100s%s%s", mount_point, parent, name);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static inline void begin_tasks(void)
{
    tasks_init(&tasks, &(struct tasks_settings){.engine = lab.engine,
                                                .datapath = lab.datapath,
                                                .events = &events,
                                                .cgroup_root = mount_point,
                                                .hosts_dir = hosts_dir,
                                                .max_tasks = LAB_TASKS});
    tasks_observe(&tasks, &observer, &tasks);
}

static inline int setup(void **state)
{
    (void)state;
    n_put = n_removed = 0;
    last_pid = -1;
    assert_int_equal(event_log_init(&events), 0);
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

static inline int teardown(void **state)
{
    (void)state;
    for (const struct task *task = tasks.all; task; task = task->hh.next)
        task_hosts_remove(&tasks, task);
    tasks_done(&tasks);
    tasks = (struct tasks){0};
    lab_end(&lab);
    event_log_done(&events);
    return mount_point ? cgroup_remove(mount_point, parent) : 0;
}

static inline int attach_as(const char *name, const char *namespace_name, const char *service, bool is_run,
                            struct error *error)
{
    char path[128];
    struct task *task;

    (void)snprintf(path, sizeof(path), "%s%s", parent, name);
    *error = (struct error){0};
    return task_attach(&tasks, path, namespace_name, service, is_run, 77, &task, error);
}

static inline int attach(const char *name, const char *namespace_name, const char *service,
                         struct error *error)
{
    return attach_as(name, namespace_name, service, false, error);
}

static inline int setup_all(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(hosts_dir, sizeof(hosts_dir), "%s/svc-hosts-XXXXXX", P_tmpdir);
    (void)snprintf(parent, sizeof(parent), "/svcconnect-unit-tasks-%d", (int)getpid());
    if (mounts_find_cgroup2(&mount_point) < 0 || geteuid() != 0) {
        free(mount_point);
        mount_point = NULL;
    }
    return mkdtemp(hosts_dir) ? 0 : -1;
}

static inline int teardown_all(void **state)
{
    (void)state;
    free(mount_point);
    return rmdir(hosts_dir);
}

/* Every test begins with it. */
static inline void need_cgroups(void)
{
    if (mount_point)
        return;
    print_message("[  SKIP    ] no cgroup v2 mount, or not root\n");
    skip();
}

#define TASK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- what a test asks ---- */

static inline struct task *task_of(const char *name)
{
    char path[sizeof(parent) + 64];
    struct task *task;

    (void)snprintf(path, sizeof(path), "%s%s", parent, name);
    for (task = tasks.all; task; task = task->hh.next)
        if (strcmp(task->cgroup.path, path) == 0)
            return task;
    return NULL;
}

/* As the data path has it: the task's own scope. */
static inline uint32_t scope_in_kernel(const struct task *task)
{
    uint32_t scope = 0, namespace_scope = 0;

    (void)datapath_get_scope(lab.datapath, task->cgroup.id, &scope, &namespace_scope);
    return scope;
}

static inline bool remove_cgroup(const char *name)
{
    char path[sizeof(parent) + 64];

    (void)snprintf(path, sizeof(path), "%s%s", parent, name);
    return cgroup_remove(mount_point, path) == 0;
}

static inline bool has_cgroup(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%.100s%s%s", mount_point, parent, name);
    return access(path, F_OK) == 0;
}

/* The newest event's kind and text. */
static inline const char *last_event(void)
{
    static char text[512];
    const struct event_entry *entry = event_log_next(&events, event_log_newest(&events) - 1);

    (void)snprintf(text, sizeof(text), "%s", entry ? entry->message : "");
    return text;
}

/* NULL: there is no hosts file. The caller frees it. */
static inline char *hosts_of(const struct task *task)
{
    char path[PATH_MAX];
    char *text = NULL;

    task_hosts_path(&tasks, task, path, sizeof(path));
    return file_read(path, 1 << 20, &text, NULL) < 0 ? NULL : text;
}

static inline bool has_name(const struct task *task, const char *name)
{
    _cleanup_free_ char *text = hosts_of(task);
    size_t length = strlen(name);

    assert_non_null(text);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if (at > text && strchr(" \t", at[-1]) && strchr(" \n", at[length]))
            return true;
    return false;
}

/* One row of the registry, in effect on return. NULL value: goes. */
static inline int run_row(struct transaction *transaction, void *user, struct error *error)
{
    const char *const *pair = user;
    struct registry_row row = {strdup(pair[0]), pair[1] ? strdup(pair[1]) : NULL};

    return transaction_put(transaction, row, error);
}

static inline void put_row(const char *key, const char *value)
{
    const char *pair[2] = {key, value};
    const struct job job = {.run = run_row, .done = lab_done, .user = pair};

    assert_int_equal(engine_submit(lab.engine, &job), 0);
    engine_settle(lab.engine);
}
