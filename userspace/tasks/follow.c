/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a change means for tasks: other scopes, other names. */
#include <string.h>

#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "tasks/task_hosts.h"
#include "tasks/task_list_internal.h"

void task_list_rescope(struct tasks *tasks, const char *namespace_name)
{
    struct task *task;

    for (task = tasks->all; task; task = task->hh.next) {
        struct error error = {0};
        uint32_t scope, namespace_scope;

        if (strcmp(task->namespace_name, namespace_name) != 0 ||
            engine_scope_of_task(tasks->settings.engine, task->namespace_name, task->service, &scope,
                                 &namespace_scope, &error) < 0 ||
            scope == task->scope)
            continue;
        task->scope = scope;
        /* The scope first: the entry only tells people, and a start puts it right. */
        if (datapath_set_scope(tasks->settings.datapath, task->cgroup.id, scope, namespace_scope) < 0 ||
            task_write_entry(tasks, task) < 0)
            log_warning("task %s: its scope could not be changed", task->cgroup.path);
        if (task->is_run && task_hosts_write(tasks, task, &error) < 0)
            log_warning("task %s: %s", task->cgroup.path, error.message);
    }
}

void task_list_rescope_all(struct tasks *tasks)
{
    const struct task *task;

    for (task = tasks->all; task; task = task->hh.next) {
        struct error error = {0};

        task_list_rescope(tasks, task->namespace_name);
        if (task->is_run && task_hosts_write(tasks, task, &error) < 0)
            log_warning("task %s keeps its old names: %s", task->cgroup.path, error.message);
    }
}

/* ---- following changes ---- */

static void follow_scopes_changed(void *user, const char *namespace_name)
{
    if (namespace_name)
        task_list_rescope(user, namespace_name);
    else
        task_list_rescope_all(user);
}

static void follow_names_changed(void *user, const char *namespace_name)
{
    task_hosts_refresh(user, namespace_name);
}

static int follow_moved(void *user, struct error *error)
{
    return task_list_adopt(user, error);
}

const struct engine_follower tasks_follower = {
    .scopes_changed = follow_scopes_changed,
    .names_changed = follow_names_changed,
    .moved = follow_moved,
};
