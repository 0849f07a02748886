/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "tasks/task_list_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/run_directory.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "tasks/task_hosts.h"

/* A second between sweeps; `run` puts its first process into the cgroup well within this many. */
#define EMPTY_SWEEPS 10

void task_tell(struct tasks *tasks, const struct task *task, const char *what)
{
    event_log_add(tasks->settings.events, EVENT_TASK, task->namespace_name, task->service, NULL, "%s %s",
                  what, task->cgroup.path);
}

static void free_task(struct task *task)
{
    free(task->namespace_name);
    free(task->service);
    free(task);
}

void tasks_init(struct tasks *tasks, const struct tasks_settings *settings)
{
    *tasks = (struct tasks){.settings = *settings};
}

void tasks_done(struct tasks *tasks)
{
    struct task *task, *next;

    task_callers_done(&tasks->callers);
    HASH_ITER (hh, tasks->all, task, next) {
        HASH_DEL(tasks->all, task);
        free_task(task);
    }
}

void tasks_observe(struct tasks *tasks, const struct task_observer *observer, void *user)
{
    tasks->observer = observer;
    tasks->observer_user = user;
}

struct task *task_find(const struct tasks *tasks, uint64_t cgroup_id)
{
    struct task *task;

    HASH_FIND(hh, tasks->all, &cgroup_id, sizeof(cgroup_id), task);
    return task;
}

struct task *task_new(struct tasks *tasks, const struct cgroup *cgroup)
{
    struct task *task = calloc(1, sizeof(*task));

    if (!task)
        return NULL;
    task->cgroup = *cgroup;
    cgroup_link_name(cgroup, task->link_name, sizeof(task->link_name));
    HASH_ADD(hh, tasks->all, cgroup.id, sizeof(task->cgroup.id), task);
    return task;
}

void task_tell_observer(struct tasks *tasks, const struct task *task, pid_t pid)
{
    if (tasks->observer)
        tasks->observer->put(tasks->observer_user, task, pid);
}

void task_forget(struct tasks *tasks, struct task *task)
{
    task_hosts_remove(tasks, task);
    if (tasks->observer)
        tasks->observer->removed(tasks->observer_user, task);
    HASH_DEL(tasks->all, task);
    free_task(task);
}

/* Links first: from then on nothing is redirected, and the entry tells a next start what is left to do. */
void task_take_off(struct tasks *tasks, struct task *task)
{
    int r = datapath_detach(tasks->settings.datapath, task->link_name);

    if (r < 0)
        log_warning("task %s: unpinning its links, ignoring: %s", task->cgroup.path, strerror(-r));
    (void)datapath_delete_task(tasks->settings.datapath, task->cgroup.id);
    if (tasks->settings.dismiss)
        tasks->settings.dismiss(tasks->settings.admit_user, task->cgroup.id);
    task_forget(tasks, task);
}

int task_write_entry(struct tasks *tasks, const struct task *task)
{
    struct svc_task entry = {.scope = task->scope, .flags = task->is_run ? SVC_TASK_RUN : 0};

    (void)snprintf(entry.cgroup, sizeof(entry.cgroup), "%s", task->cgroup.path);
    (void)snprintf(entry.namespace, sizeof(entry.namespace), "%s", task->namespace_name);
    (void)snprintf(entry.service, sizeof(entry.service), "%s", task->service);
    return datapath_put_task(tasks->settings.datapath, task->cgroup.id, &entry);
}

/* Entry, links, scope: in this order, so that a start after a death in between finds what to complete. */
int task_put_on(struct tasks *tasks, struct task *task, struct error *error)
{
    char path[PATH_MAX];
    int r = task_write_entry(tasks, task);

    if (r == -E2BIG)
        return error_set(error, ENOSPC, "all %u tasks are in use: raise maps.tasks and restart svcconnectd",
                         tasks->settings.max_tasks);
    if (r < 0)
        return error_errno(error, r, "recording the task");
    cgroup_directory(tasks->settings.cgroup_root, task->cgroup.path, path, sizeof(path));
    r = datapath_attach(tasks->settings.datapath, task->link_name, path, task->cgroup.id, error);
    if (r < 0)
        return r;
    if (tasks->settings.admit) {
        r = tasks->settings.admit(tasks->settings.admit_user, task->cgroup.id, task->namespace_name,
                                  task->service);
        if (r < 0)
            return error_errno(error, r, "%s: writing down what it may call", task->cgroup.path);
    }
    r = datapath_set_scope(tasks->settings.datapath, task->cgroup.id, task->scope, task->namespace_scope);
    if (r < 0)
        return error_errno(error, r, "%s: setting the scope", task->cgroup.path);
    task->is_attached = true;
    task_set_caller(tasks, task);
    return 0;
}

