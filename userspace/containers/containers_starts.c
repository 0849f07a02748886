/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Runtimes that ask before they let a container begin (svcconnect-oci-runtime). Such a start goes the gate's way: it appears,
 * stands and is let go, only that its ticket is one of ours and that whoever asked is answered in the place of the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cgroups/process_cgroup.h"
#include "containers/containers_internal.h"
#include "runtimes/container_cgroup.h"

#define START_TICKETS (1ull << 63) /* the gate's own never come so far */
#define ANSWER_MS     450          /* who asks waits for 500 ms */

struct start {
    struct containers *owner;
    uint64_t ticket;
    uint64_t since_ns;
    bool is_released;
    struct event *event; /* when it is released, or too late */
    char cgroup[SVC_CGROUP_SIZE];
    void (*done)(const char *container, bool is_task, bool is_attached, void *user);
    void *user;
    UT_hash_handle hh; /* by ticket */
};

static void start_free(struct start *start)
{
    HASH_DEL(start->owner->starts, start);
    event_free(start->event);
    free(start);
}

static void on_start_due(evutil_socket_t fd, short what, void *user)
{
    struct start *start = user;
    struct containers *containers = start->owner;
    const struct held *held = containers_find_cgroup(containers, start->cgroup);
    void (*done)(const char *container, bool is_task, bool is_attached, void *user) = start->done;
    uint64_t held_us = (clock_monotonic_ns() - start->since_ns) / 1000;

    (void)fd;
    (void)what;
    user = start->user;
    containers_on_gate_end(start->ticket, start->cgroup, start->is_released ? GATE_RELEASED : GATE_TIMEOUT,
                           held_us, containers);
    start_free(start);
    done(held ? held->container->name : "", held && held->is_task, held && held->is_attached, user);
}

bool containers_release_start(struct containers *containers, uint64_t ticket)
{
    struct start *start;

    if (!(ticket & START_TICKETS))
        return false;
    HASH_FIND(hh, containers->starts, &ticket, sizeof(ticket), start);
    if (start && !start->is_released) {
        start->is_released = true;
        event_active(start->event, 0, 0);
    }
    return true;
}

void containers_forget_starts(struct containers *containers)
{
    struct start *start;
    struct start *next;

    HASH_ITER (hh, containers->starts, start, next) {
        void (*done)(const char *container, bool is_task, bool is_attached, void *user) = start->done;
        void *user = start->user;

        start_free(start);
        done("", false, false, user);
    }
}

/*
 * Of a runtime that nobody follows: it is a task by its own labels, for as long as its first process lives. It is registered
 * nowhere, because nobody would tell whether it is still there.
 */
static void take_unknown(struct containers *containers, struct container *container, const char *cgroup)
{
    container->cgroup = strdup(cgroup);
    container->network_mode = CONTAINER_NO_NETWORK;
    container->state = CONTAINER_RUNNING;
    if (container->cgroup)
        containers_on_put(container, containers);
    else
        container_free(&container);
}

static void note_wrapper(struct containers *containers, const char *cgroup)
{
    const struct held *held = containers_find_cgroup(containers, cgroup);

    for (size_t i = 0; held && i < containers->n_runtimes; i++)
        if (held->from == &containers->runtimes[i])
            containers->runtimes[i].asks = true;
}

int containers_start(struct containers *containers, struct container *container,
                     void (*done)(const char *container, bool is_task, bool is_attached, void *user),
                     void *user, struct error *error)
{
    const struct timeval limit = {.tv_usec = ANSWER_MS * 1000};
    _cleanup_container_ struct container *taken = container;
    struct start *start;
    char id[CONTAINER_ID_SIZE];
    pid_t pid = container->pid;
    int r;

    if (!containers)
        return error_set(error, ENOENT, "no container runtime is followed: svcconnectd --container-runtime");
    start = calloc(1, sizeof(*start));
    if (!start)
        return error_errno(error, -ENOMEM, "a start");
    r = process_cgroup(pid, start->cgroup, sizeof(start->cgroup));
    if (r == 0 && strcmp(start->cgroup, "/") == 0)
        r = -ENOENT;
    if (r < 0) {
        free(start);
        return error_set(error, ENOENT, "pid: there is no process %d in a cgroup below the root", (int)pid);
    }
    (void)containers_cut_cgroup(start->cgroup);
    start->event = event_new(containers->settings.base, -1, 0, on_start_due, start);
    if (!start->event || event_add(start->event, &limit) < 0) {
        if (start->event)
            event_free(start->event);
        free(start);
        return error_errno(error, -ENOMEM, "a start");
    }
    start->owner = containers;
    start->ticket = START_TICKETS | ++containers->last_start;
    start->since_ns = clock_monotonic_ns();
    start->done = done;
    start->user = user;
    HASH_ADD(hh, containers->starts, ticket, sizeof(start->ticket), start);
    containers_catch_up(containers);
    if (!containers_find_cgroup(containers, start->cgroup) && container->n_labels > 0 &&
        !container_cgroup_id(strrchr(start->cgroup, '/') + 1, id))
        take_unknown(containers, TAKE_PTR(taken), start->cgroup);
    containers_on_appeared(start->ticket, start->cgroup, containers);
    note_wrapper(containers, start->cgroup);
    containers_on_stands(start->ticket, start->cgroup, pid, containers);
    return 0;
}
