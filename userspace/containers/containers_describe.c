/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers and runtimes for people. */
#include "base/json.h"
#include "containers/containers_internal.h"
#include "containers/host_address.h"

static const char *state_name(enum container_state state)
{
    static const char *const names[] = {[CONTAINER_CREATED] = "CREATED",
                                        [CONTAINER_RUNNING] = "RUNNING",
                                        [CONTAINER_PAUSED] = "PAUSED",
                                        [CONTAINER_ENDING] = "ENDING",
                                        [CONTAINER_ENDED] = "ENDED"};

    return names[state];
}

static const char *names_name(const struct held *held)
{
    static const char *const names[] = {
        [NAMES_UNKNOWN] = "", [NAMES_GATED] = "gated", [NAMES_TIMEOUT] = "timeout", [NAMES_LATE] = "late"};

    return held->is_attached ? names[held->names] : "";
}

#define NOTE_SIZE (2 * WORKLOAD_NOTE_SIZE + 2)

/* Of one that is left alone: why, and what it should know. */
static const char *note_of(const struct containers *containers, const struct held *held,
                           char text[static NOTE_SIZE])
{
    if (*held->why_not_attached)
        return held->why_not_attached;
    if (*held->why_not_registered)
        return held->why_not_registered;
    if (held->is_task && containers_is_left_out(containers, held))
        return "deregistered by hand: out until it is started again, or registered";
    if (held->is_task)
        return held->note;
    (void)snprintf(text, NOTE_SIZE, "%s%s%s", held->why_not, *held->why_not && *held->note ? "; " : "",
                   held->note);
    return text;
}

static cJSON *describe_networks(const struct container *container)
{
    cJSON *networks = cJSON_CreateArray();

    for (size_t i = 0; i < container->n_networks; i++)
        (void)cJSON_AddItemToArray(networks, cJSON_CreateString(container->networks[i].name));
    return networks;
}

static cJSON *describe_stop(const struct stopping *stop)
{
    static const char *const states[] = {[STOP_NONE] = "",
                                         [STOP_DRAINING] = "DRAINING",
                                         [STOP_TOLD] = "STOPPING",
                                         [STOP_DONE] = "STOPPED",
                                         [STOP_FAILED] = "FAILED"};
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "state", states[stop->state]);
    (void)cJSON_AddNumberToObject(json, "timeoutSeconds", stop->timeout_s);
    (void)cJSON_AddNumberToObject(json, "open", (double)stop->open);
    (void)cJSON_AddStringToObject(json, "reason", stop->reason);
    return json;
}

static cJSON *describe_held(const struct containers *containers, const struct held *held)
{
    const struct container *container = held->container;
    cJSON *json = cJSON_CreateObject();
    char text[NOTE_SIZE];

    (void)cJSON_AddStringToObject(json, "name", container->name);
    (void)cJSON_AddStringToObject(json, "id", container->id);
    (void)cJSON_AddStringToObject(json, "runtime", container->runtime);
    (void)cJSON_AddStringToObject(json, "image", container->image ? container->image : "");
    (void)cJSON_AddStringToObject(json, "state", state_name(container->state));
    (void)cJSON_AddItemToObject(json, "networks", describe_networks(container));
    (void)cJSON_AddStringToObject(json, "cgroup", container->cgroup ? container->cgroup : "");
    (void)cJSON_AddBoolToObject(json, "task", held->is_task);
    (void)cJSON_AddBoolToObject(json, "attached", held->is_attached);
    (void)cJSON_AddStringToObject(json, "namespace", held->is_task ? held->namespace_name : "");
    (void)cJSON_AddStringToObject(json, "service", held->is_task ? held->service : "");
    (void)cJSON_AddNumberToObject(json, "instances", (double)held->n_instances);
    (void)cJSON_AddStringToObject(json, "first", names_name(held));
    if (held->names == NAMES_GATED)
        (void)cJSON_AddNumberToObject(json, "heldMicroseconds", (double)held->held_us);
    if (held->stop.state != STOP_NONE)
        (void)cJSON_AddItemToObject(json, "stop", describe_stop(&held->stop));
    if (container->started_at)
        json_add_time(json, "startedAt", (time_t)container->started_at);
    (void)cJSON_AddStringToObject(json, "note", note_of(containers, held, text));
    return json;
}

