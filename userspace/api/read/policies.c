/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/policies: which services not everybody may call. GET /v1/policies/check: may that client call that one? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/policy_word.h"
#include "api/read/reads.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/sorted.h"
#include "engine/engine.h"
#include "model/names.h"
#include "upkeep/policies.h"

const char *policy_word(enum svc_policy_verdict verdict)
{
    return verdict == POLICY_ALLOWED ? "allowed" : verdict == POLICY_AUDITED ? "audited" : "refused";
}

void policy_describe(const struct service *service, cJSON *object)
{
    const struct service_settings *settings = service_get_settings(service);

    (void)cJSON_AddStringToObject(object, "allowFrom", settings->allow_from ? settings->allow_from : "");
    (void)cJSON_AddStringToObject(object, "policyMode", settings->is_policy_audit ? "audit" : "enforce");
}

/* The tasks of this host that are in the service's namespace, or may call it. */
static void add_clients(const struct api *api, const struct service *service, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "tasks");
    const struct task *task;

    for (task = api->tasks->all; task; task = task->hh.next) {
        const struct caller caller = {task->namespace_name, task->service};
        enum svc_policy_verdict verdict = policies_verdict(service, &caller);
        cJSON *item;

        if (strcmp(task->namespace_name, service->parent->name) != 0 && verdict != POLICY_ALLOWED)
            continue;
        item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "cgroup", task->cgroup.path);
        (void)cJSON_AddStringToObject(item, "namespace", task->namespace_name);
        (void)cJSON_AddStringToObject(item, "service", task->service);
        (void)cJSON_AddStringToObject(item, "verdict", policy_word(verdict));
        (void)cJSON_AddItemToArray(list, item);
    }
}

static cJSON *policy_object(const struct api *api, const struct service *service, bool is_one)
{
    struct policy_counts counts = policies_counts(api->policies ? *api->policies : NULL, service);
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "namespace", service->parent->name);
    (void)cJSON_AddStringToObject(object, "service", service->name);
    policy_describe(service, object);
    (void)cJSON_AddNumberToObject(object, "refused", (double)counts.refused);
    (void)cJSON_AddNumberToObject(object, "audited", (double)counts.audited);
    if (is_one)
        add_clients(api, service, object);
    return object;
}

static int policy_services_by_name(const void *a, const void *b)
{
    return strcmp((*(struct service *const *)a)->name, (*(struct service *const *)b)->name);
}

static int policy_namespaces_by_name(const void *a, const void *b)
{
    return strcmp((*(struct model_namespace *const *)a)->name, (*(struct model_namespace *const *)b)->name);
}

static const struct service *policy_service(const struct api *api, const struct control_call *call,
                                            const char *name, struct error *error)
{
    const char *wanted = read_wanted_namespace(api, call);
    const char *namespace_name = wanted ? wanted : "default";
    const struct service *service = catalog_service(engine_catalog(api->engine), namespace_name, name);

    if (!service)
        (void)error_refused(error, ENOENT, "service", name, "a service of namespace %.100s", namespace_name);
    return service;
}

int read_policies(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    const char *wanted = read_wanted_namespace(api, call);
    const char *name = evhttp_find_header(call->query, "service");
    const struct service *one = name ? policy_service(api, call, name, error) : NULL;
    _cleanup_free_ struct model_namespace **namespaces =
        SORTED_ENTRIES(engine_catalog(api->engine)->namespaces, policy_namespaces_by_name);
    cJSON *answer;
    cJSON *list;

    if (name && !one)
        return -ENOENT;
    answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(answer, "policies");
    if (one)
        (void)cJSON_AddItemToArray(list, policy_object(api, one, true));
    for (size_t n = 0; !one && namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct service **services = NULL;

        if (wanted && strcmp(wanted, namespaces[n]->name) != 0)
            continue;
        services = SORTED_ENTRIES(namespaces[n]->services, policy_services_by_name);
        for (size_t s = 0; services && services[s]; s++)
            if (service_get_settings(services[s])->allow_from)
                (void)cJSON_AddItemToArray(list, policy_object(api, services[s], false));
    }
    *ret_answer = answer;
    return 0;
}

/* SERVICE, NAMESPACE/SERVICE, or NAMESPACE/ * (without the space) for a task that names no service. */
static int read_caller(const char *text, const char *own, char namespace_name[static MODEL_NAMESPACE_MAX + 1],
                       struct caller *ret_caller, struct error *error)
{
    const char *slash = text ? strrchr(text, '/') : NULL; /* a namespace's name may have some of its own */
    const char *name = slash ? slash + 1 : text;
    size_t length = slash ? (size_t)(slash - text) : strlen(own);

    if (!text || !allow_from_is_good(text) || strchr(text, ',') || length > MODEL_NAMESPACE_MAX)
        return error_input(error, "client", text ? text : "(missing)",
                           "SERVICE, NAMESPACE/SERVICE, or NAMESPACE/* for a task that names no service");
    (void)snprintf(namespace_name, MODEL_NAMESPACE_MAX + 1, "%.*s", (int)length, slash ? text : own);
    *ret_caller = (struct caller){namespace_name, strcmp(name, "*") == 0 ? "" : name};
    return 0;
}

static void say_verdict(const struct service *service, const struct caller *caller,
                        enum svc_policy_verdict verdict, cJSON *answer)
{
    const struct service_settings *settings = service_get_settings(service);
    bool is_stranger = strcmp(caller->namespace_name, service->parent->name) != 0;
    char text[512];

    if (!settings->allow_from)
        (void)snprintf(text, sizeof(text), "%s has no policy: everybody may call it", service->name);
    else if (verdict == POLICY_ALLOWED)
        (void)snprintf(text, sizeof(text), "%s allows it", service->name);
    else
        (void)snprintf(text, sizeof(text), "%s allows %.300s alone%s", service->name, settings->allow_from,
                       verdict == POLICY_AUDITED ? "; its policyMode is audit, so others are only told" : "");
    (void)cJSON_AddStringToObject(answer, "text", text);
    if (is_stranger)
        (void)cJSON_AddStringToObject(answer, "note",
                                      "a task of another namespace reaches endpoints by their own addresses "
                                      "only, never aliases");
}

int read_policy_check(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    const char *name = evhttp_find_header(call->query, "service");
    char namespace_name[MODEL_NAMESPACE_MAX + 1];
    const struct service *service;
    enum svc_policy_verdict verdict;
    struct caller caller;
    cJSON *answer;
    int r;

    if (!name)
        return error_input(error, "service", "(missing)", "the service that is called");
    service = policy_service(api, call, name, error);
    if (!service)
        return -ENOENT;
    r = read_caller(evhttp_find_header(call->query, "client"), service->parent->name, namespace_name, &caller,
                    error);
    if (r < 0)
        return r;
    verdict = policies_verdict(service, &caller);
    answer = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(answer, "namespace", service->parent->name);
    (void)cJSON_AddStringToObject(answer, "service", service->name);
    (void)cJSON_AddStringToObject(answer, "clientNamespace", caller.namespace_name);
    (void)cJSON_AddStringToObject(answer, "client", caller.service);
    (void)cJSON_AddStringToObject(answer, "verdict", policy_word(verdict));
    say_verdict(service, &caller, verdict, answer);
    *ret_answer = answer;
    return 0;
}