/* A task whose cgroup has gone since the last sweep is in nobody's way. */
static int check_overlap(struct tasks *tasks, const struct cgroup *cgroup, struct error *error)
{
    struct task *task, *next;

    HASH_ITER (hh, tasks->all, task, next) {
        if (task->cgroup.id == cgroup->id || !cgroup_overlaps(task->cgroup.path, cgroup->path))
            continue;
        if (!cgroup_is_alive(tasks->settings.cgroup_root, &task->cgroup)) {
            task_tell(tasks, task, "collected");
            task_take_off(tasks, task);
            continue;
        }
        (void)error_refused(error, EEXIST, "cgroup", cgroup->path,
                            "a cgroup that is neither above nor below another task (%s is one)",
                            task->cgroup.path);
        return -EEXIST;
    }
    return 0;
}

int task_set_owner(struct task *task, const char *namespace_name, const char *service)
{
    char *namespace_copy = strdup(namespace_name);
    char *service_copy = strdup(service);

    if (!namespace_copy || !service_copy) {
        free(namespace_copy);
        free(service_copy);
        return -ENOMEM;
    }
    free(task->namespace_name);
    free(task->service);
    task->namespace_name = namespace_copy;
    task->service = service_copy;
    return 0;
}

/* A restart reads both back from the kernel's map: what would be cut there would put the task elsewhere. */
static int check_lengths(const char *namespace_name, const char *service, struct error *error)
{
    if (strlen(namespace_name) >= SVC_NAMESPACE_SIZE)
        return error_input(error, "namespace", namespace_name,
                           "at most %d characters for the namespace of a task", SVC_NAMESPACE_SIZE - 1);
    if (strlen(service) >= SVC_SERVICE_SIZE)
        return error_input(error, "service", service, "at most %d characters for the service of a task",
                           SVC_SERVICE_SIZE - 1);
    return 0;
}

int task_attach(struct tasks *tasks, const char *cgroup_text, const char *namespace_name, const char *service,
                bool is_run, pid_t pid, struct task **ret_task, struct error *error)
{
    struct cgroup cgroup;
    struct task *task;
    bool is_new;
    bool is_as_before;
    uint32_t scope = 0;
    uint32_t namespace_scope = 0;
    int r = cgroup_resolve(tasks->settings.cgroup_root, cgroup_text, &cgroup, error);

    if (r == 0)
        r = check_lengths(namespace_name, service, error);
    if (r == 0)
        r = check_overlap(tasks, &cgroup, error);
    if (r == 0)
        r = engine_scope_of_task(tasks->settings.engine, namespace_name, service, &scope, &namespace_scope,
                                 error);
    if (r < 0)
        return r;
    engine_save_numbers(tasks->settings.engine);
    task = task_find(tasks, cgroup.id);
    is_new = !task;
    is_as_before = task && task->is_attached && task->is_run == is_run &&
                   strcmp(task->namespace_name, namespace_name) == 0 && strcmp(task->service, service) == 0;
    if (is_new)
        task = task_new(tasks, &cgroup);
    if (!task || task_set_owner(task, namespace_name, service) < 0) {
        if (task && is_new)
            task_forget(tasks, task);
        return error_errno(error, ENOMEM, "attaching");
    }
    task->scope = scope;
    task->namespace_scope = namespace_scope;
    task->is_run = is_run;
    task->is_threaded = cgroup_is_threaded(tasks->settings.cgroup_root, task->cgroup.path);
    r = task_put_on(tasks, task, error);
    if (r == 0 && is_run)
        r = task_hosts_write(tasks, task, error);
    if (r < 0) {
        if (is_new)
            task_take_off(tasks, task);
        return r;
    }
    task_tell_observer(tasks, task, pid);
    if (!is_as_before) {
        log_info("attached %s to namespace %s", task->cgroup.path, task->namespace_name);
        task_tell(tasks, task, "attached");
    }
    *ret_task = task;
    return 0;
}

