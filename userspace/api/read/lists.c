/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lists that are made in one piece: tasks, hosts, documents. */
#include "api/read/reads.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sorted.h"
#include "api/api.h"
#include "dns/dns.h"
#include "engine/engine.h"
#include "containers/containers.h"
#include "datapath/datapath.h"
#include "tasks/task_list.h"
#include "model/catalog_aws.h"
#include "tasks/task_hosts.h"
#include "model/aliases.h"

const char *read_wanted_namespace(const struct api *api, const struct control_call *call)
{
    const char *text = evhttp_find_header(call->query, "namespace");
    const char *name = NULL;

    if (!text)
        return NULL;
    (void)catalog_find_namespace(engine_catalog(api->engine), text, &name);
    return name ? name : text; /* of none that is here */
}

static bool lists_is_wanted(const char *wanted, const char *namespace_name)
{
    return !wanted || strcmp(wanted, namespace_name) == 0;
}

static int lists_namespaces_by_name(const void *a, const void *b)
{
    return strcmp((*(struct model_namespace *const *)a)->name, (*(struct model_namespace *const *)b)->name);
}

/* The namespaces asked for, sorted; NULL-terminated, the caller frees. */
static struct model_namespace **sorted_namespaces(const struct api *api, const struct control_call *call)
{
    struct model_namespace **sorted =
        SORTED_ENTRIES(engine_catalog(api->engine)->namespaces, lists_namespaces_by_name);
    const char *wanted = read_wanted_namespace(api, call);
    size_t n = 0;

    for (size_t i = 0; sorted && sorted[i]; i++)
        if (lists_is_wanted(wanted, sorted[i]->name))
            sorted[n++] = sorted[i];
    if (sorted)
        sorted[n] = NULL;
    return sorted;
}

cJSON *read_task(struct api *api, const struct task *task)
{
    const char *problem = dns_problem(api->dns, task->cgroup.id);
    const char *container = containers_name_at(api->containers ? *api->containers : NULL, task->cgroup.path);
    char path[PATH_MAX];
    unsigned processes = 0;
    cJSON *object = cJSON_CreateObject();

    (void)cgroup_count_processes(api->settings.cgroup_root, task->cgroup.path, &processes);
    (void)cJSON_AddStringToObject(object, "cgroup", task->cgroup.path);
    (void)cJSON_AddNumberToObject(object, "cgroupId", (double)task->cgroup.id);
    if (*container)
        (void)cJSON_AddStringToObject(object, "container", container);
    containers_describe_at(api->containers ? *api->containers : NULL, task->cgroup.path, object);
    (void)cJSON_AddStringToObject(object, "namespace", task->namespace_name);
    (void)cJSON_AddStringToObject(object, "service", task->service);
    (void)cJSON_AddNumberToObject(object, "scope", task->scope);
    /* Asked of the kernel, not remembered: a link can be severed behind the daemon's back. */
    (void)cJSON_AddStringToObject(
        object, "state",
        datapath_is_attached(api->datapath, task->link_name, task->cgroup.id) ? "attached" : "incomplete");
    (void)cJSON_AddBoolToObject(object, "run", task->is_run);
    (void)cJSON_AddNumberToObject(object, "processes", processes);
    (void)cJSON_AddNumberToObject(object, "connects",
                                  (double)datapath_task_connects(api->datapath, task->cgroup.id));
    (void)cJSON_AddItemToObject(object, "nameservers", dns_describe_task(api->dns, task->cgroup.id));
    if (*problem)
        (void)cJSON_AddStringToObject(object, "nameserversReason", problem);
    if (task->is_run) {
        task_hosts_path(api->tasks, task, path, sizeof(path));
        (void)cJSON_AddStringToObject(object, "hostsFile", path);
    }
    return object;
}

static int tasks_by_path(const void *a, const void *b)
{
    return strcmp((*(struct task *const *)a)->cgroup.path, (*(struct task *const *)b)->cgroup.path);
}

int read_tasks(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    const char *wanted = read_wanted_namespace(api, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "tasks");
    _cleanup_free_ struct task **tasks = SORTED_ENTRIES(api->tasks->all, tasks_by_path);

    (void)error;
    /* One whose cgroup has gone waits for the next sweep, and its links went with it: it is no task any more. */
    for (size_t i = 0; tasks && tasks[i]; i++)
        if (lists_is_wanted(wanted, tasks[i]->namespace_name) &&
            cgroup_is_alive(api->settings.cgroup_root, &tasks[i]->cgroup))
            (void)cJSON_AddItemToArray(list, read_task(api, tasks[i]));
    *ret_answer = answer;
    return 0;
}

int read_containers(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    const struct containers *containers = api->containers ? *api->containers : NULL;
    cJSON *answer = cJSON_CreateObject();

    (void)call;
    (void)error;
    (void)cJSON_AddStringToObject(answer, "follow", containers_setting(containers));
    (void)cJSON_AddItemToObject(answer, "runtimes", containers_describe_runtimes(containers));
    (void)cJSON_AddItemToObject(answer, "hostAddress", containers_describe_host(containers));
    (void)cJSON_AddItemToObject(answer, "containers", containers_describe(containers));
    *ret_answer = answer;
    return 0;
}

int read_hosts(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(api, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "hosts");

    (void)error;
    for (size_t i = 0; namespaces && namespaces[i]; i++) {
        _cleanup_free_ struct hosts_entry *entries = NULL;
        char text[IP_ADDRESS_TEXT_SIZE];
        size_t n = 0;

        if (namespace_hosts_build(api->engine, namespaces[i]->name, "", &entries, &n) < 0)
            break;
        for (size_t e = 0; e < n; e++) {
            cJSON *object = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(object, "namespace", namespaces[i]->name);
            (void)cJSON_AddStringToObject(object, "address", ip_address_format(&entries[e].address, text));
            (void)cJSON_AddStringToObject(object, "address6", ip_address_format(&entries[e].address6, text));
            (void)cJSON_AddStringToObject(object, "name", entries[e].name);
            (void)cJSON_AddItemToArray(list, object);
        }
    }
    *ret_answer = answer;
    return 0;
}

static cJSON *document_object(const struct model_namespace *parent, const struct stored_document *stored)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *document = cJSON_Parse(stored->text);

    (void)cJSON_AddStringToObject(object, "namespace", parent->name);
    (void)cJSON_AddStringToObject(object, "name", stored->name);
    (void)cJSON_AddStringToObject(object, "source", stored->source);
    (void)cJSON_AddItemToObject(object, "document", document ? document : cJSON_CreateNull());
    return object;
}

static int documents_by_name(const void *a, const void *b)
{
    return strcmp((*(struct stored_document *const *)a)->name, (*(struct stored_document *const *)b)->name);
}

int read_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(user, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "documents");

    (void)error;
    for (size_t n = 0; namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct stored_document **documents =
            SORTED_ENTRIES(namespaces[n]->documents, documents_by_name);

        for (size_t d = 0; documents && documents[d]; d++)
            (void)cJSON_AddItemToArray(list, document_object(namespaces[n], documents[d]));
    }
    *ret_answer = answer;
    return 0;
}
