/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What runtimes tell, kept by id, and the plan that follows from it. */
#include "containers/containers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cgroups/process_cgroup.h"
#include "containers/containers_internal.h"
#include "dns/dns.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "http/fetch.h"
#include "runtimes/container_cgroup.h"

/* Where runtimes put their containers' cgroups, until a container has told of another place. */
static const char *const usual_parents[] = {"/docker", "/system.slice", "/machine.slice", "/libpod_parent"};

struct held *containers_find(const struct containers *containers, const char *id)
{
    struct held *held;

    HASH_FIND_STR(containers->all, id, held);
    return held;
}

void containers_changed(struct containers *containers)
{
    event_active(containers->plan_event, 0, 0);
}

static void held_forget_end(struct held *held)
{
    if (!held->end)
        return;
    event_free(held->end);
    held->end = NULL;
    (void)close(held->pidfd);
}

static void held_container_free(struct containers *containers, struct held *held)
{
    HASH_DEL(containers->all, held);
    held_forget_end(held);
    dns_forget_waiter(containers->settings.dns, held->waiting_for, held);
    if (held->ticket && containers->gate)
        gate_release(containers->gate, held->ticket);
    container_free(&held->container);
    free(held);
}

/* ---- the first process's end, which the kernel tells before any runtime does ---- */

static void held_on_end(evutil_socket_t fd, short what, void *user)
{
    struct held *held = user;

    (void)fd;
    (void)what;
    held_forget_end(held);
    held->container->state = CONTAINER_ENDED;
    containers_changed(held->owner);
}

static void held_watch_end(struct held *held)
{
    if (held->end || held->container->pid <= 0 || held->container->state == CONTAINER_ENDED)
        return;
    held->pidfd = (int)syscall(SYS_pidfd_open, held->container->pid, 0);
    if (held->pidfd < 0)
        return; /* the runtime tells, some 30 ms later */
    held->end = event_new(held->owner->settings.base, held->pidfd, EV_READ, held_on_end, held);
    if (!held->end || event_add(held->end, NULL) < 0) {
        if (held->end)
            event_free(held->end);
        held->end = NULL;
        (void)close(held->pidfd);
    }
}

/* ---- where a container is in the tree of cgroups ---- */

/* The path up to the directory that has the container's id in its name; podman has its processes in one below. */
static bool cut_to_container(char *path)
{
    char id[CONTAINER_ID_SIZE];

    for (char *slash = path; *slash == '/';) {
        size_t length = strcspn(slash + 1, "/");
        char after = slash[1 + length];

        slash[1 + length] = '\0';
        if (container_cgroup_id(slash + 1, id))
            return true;
        slash[1 + length] = after;
        slash += 1 + length;
    }
    return false;
}

/* A new parent is watched from now on, for the containers that come after this one. */
static void watch_parent(struct containers *containers, const char *cgroup)
{
    char parent[SVC_CGROUP_SIZE];
    const char *slash = strrchr(cgroup, '/');

    if (!containers->gate || !slash || slash == cgroup)
        return;
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - cgroup), cgroup);
    (void)gate_watch(containers->gate, parent);
}

static void find_cgroup(struct containers *containers, struct container *container)
{
    char path[SVC_CGROUP_SIZE];

    if (container->cgroup || container->pid <= 0 || process_cgroup(container->pid, path, sizeof(path)) < 0 ||
        strcmp(path, "/") == 0)
        return;
    (void)cut_to_container(path);
    container->cgroup = strdup(path);
    if (container->cgroup)
        watch_parent(containers, container->cgroup);
}

/* ---- what runtimes tell ---- */

