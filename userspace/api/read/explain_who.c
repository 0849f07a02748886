/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* As whom a connect is explained: a task, by its cgroup or one of its processes, or any of a service. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/read/explain.h"
#include "api/read/reads.h"
#include "base/cleanup.h"
#include "base/number.h"
#include "cgroups/cgroup.h"
#include "cgroups/process_cgroup.h"
#include "engine/engine.h"
#include "model/names.h"
#include "tasks/task_list.h"

/* The task that the cgroup is, or lies in; NULL. */
static const struct task *task_around(const struct api *api, const char *path)
{
    const struct task *task;

    for (task = api->tasks->all; task; task = task->hh.next)
        if (cgroup_overlaps(task->cgroup.path, path) && strlen(task->cgroup.path) <= strlen(path))
            return task;
    return NULL;
}

static int no_task(const char *field, const char *value, struct error *error)
{
    return error_refused(error, ENOENT, field, value,
                         "a task, or what is in one (svcconnect tasks lists them): anywhere else names and "
                         "connects are left alone");
}

static int find_by_pid(const struct api *api, const char *text, const struct task **ret_task,
                       struct error *error)
{
    char path[SVC_CGROUP_SIZE];
    uint64_t pid;
    int r;

    if (parse_number(text, 1, INT32_MAX, &pid) < 0)
        return error_input(error, "pid", text, "a whole number from 1 to %d", INT32_MAX);
    r = process_cgroup((pid_t)pid, path, sizeof(path));
    if (r == -ENOENT || r == -ESRCH)
        return error_refused(error, ENOENT, "pid", text, "a process that is running");
    if (r < 0)
        return r;
    *ret_task = task_around(api, path);
    return *ret_task ? 0 : no_task("pid", text, error);
}

static int find_by_cgroup(const struct api *api, const char *text, const struct task **ret_task,
                          struct error *error)
{
    struct cgroup cgroup;
    int r = cgroup_resolve(api->settings.cgroup_root, text, &cgroup, error);

    if (r < 0)
        return r;
    *ret_task = task_around(api, cgroup.path);
    return *ret_task ? 0 : no_task("cgroup", text, error);
}

static int find_task(const struct api *api, const struct control_call *call, struct explain_who *who,
                     struct error *error)
{
    const char *cgroup = evhttp_find_header(call->query, "cgroup");
    const char *pid = evhttp_find_header(call->query, "pid");
    int r = 0;

    if (cgroup && pid)
        return error_input(error, "pid", pid, "cgroup or pid, not both");
    if (cgroup)
        r = find_by_cgroup(api, cgroup, &who->task, error);
    else if (pid)
        r = find_by_pid(api, pid, &who->task, error);
    if (r == 0 && who->task) {
        who->namespace_name = who->task->namespace_name;
        who->service = who->task->service;
    }
    return r;
}

/* What the query says beside a task must not contradict it: that would be an answer to another question. */
static int check_service(const struct control_call *call, struct explain_who *who, struct error *error)
{
    const char *service = evhttp_find_header(call->query, "service");

    if (!service || !*service)
        return 0;
    if (who->task && strcmp(who->service, service) != 0)
        return error_input(error, "service", service, "the task's own (%s), or none",
                           *who->service ? who->service : "it has none");
    who->service = service;
    return model_check_document("service", service, error);
}

int explain_find_who(struct api *api, const struct control_call *call, struct explain_who *ret_who,
                     struct error *error)
{
    const char *wanted = read_wanted_namespace(api, call);
    struct explain_who who = {.service = ""};
    int r = find_task(api, call, &who, error);

    if (r == 0 && who.task && wanted && strcmp(wanted, who.namespace_name) != 0)
        r = error_input(error, "namespace", wanted, "the task's own (%s), or none", who.namespace_name);
    if (r == 0)
        r = check_service(call, &who, error);
    if (r < 0)
        return r;
    if (!who.task)
        who.namespace_name = wanted ? wanted : "default";
    who.parent = catalog_namespace(engine_catalog(api->engine), who.namespace_name);
    if (!who.parent)
        return error_refused(error, ENOENT, "namespace", who.namespace_name, "a namespace that is there");
    who.client = *who.service ? catalog_client(who.parent, who.service) : NULL;
    if (who.task)
        who.scope = who.task->scope;
    else if (engine_find_scope(api->engine, who.namespace_name, who.service, &who.scope) < 0)
        who.scope = 0;
    *ret_who = who;
    return 0;
}
