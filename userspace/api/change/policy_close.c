/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/policy_close.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/change/changes.h"
#include "api/change/tasks.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "tasks/task_list.h"
#include "upkeep/policies.h"
#include "upkeep/policy_closing.h"

struct closing_plan {
    char **directories;
    size_t n_directories;
    struct policy_closing_place *places;
    size_t n_places;
    size_t n_shared; /* endpoints that are left alone */
};

static void closing_plan_done(struct closing_plan *plan)
{
    for (size_t i = 0; i < plan->n_directories; i++)
        free(plan->directories[i]);
    free(plan->directories);
    free(plan->places);
}

/* Audited ones are let through, and stay. */
static int plan_tasks(const struct api *api, const struct service *service, struct closing_plan *plan)
{
    const struct task *task;

    plan->directories = calloc(HASH_COUNT(api->tasks->all) + 1, sizeof(*plan->directories));
    if (!plan->directories)
        return -ENOMEM;
    for (task = api->tasks->all; task; task = task->hh.next) {
        const struct caller caller = {task->namespace_name, task->service};
        char path[PATH_MAX];

        if (policies_verdict(service, &caller) != POLICY_REFUSED)
            continue;
        cgroup_directory(api->settings.cgroup_root, task->cgroup.path, path, sizeof(path));
        plan->directories[plan->n_directories] = strdup(path);
        if (!plan->directories[plan->n_directories])
            return -ENOMEM;
        plan->n_directories++;
    }
    return 0;
}

/* Where another service with a policy has the same address, a connection may be one that this other one allows. */
static void plan_place(const struct api *api, const struct instance *endpoint, struct closing_plan *plan)
{
    if (!policies_is_alone(*api->policies, endpoint->endpoint)) {
        plan->n_shared++;
        return;
    }
    plan->places[plan->n_places++] = (struct policy_closing_place){
        .address = endpoint->address, .port = endpoint->port, .is_udp = endpoint->protocol == UDP};
}

static int plan_places(const struct api *api, const struct service *service, struct closing_plan *plan)
{
    const struct instance *instance;

    plan->places = calloc(HASH_COUNT(service->instances) + 1, sizeof(*plan->places));
    if (!plan->places)
        return -ENOMEM;
    for (instance = service->instances; instance; instance = instance->hh.next)
        if (!instance->is_record)
            plan_place(api, instance, plan);
    return 0;
}

static int begin_closing(const struct api *api, const struct service *service,
                         const struct closing_plan *plan)
{
    const struct policy_closing_request request = {.namespace_name = service->parent->name,
                                                   .service = service->name,
                                                   .directories = plan->directories,
                                                   .n_directories = plan->n_directories,
                                                   .places = plan->places,
                                                   .n_places = plan->n_places};

    return plan->n_directories && plan->n_places ? policy_closing_begin(api->policy_closing, &request) : 0;
}

int handle_policy_close(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"service", "namespace", NULL};
    _cleanup_(closing_plan_done) struct closing_plan plan = {0};
    const struct api *api = user;
    const char *namespace_name = NULL;
    const char *name = NULL;
    const struct service *service;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = change_namespace(api->engine, call->body, &namespace_name, error);
    if (r == 0)
        r = change_service_name(call->body, &name, error);
    if (r < 0)
        return r;
    service = catalog_service(engine_catalog(api->engine), namespace_name, name);
    if (!service)
        return change_no_service(api->engine, "service", namespace_name, name, error);
    r = plan_tasks(api, service, &plan);
    if (r == 0)
        r = plan_places(api, service, &plan);
    if (r == 0)
        r = begin_closing(api, service, &plan);
    if (r == -EBUSY)
        return error_refused(error, r, "service", name, "a time when fewer than %u such requests wait",
                             POLICY_CLOSING_WAITING);
    if (r < 0)
        return error_errno(error, r, "looking for connections");
    log_info("connections of %zu tasks to %zu endpoints of %s in %s are closed by hand", plan.n_directories,
             plan.n_places, name, namespace_name);
    *ret_answer = requests_new_answer();
    (void)cJSON_AddNumberToObject(*ret_answer, "tasks", (double)plan.n_directories);
    (void)cJSON_AddNumberToObject(*ret_answer, "endpoints", (double)plan.n_places);
    (void)cJSON_AddNumberToObject(*ret_answer, "shared", (double)plan.n_shared);
    return 0;
}