static void containers_on_put(struct container *container, void *user)
{
    struct containers *containers = user;
    struct held *held = containers_find(containers, container->id);

    if (!held) {
        held = HASH_COUNT(containers->all) < CONTAINERS_MAX ? calloc(1, sizeof(*held)) : NULL;
        if (!held) {
            log_warning("container %.12s is left alone: there are %d others", container->id, CONTAINERS_MAX);
            container_free(&container);
            return;
        }
        held->owner = containers;
        held->container = container;
        HASH_ADD_KEYPTR(hh, containers->all, container->id, strlen(container->id), held);
    } else {
        struct container *old = held->container;

        /* Another start: another process, another cgroup. */
        if (old->pid != container->pid || container->state == CONTAINER_ENDED) {
            held_forget_end(held);
            if (container->state == CONTAINER_ENDED || (old->pid && container->pid)) {
                held->is_attached = false;
                held->names = NAMES_UNKNOWN;
            }
        }
        if (!container->cgroup && old->cgroup &&
            (old->pid == container->pid || !old->pid || !container->pid) &&
            container->state != CONTAINER_ENDED) {
            container->cgroup = old->cgroup;
            old->cgroup = NULL;
        }
        if (!container->pid)
            container->pid = container->state == CONTAINER_ENDED ? 0 : old->pid;
        HASH_DEL(containers->all, held);
        held->container = container;
        HASH_ADD_KEYPTR(hh, containers->all, container->id, strlen(container->id), held);
        container_free(&old);
    }
    find_cgroup(containers, held->container);
    held_watch_end(held);
    containers_changed(containers);
}

static void containers_on_ending(const char *id, void *user)
{
    struct held *held = containers_find(user, id);

    if (!held || held->container->state == CONTAINER_ENDED)
        return;
    held->container->state = CONTAINER_ENDING;
    containers_changed(user);
}

static void containers_on_gone(const char *id, void *user)
{
    struct held *held = containers_find(user, id);

    if (!held)
        return;
    held_container_free(user, held);
    containers_changed(user);
}

static struct runtime *runtime_of(struct containers *containers, const struct docker *docker)
{
    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (containers->runtimes[i].docker == docker)
            return &containers->runtimes[i];
    return NULL;
}

static int compare_container_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void containers_on_listed(const struct docker *docker, char (*ids)[DOCKER_ID_MAX + 1], size_t n,
                                 void *user)
{
    struct containers *containers = user;
    struct held *held;
    struct held *next;

    qsort(ids, n, sizeof(*ids), compare_container_ids);
    HASH_ITER (hh, containers->all, held, next) {
        char key[DOCKER_ID_MAX + 1];

        (void)snprintf(key, sizeof(key), "%s", held->container->id);
        if (strcmp(held->container->runtime, docker_runtime(docker)) == 0 &&
            !bsearch(key, ids, n, sizeof(*ids), compare_container_ids))
            held_container_free(containers, held);
    }
    containers_changed(containers);
}

static void containers_on_settled(const struct docker *docker, void *user)
{
    struct containers *containers = user;
    struct runtime *runtime = runtime_of(containers, docker);

    if (!runtime)
        return;
    runtime->is_listed = true;
    containers->is_scan_due = true;
    containers_changed(containers);
}

static void containers_on_connection(const struct docker *docker, bool is_connected, const char *reason,
                                     void *user)
{
    struct containers *containers = user;
    struct runtime *runtime = runtime_of(containers, docker);

    if (!runtime)
        return;
    if (is_connected != runtime->is_connected)
        event_log_add(containers->settings.events, EVENT_CONTAINER, NULL, NULL, NULL, "%s at %s: %s%s",
                      runtime->name, runtime->socket, is_connected ? "connected" : "lost: ", reason);
    if (is_connected && !runtime->is_connected)
        log_info("%s at %s: connected", runtime->name, runtime->socket);
    runtime->is_connected = is_connected;
    (void)snprintf(runtime->reason, sizeof(runtime->reason), "%s", reason);
}

/* ---- the plan ---- */

static void held_take_plan(struct held *held, const struct workload *workload)
{
    if (*workload->note && strcmp(held->note, workload->note) != 0)
        log_warning("container %s: %s", held->container->name, workload->note);
    held->is_task = workload->is_task;
    held->n_instances = workload->n_instances;
    (void)snprintf(held->note, sizeof(held->note), "%s",
                   workload->is_task ? workload->note : workload->why_not);
    (void)snprintf(held->namespace_name, sizeof(held->namespace_name), "%s", workload->namespace_name);
    (void)snprintf(held->service, sizeof(held->service), "%s", workload->service);
}

static bool containers_has_name(const char *namespace_name, const char *dns_name, void *user)
{
    const struct containers *containers = user;

    return catalog_service(engine_catalog(containers->settings.engine), namespace_name, dns_name) != NULL;
}