void task_set_networks(struct tasks *tasks, uint64_t cgroup_id, uint32_t networks)
{
    const struct task *task = task_find(tasks, cgroup_id);
    int r = task ? datapath_set_networks(tasks->settings.datapath, cgroup_id, networks) : 0;

    if (r < 0)
        log_warning("task %s: on which networks it is cannot be written down: %s", task->cgroup.path,
                    strerror(-r));
}

int task_detach(struct tasks *tasks, const char *cgroup_text, struct error *error)
{
    struct error ignored;
    struct cgroup cgroup;
    struct task *task = NULL;
    int r = cgroup_resolve(tasks->settings.cgroup_root, cgroup_text, &cgroup, &ignored);

    if (r == 0) {
        task = task_find(tasks, cgroup.id);
    } else {
        for (task = tasks->all; task; task = task->hh.next)
            if (strcmp(task->cgroup.path, cgroup_text) == 0 ||
                (cgroup_text[0] != '/' && strcmp(task->cgroup.path + 1, cgroup_text) == 0))
                break;
    }
    if (!task)
        return error_set(error, ENOENT, "cgroup \"%.200s\" is not a task; svcconnect tasks lists them",
                         cgroup_text);
    log_info("detached %s", task->cgroup.path);
    task_tell(tasks, task, "detached");
    task_take_off(tasks, task);
    return 0;
}

void task_detach_all(struct tasks *tasks)
{
    struct task *task, *next;

    HASH_ITER (hh, tasks->all, task, next) {
        task_tell(tasks, task, "detached");
        task_take_off(tasks, task);
    }
    log_info("detached all tasks");
}

bool tasks_put_on_again(void *user, const char *link_name)
{
    struct tasks *tasks = user;
    struct task *task;
    struct error error = {0};

    for (task = tasks->all; task; task = task->hh.next)
        if (strcmp(task->link_name, link_name) == 0)
            break;
    if (!task || !cgroup_is_alive(tasks->settings.cgroup_root, &task->cgroup))
        return false;
    if (task_put_on(tasks, task, &error) == 0)
        return true;
    if (task->is_attached)
        log_error("task %s: attaching it anew: %s", task->cgroup.path, error.message);
    task->is_attached = false;
    return false;
}

int tasks_directories(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n)
{
    const struct tasks *tasks = user;
    char **directories = calloc(HASH_COUNT(tasks->all) + 1, sizeof(*directories));
    const struct task *task;
    size_t n = 0;

    if (!directories)
        return -ENOMEM;
    for (task = tasks->all; task; task = task->hh.next) {
        char path[PATH_MAX];

        if (namespace_name && strcmp(task->namespace_name, namespace_name) != 0)
            continue;
        cgroup_directory(tasks->settings.cgroup_root, task->cgroup.path, path, sizeof(path));
        directories[n] = strdup(path);
        if (directories[n])
            n++;
    }
    *ret_directories = directories;
    *ret_n = n;
    return 0;
}

/* ---- sweeping ---- */

/* `run` was killed before it could clean up: its cgroup has stayed empty. */
static bool is_abandoned(struct tasks *tasks, struct task *task)
{
    unsigned processes = 1;

    if (!task->is_run ||
        cgroup_count_processes(tasks->settings.cgroup_root, task->cgroup.path, &processes) < 0 ||
        processes > 0) {
        task->empty_sweeps = 0;
        return false;
    }
    return ++task->empty_sweeps >= EMPTY_SWEEPS;
}

static void remove_abandoned(const struct tasks *tasks, const struct task *task)
{
    _cleanup_close_ int root_fd = open(tasks->settings.cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)cgroup_remove(tasks->settings.cgroup_root, task->cgroup.path);
    if (root_fd >= 0)
        run_directory_remove(root_fd);
}

void task_list_sweep(struct tasks *tasks)
{
    struct task *task, *next;

    task_callers_sweep(tasks);
    HASH_ITER (hh, tasks->all, task, next) {
        if (!cgroup_is_alive(tasks->settings.cgroup_root, &task->cgroup)) {
            log_info("task %s has gone, removing what was pinned for it", task->cgroup.path);
            task_tell(tasks, task, "collected");
            task_take_off(tasks, task);
        } else if (is_abandoned(tasks, task)) {
            log_info("task %s was left empty by svcconnect run, removing it", task->cgroup.path);
            task_tell(tasks, task, "collected");
            remove_abandoned(tasks, task);
            task_take_off(tasks, task);
        }
    }
}
