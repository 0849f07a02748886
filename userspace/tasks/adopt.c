/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What tasks there are is asked of the kernel: a start takes over what the daemon before has pinned. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "tasks/task_hosts.h"
#include "tasks/task_list_internal.h"

struct found_task {
    uint64_t cgroup_id;
    struct svc_task entry;
    struct found_task *next;
};

static int adopt_on_task(uint64_t cgroup_id, const struct svc_task *entry, void *user)
{
    struct found_task **list = user;
    struct found_task *found = malloc(sizeof(*found));

    if (!found)
        return -ENOMEM;
    *found = (struct found_task){cgroup_id, *entry, *list};
    found->entry.cgroup[SVC_CGROUP_SIZE - 1] = '\0';
    found->entry.namespace[SVC_NAMESPACE_SIZE - 1] = '\0';
    found->entry.service[SVC_SERVICE_SIZE - 1] = '\0';
    *list = found;
    return 0;
}

/* In the kernel already as it should be: then nothing is written. */
static bool is_in_place(struct tasks *tasks, const struct task *task, const struct svc_task *entry)
{
    uint32_t scope, namespace_scope;

    return datapath_origin(tasks->settings.datapath) == DATAPATH_ADOPTED && entry->scope == task->scope &&
           datapath_is_attached(tasks->settings.datapath, task->link_name, task->cgroup.id) &&
           datapath_get_scope(tasks->settings.datapath, task->cgroup.id, &scope, &namespace_scope) == 0 &&
           scope == task->scope && namespace_scope == task->namespace_scope;
}

/* Only what would lose a task is an error: no room for its entry. The rest is said, and the task stays as it
 * is. */
static int adopt_task(struct tasks *tasks, const struct found_task *found, struct error *ret_error)
{
    struct cgroup cgroup = {.id = found->cgroup_id};
    struct error error = {0};
    struct task *task;
    int r = 0;

    (void)snprintf(cgroup.path, sizeof(cgroup.path), "%s", found->entry.cgroup);
    if (cgroup.path[0] != '/' || !cgroup.path[1]) {
        log_warning("the entry of cgroup %" PRIu64 " in the map tasks names no cgroup, removing it",
                    cgroup.id);
        (void)datapath_delete_task(tasks->settings.datapath, cgroup.id);
        return 0;
    }
    task = task_new(tasks, &cgroup);
    if (!task || task_set_owner(task, found->entry.namespace, found->entry.service) < 0) {
        if (task)
            task_forget(tasks, task);
        return 0;
    }
    task->is_run = found->entry.flags & SVC_TASK_RUN;
    if (!cgroup_is_alive(tasks->settings.cgroup_root, &cgroup)) {
        log_info("task %s has gone, removing what was pinned for it", cgroup.path);
        task_tell(tasks, task, "collected");
        task_take_off(tasks, task);
        return 0;
    }
    if (engine_scope_of_task(tasks->settings.engine, task->namespace_name, task->service, &task->scope,
                             &task->namespace_scope, &error) < 0) {
        log_warning("task %s: %s", cgroup.path, error.message);
        return 0;
    }
    if (is_in_place(tasks, task, &found->entry)) {
        task->is_attached = true;
        task_set_caller(tasks, task);
    } else {
        r = task_put_on(tasks, task, &error);
    }
    if (r == -ENOSPC) {
        *ret_error = error;
        return r;
    }
    if (r < 0)
        log_warning("task %s stays as it is: %s", cgroup.path, error.message);
    if (task->is_run && task_hosts_write(tasks, task, &error) < 0)
        log_warning("task %s: %s", cgroup.path, error.message);
    return 0;
}

static int on_link(const char *name, void *user)
{
    struct tasks *tasks = user;
    uint64_t cgroup_id;

    if (cgroup_link_name_id(name, &cgroup_id) == 0 && task_find(tasks, cgroup_id))
        return 0;
    log_info("links/%s belongs to no task, removing it", name);
    (void)datapath_detach(tasks->settings.datapath, name);
    return 0;
}

int task_list_adopt(struct tasks *tasks, struct error *error)
{
    struct found_task *list = NULL;
    int r = task_callers_adopt(&tasks->callers, tasks->settings.datapath);

    if (r == 0)
        r = datapath_each_task(tasks->settings.datapath, adopt_on_task, &list);

    for (struct found_task *found = list, *next; found; found = next) {
        next = found->next;
        if (r == 0)
            r = adopt_task(tasks, found, error);
        free(found);
    }
    if (r == 0)
        r = datapath_each_link(tasks->settings.datapath, on_link, tasks);
    if (r < 0)
        return error->number ? r : error_errno(error, r, "reading the pinned tasks");
    for (const struct task *task = tasks->all; task; task = task->hh.next)
        task_tell_observer(tasks, task, 0);
    engine_save_numbers(tasks->settings.engine);
    return 0;
}
