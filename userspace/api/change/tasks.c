/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/abi.h>

#include "api/api.h"
#include "api/change/changes.h"
#include "api/change/warnings.h"
#include "api/read/reads.h"
#include "base/json.h"
#include "cgroups/process_cgroup.h"
#include "cgroups/unit_cgroup.h"
#include "containers/containers.h"
#include "dns/dns.h"
#include "model/names.h"
#include "tasks/task_list.h"

struct attaching {
    struct api *api;
    struct control_reply *reply;
};

static cJSON *tell_attached(struct api *api, const struct task *task)
{
    cJSON *answer = read_task(api, task);

    (void)cJSON_AddArrayToObject(answer, "warnings");
    if (task->is_threaded)
        warnings_add(answer, "a threaded cgroup: what its threads open from now on is routed, not what other "
                             "threads of their processes open");
    warnings_add_task(api, task->namespace_name, task->service, answer);
    return answer;
}

static void requests_on_looked(const struct task *task, void *user)
{
    struct attaching *attaching = user;
    struct error error = {0};

    control_reply_send(attaching->reply, 0, tell_attached(attaching->api, task), &error);
    free(attaching);
}

static int answer_when_looked(struct api *api, const struct task *task, const struct control_call *call)
{
    struct attaching *attaching = malloc(sizeof(*attaching));
    struct error error = {0};

    if (!attaching)
        return -ENOMEM;
    attaching->api = api;
    if (dns_call_when_looked(api->dns, task->cgroup.id, requests_on_looked, attaching) < 0) {
        free(attaching);
        return -ENOMEM;
    }
    if (control_call_defer(call, &attaching->reply, &error) == CONTROL_LATER)
        return 0;
    dns_forget_waiter(api->dns, task->cgroup.id, attaching);
    free(attaching);
    return -EAGAIN;
}

/* ---- which cgroup is meant ---- */

static int tasks_cgroup_of_process(uint64_t pid, char *ret_path, size_t size, struct error *error)
{
    char text[24];
    int r = process_cgroup((pid_t)pid, ret_path, size);

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)pid);
    if (r == -ESRCH)
        return error_set(error, ENOENT, "pid: there is no process %s", text);
    if (r < 0)
        return error_errno(error, r, "the cgroup of process %s", text);
    if (strcmp(ret_path, "/") == 0)
        return error_input(error, "pid", text,
                           "a process in a cgroup below the root: this one is in the root itself");
    return 0;
}

static int tasks_cgroup_of_container(const struct api *api, const char *container, char *ret_path,
                                     size_t size, struct error *error)
{
    const char *cgroup;
    int r = containers_cgroup_of(api->containers ? *api->containers : NULL, "container", container, &cgroup,
                                 error);

    if (r < 0)
        return r;
    return snprintf(ret_path, size, "%s", cgroup) < (int)size
               ? 0
               : error_errno(error, -ENAMETOOLONG, "the cgroup of container %s", container);
}

static int tasks_cgroup_of_unit(const char *unit, char *ret_path, size_t size, struct error *error)
{
    return unit_cgroup(unit, ret_path, size) == 0
               ? 0
               : error_input(error, "unit", unit, "the name of a systemd unit, as web or web.service");
}

/* `ret_path` for what is not a path already; a process stands for its cgroup where it comes alone. */
static int tasks_read_cgroup(const struct api *api, const cJSON *body, uint64_t pid, char *ret_path,
                             size_t size, const char **ret_cgroup, struct error *error)
{
    const char *cgroup = NULL;
    const char *container = NULL;
    const char *unit = NULL;
    int r = json_get_string(body, "cgroup", false, &cgroup, error);

    if (r == 0)
        r = json_get_string(body, "container", false, &container, error);
    if (r == 0)
        r = json_get_string(body, "unit", false, &unit, error);
    if (r < 0)
        return r;
    if (!!cgroup + !!container + !!unit > 1)
        return error_input(error, container ? "container" : "unit", container ? container : unit,
                           "one of cgroup, container and unit, not two");
    if (!cgroup && !container && !unit && !pid)
        return error_input(error, "cgroup", "(missing)", "one of cgroup, pid, container and unit");
    if (container)
        r = tasks_cgroup_of_container(api, container, ret_path, size, error);
    else if (unit)
        r = tasks_cgroup_of_unit(unit, ret_path, size, error);
    else if (!cgroup)
        r = tasks_cgroup_of_process(pid, ret_path, size, error);
    if (r == 0)
        *ret_cgroup = cgroup ? cgroup : ret_path;
    return r;
}

int change_attach(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"cgroup",  "container", "unit", "namespace",
                                        "service", "run",       "pid",  NULL};
    char path[SVC_CGROUP_SIZE];
    const char *cgroup = NULL;
    const char *namespace_name = NULL;
    const char *service = "";
    bool is_run = false;
    uint64_t pid = 0;
    struct api *api = user;
    struct task *task = NULL;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = json_get_integer(call->body, "pid", false, 1, INT32_MAX, &pid, error);
    if (r == 0)
        r = tasks_read_cgroup(api, call->body, pid, path, sizeof(path), &cgroup, error);
    if (r == 0)
        r = change_namespace(api->engine, call->body, &namespace_name, error);
    if (r == 0)
        r = json_get_string(call->body, "service", false, &service, error);
    if (r == 0 && *service)
        r = model_check_document("service", service, error);
    if (r == 0)
        r = json_get_bool(call->body, "run", false, &is_run, error);
    if (r == 0)
        r = task_attach(api->tasks, cgroup, namespace_name, service, is_run, (pid_t)pid, &task, error);
    /* Whoever is told that it is attached finds names in it, if there is a process already. */
    if (r == 0 && dns_is_looking(api->dns, task->cgroup.id) && answer_when_looked(api, task, call) == 0)
        return CONTROL_LATER;
    if (r == 0)
        *ret_answer = tell_attached(api, task);
    return r;
}

int change_detach(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"cgroup", "all", NULL};
    struct api *api = user;
    const char *cgroup = NULL;
    bool is_all = false;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = json_get_bool(call->body, "all", false, &is_all, error);
    if (r == 0)
        r = json_get_string(call->body, "cgroup", !is_all, &cgroup, error);
    if (r == 0 && is_all && cgroup)
        r = error_input(error, "all", "true", "cgroup or all, not both");
    if (r < 0)
        return r;
    if (is_all)
        task_detach_all(api->tasks);
    else
        r = task_detach(api->tasks, cgroup, error);
    if (r == 0)
        *ret_answer = requests_new_answer();
    return r;
}