void containers_describe_at(const struct containers *containers, const char *cgroup, cJSON *object)
{
    const struct held *held = containers_at(containers, cgroup);

    if (!held)
        return;
    (void)cJSON_AddStringToObject(object, "runtime", held->container->runtime);
    (void)cJSON_AddStringToObject(object, "image", held->container->image ? held->container->image : "");
    (void)cJSON_AddItemToObject(object, "networks", describe_networks(held->container));
    (void)cJSON_AddStringToObject(object, "first", names_name(held));
    if (held->names == NAMES_GATED)
        (void)cJSON_AddNumberToObject(object, "heldMicroseconds", (double)held->held_us);
    if (held->container->started_at)
        json_add_time(object, "startedAt", (time_t)held->container->started_at);
}

cJSON *containers_describe(const struct containers *containers)
{
    cJSON *list = cJSON_CreateArray();

    for (const struct held *held = containers ? containers->all : NULL; held; held = held->hh.next)
        (void)cJSON_AddItemToArray(list, describe_held(containers, held));
    return list;
}

/* Does nothing say what it is? */
static bool has_no_label(const struct container *container)
{
    for (size_t i = 0; i < container->n_labels; i++)
        if (strncmp(container->labels[i].name, "svcconnect.", 11) == 0 ||
            strncmp(container->labels[i].name, "com.amazonaws.ecs.", 18) == 0)
            return false;
    return true;
}

static void count_containers(const struct containers *containers, const struct runtime *runtime, cJSON *json)
{
    unsigned n = 0;
    unsigned n_tasks = 0;
    unsigned n_unlabelled = 0;

    for (const struct held *held = containers->all; held; held = held->hh.next) {
        if (held->from != runtime)
            continue;
        n++;
        n_tasks += held->is_task;
        n_unlabelled += has_no_label(held->container);
    }
    (void)cJSON_AddNumberToObject(json, "containers", n);
    (void)cJSON_AddNumberToObject(json, "tasks", n_tasks);
    (void)cJSON_AddNumberToObject(json, "unlabelled", n_unlabelled);
}

cJSON *containers_describe_host(const struct containers *containers)
{
    cJSON *json = cJSON_CreateObject();
    struct ip_address address;
    char text[IP_ADDRESS_TEXT_SIZE];
    const char *from;

    if (!containers || !host_address_get(containers->host, &address, &from))
        return json;
    (void)cJSON_AddStringToObject(json, "address", ip_address_format(&address, text));
    (void)cJSON_AddStringToObject(json, "from", from);
    return json;
}

const char *containers_setting(const struct containers *containers)
{
    return containers ? containers->settings.runtimes : "none";
}

cJSON *containers_describe_runtimes(const struct containers *containers)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; containers && i < containers->n_runtimes; i++) {
        const struct runtime *runtime = &containers->runtimes[i];
        cJSON *json = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(json, "name", runtime->name);
        (void)cJSON_AddStringToObject(json, "socket", runtime->socket);
        (void)cJSON_AddStringToObject(json, "version", runtime->version);
        (void)cJSON_AddStringToObject(json, "cgroupDriver", runtime->cgroup_driver);
        (void)cJSON_AddBoolToObject(json, "connected", runtime->is_connected);
        (void)cJSON_AddStringToObject(json, "reason", runtime->reason);
        (void)cJSON_AddStringToObject(json, "gate",
                                      containers->gate ? "exec"
                                      : runtime->asks  ? "runtime"
                                                       : "none");
        (void)cJSON_AddStringToObject(json, "gateReason", containers->why_no_gate);
        count_containers(containers, runtime, json);
        (void)cJSON_AddItemToArray(list, json);
    }
    return list;
}