static int make_plan(struct containers *containers, struct workload_plan *ret_plan)
{
    const struct workload_settings settings = {
        .default_namespace = "default", .has_name = containers_has_name, .user = containers};
    size_t n = HASH_COUNT(containers->all);
    _cleanup_free_ const struct container **list = malloc((n + 1) * sizeof(*list));
    struct held *held;
    size_t at = 0;
    int r;

    if (!list)
        return -ENOMEM;
    for (held = containers->all; held; held = held->hh.next)
        list[at++] = held->container;
    r = workload_plan_make(list, n, &settings, ret_plan);
    if (r < 0)
        return r;
    at = 0;
    for (held = containers->all; held; held = held->hh.next)
        held_take_plan(held, &ret_plan->items[at++]);
    return 0;
}

static void carry_out_plan(void *user)
{
    struct containers *containers = user;
    struct workload_plan plan;
    struct held *held;

    if (make_plan(containers, &plan) < 0) {
        log_warning("containers: no memory for a plan");
        return;
    }
    for (held = containers->all; held; held = held->hh.next)
        containers_attach(containers, held);
    containers_register(containers, &plan);
    workload_plan_free(&plan);
}

static void containers_on_plan_due(evutil_socket_t fd, short what, void *user)
{
    struct containers *containers = user;

    (void)fd;
    (void)what;
    engine_forget_waiter(containers->settings.engine, containers);
    if (engine_is_steady(containers->settings.engine))
        carry_out_plan(containers);
    else if (engine_when_steady(containers->settings.engine, carry_out_plan, containers) < 0)
        log_warning("containers: no memory for a plan");
}

/* ---- beginning and end ---- */

static void begin_gate(struct containers *containers)
{
    const struct gate_settings settings = {.cgroup_root = containers->settings.cgroup_root,
                                           .appeared = containers_on_appeared,
                                           .stands = containers_on_stands,
                                           .ended = containers_on_gate_end,
                                           .user = containers};
    int r = gate_new(containers->settings.base, &settings, &containers->gate);

    if (r < 0) {
        (void)snprintf(containers->why_no_gate, sizeof(containers->why_no_gate), "%s", strerror(-r));
        log_warning("containers are not held until their names are there: %s", strerror(-r));
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(usual_parents); i++)
        (void)gate_watch(containers->gate, usual_parents[i]);
}

static int begin_runtimes(struct containers *containers)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < containers->n_runtimes; i++) {
        struct runtime *runtime = &containers->runtimes[i];

        r = docker_new(&(struct docker_settings){.base = containers->settings.base,
                                                 .fetcher = containers->fetcher,
                                                 .runtime = runtime->name,
                                                 .socket = runtime->socket,
                                                 .put = containers_on_put,
                                                 .ending = containers_on_ending,
                                                 .gone = containers_on_gone,
                                                 .listed = containers_on_listed,
                                                 .settled = containers_on_settled,
                                                 .connection = containers_on_connection,
                                                 .user = containers},
                       &runtime->docker);
    }
    return r;
}

int containers_begin(const struct containers_settings *settings, struct containers **ret_containers,
                     struct error *error)
{
    struct containers *containers = calloc(1, sizeof(*containers));
    int r = containers ? 0 : -ENOMEM;

    if (r == 0) {
        containers->settings = *settings;
        r = containers_find_sockets(containers);
    }
    if (r == 0 && containers->n_runtimes == 0) {
        free(containers);
        *ret_containers = NULL;
        return 0;
    }
    if (r == 0) {
        containers->plan_event = event_new(settings->base, -1, 0, containers_on_plan_due, containers);
        r = containers->plan_event ? fetcher_new(settings->base, &containers->fetcher) : -ENOMEM;
    }
    if (r == 0) {
        begin_gate(containers);
        r = begin_runtimes(containers);
    }
    if (r < 0) {
        containers_end(&containers);
        return error_errno(error, r, "following container runtimes");
    }
    *ret_containers = containers;
    return 0;
}

void containers_end(struct containers **containers)
{
    struct containers *old = *containers;
    struct held *held;
    struct held *next;

    if (!old)
        return;
    containers_forget_registering(old);
    engine_forget_waiter(old->settings.engine, old);
    for (size_t i = 0; i < old->n_runtimes; i++) {
        docker_free(&old->runtimes[i].docker);
        free(old->runtimes[i].socket);
    }
    HASH_ITER (hh, old->all, held, next)
        held_container_free(old, held);
    gate_free(&old->gate);
    fetcher_free(&old->fetcher);
    if (old->plan_event)
        event_free(old->plan_event);
    free(old);
    *containers = NULL;
}
