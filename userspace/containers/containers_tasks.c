/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers' cgroups become tasks; whoever is held at the gate goes on when names are there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "containers/containers_internal.h"
#include "dns/dns.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "runtimes/container_cgroup.h"
#include "tasks/task_list.h"

void containers_release(struct containers *containers, uint64_t ticket)
{
    if (ticket && !containers_release_start(containers, ticket) && containers->gate)
        gate_release(containers->gate, ticket);
}

static void containers_let_go(struct containers *containers, struct held *held)
{
    held->is_standing = false;
    containers_release(containers, held->ticket);
}

static void on_names_there(const struct task *task, void *user)
{
    struct held *held = user;

    (void)task;
    held->waiting_for = 0;
    containers_let_go(held->owner, held);
}

/* Names are there when its processes have been looked at; without DNS for tasks there is nothing to wait for. */
static void wait_for_names(struct containers *containers, struct held *held, uint64_t cgroup_id)
{
    if (held->waiting_for)
        return;
    if (dns_is_looking(containers->settings.dns, cgroup_id) &&
        dns_call_when_looked(containers->settings.dns, cgroup_id, on_names_there, held) == 0)
        held->waiting_for = cgroup_id;
    else
        containers_let_go(containers, held);
}

static void containers_tell(struct containers *containers, const struct held *held, const char *what)
{
    event_log_add(containers->settings.events, EVENT_CONTAINER, held->namespace_name, held->service, NULL,
                  "container %s: %s", held->container->name, what);
}

void containers_attach(struct containers *containers, struct held *held)
{
    const struct container *container = held->container;
    struct task *task = NULL;
    struct error error = {0};
    bool is_alive = container->state == CONTAINER_RUNNING || container->state == CONTAINER_PAUSED ||
                    container->state == CONTAINER_ENDING || held->is_standing;

    if (!held->is_task || !container->cgroup || !is_alive || held->is_attached) {
        if (held->ticket && !held->waiting_for && (held->is_standing || !held->is_task))
            containers_let_go(containers, held);
        return;
    }
    if (!containers_may_attach(held)) {
        (void)snprintf(held->why_not_attached, sizeof(held->why_not_attached),
                       "cgroup %s and process %d are not a container's of the user whose runtime tells of it",
                       container->cgroup, (int)container->pid);
        containers_let_go(containers, held);
        return;
    }
    if (task_attach(containers->settings.tasks, container->cgroup, held->namespace_name, held->service, false,
                    container->pid, &task, &error) < 0) {
        if (strcmp(held->why_not_attached, error.message) != 0)
            log_warning("container %s: %s", container->name, error.message);
        (void)snprintf(held->why_not_attached, sizeof(held->why_not_attached), "%.*s",
                       (int)sizeof(held->why_not_attached) - 1, error.message);
        containers_let_go(containers, held);
        return;
    }
    held->is_attached = true;
    held->cgroup_id = task->cgroup.id;
    held->told_networks = ~held->task_networks; /* of an adopted one nobody knows */
    held->why_not_attached[0] = '\0';
    if (held->is_standing) {
        wait_for_names(containers, held, task->cgroup.id);
        return;
    }
    containers_tell(containers, held,
                    held->names == NAMES_UNKNOWN ? "attached while it ran"
                                                 : "a task of another namespace or service");
    if (held->names == NAMES_UNKNOWN)
        held->names = NAMES_LATE;
}

/* ---- the gate ---- */

/* What Docker tells of a creation is without networks: one that no label makes a task may share that of one that is. */
static bool may_share_network(const struct held *held)
{
    return !held->is_task && held->container->state == CONTAINER_CREATED && !held->container->started_at &&
           !held->container->shares_with && strcmp(held->container->runtime, "docker") == 0;
}

/* Docker tells of a container when it is created, before it has a cgroup; podman tells later than it starts one. */
void containers_on_appeared(uint64_t ticket, const char *cgroup, void *user)
{
    struct containers *containers = user;
    struct held *held = containers_find_cgroup(containers, cgroup);
    char id[CONTAINER_ID_SIZE];

    if (!held) {
        if (container_cgroup_id(strrchr(cgroup, '/') + 1, id))
            containers_ask_for(containers, ticket, cgroup, id);
        return; /* else its files come before it stands */
    }
    if (may_share_network(held) && container_cgroup_id(strrchr(cgroup, '/') + 1, id)) {
        containers_ask_for(containers, ticket, cgroup, id);
        return;
    }
    held->ticket = ticket;
    if (held->container->state == CONTAINER_ENDED)
        held->container->state = CONTAINER_CREATED; /* started once more */
    containers_changed(containers);                 /* whoever is no task is let go by the plan */
}

void containers_take_standing(struct containers *containers, struct held *held, uint64_t ticket,
                              const char *cgroup, pid_t pid)
{
    char *path = strdup(cgroup);

    if (!path) {
        containers_release(containers, ticket);
        return;
    }
    containers_forget_end(held); /* of the start before */
    containers_forget_stop(held);
    dns_forget_waiter(containers->settings.dns, held->waiting_for, held);
    held->waiting_for = 0;
    free(held->container->cgroup);
    held->container->cgroup = path;
    held->container->pid = pid;
    if (held->container->state == CONTAINER_ENDED)
        held->container->state = CONTAINER_CREATED; /* started once more */
    held->ticket = ticket;
    held->is_standing = true;
    held->is_attached = false;
    held->names = NAMES_UNKNOWN;
    containers_watch_end(held);
    containers_changed(containers);
}

void containers_on_stands(uint64_t ticket, const char *cgroup, pid_t pid, void *user)
{
    struct containers *containers = user;
    struct held *held;
    char id[CONTAINER_ID_SIZE];

    if (container_cgroup_id(strrchr(cgroup, '/') + 1, id) &&
        containers_stranger_stands(containers, ticket, id, pid))
        return; /* the answer is waited for */
    held = containers_find_cgroup(containers, cgroup);
    if (!held) {
        containers_catch_up(containers);
        held = containers_find_cgroup(containers, cgroup);
    }
    if (held)
        containers_take_standing(containers, held, ticket, cgroup, pid);
    else
        containers_release(containers, ticket); /* no runtime knows it: it is nobody's container */
}

void containers_on_gate_end(uint64_t ticket, const char *cgroup, enum gate_end end, uint64_t held_us,
                            void *user)
{
    struct containers *containers = user;
    struct held *held = containers_find_cgroup(containers, cgroup);
    char id[CONTAINER_ID_SIZE];
    char text[160];

    if (container_cgroup_id(strrchr(cgroup, '/') + 1, id))
        containers_forget_stranger(containers, ticket, id);
    if (!held && end == GATE_TIMEOUT) {
        event_log_add(containers->settings.events, EVENT_GATE_TIMEOUT, NULL, NULL, NULL,
                      "a container at %s was held for %llu ms, and no runtime told whose it is", cgroup,
                      (unsigned long long)(held_us / 1000));
        log_warning("a container at %s was let go before a runtime told whose it is", cgroup);
    }
    if (!held || held->ticket != ticket)
        return;
    held->ticket = 0;
    held->is_standing = false;
    if (!held->is_task)
        return;
    if (end == GATE_TIMEOUT) {
        held->names = NAMES_TIMEOUT;
        event_log_add(containers->settings.events, EVENT_GATE_TIMEOUT, held->namespace_name, held->service,
                      NULL, "container %s was held for %llu ms and let go before its names were there",
                      held->container->name, (unsigned long long)(held_us / 1000));
        log_warning("container %s was let go before its names were there", held->container->name);
    } else if (end == GATE_RELEASED && held->is_attached) {
        held->names = NAMES_GATED;
        held->held_us = held_us;
        (void)snprintf(text, sizeof(text), "attached before its first instruction, held for %llu us",
                       (unsigned long long)held_us);
        containers_tell(containers, held, text);
    } else if (end != GATE_RELEASED) {
        held->names = NAMES_LATE;
        (void)snprintf(text, sizeof(text), "not held: %s", gate_end_name(end));
        containers_tell(containers, held, text);
    }
}
