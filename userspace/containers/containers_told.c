/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is known of each container: what its runtime told, where its first process is, and when that ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cgroups/process_address.h"
#include "cgroups/process_cgroup.h"
#include "containers/containers_internal.h"
#include "dns/dns.h"
#include "runtimes/container_cgroup.h"

#define ENDING_HOLDS_MS 600000u

struct held *containers_find(const struct containers *containers, const char *id)
{
    struct held *held;

    HASH_FIND_STR(containers->all, id, held);
    return held;
}

/* By the id in its name, as most runtimes call them; else by where a runtime has said that it is. */
struct held *containers_find_cgroup(const struct containers *containers, const char *cgroup)
{
    char id[CONTAINER_ID_SIZE];
    struct held *held =
        container_cgroup_id(strrchr(cgroup, '/') + 1, id) ? containers_find(containers, id) : NULL;

    if (held)
        return containers_may_be_of(held->from, cgroup) ? held : NULL;
    for (held = containers->all; held; held = held->hh.next)
        if (held->container->cgroup && strcmp(held->container->cgroup, cgroup) == 0)
            return containers_may_be_of(held->from, cgroup) ? held : NULL;
    return NULL;
}

void containers_forget_end(struct held *held)
{
    if (!held->end)
        return;
    event_free(held->end);
    held->end = NULL;
    (void)close(held->pidfd);
}

/* Nothing need be kept for its sake any more. */
static void containers_read(struct containers *containers, struct held *held)
{
    containers->is_scan_due = containers->is_scan_due || held->is_unread;
    held->is_unread = false;
}

void containers_free_held(struct containers *containers, struct held *held)
{
    containers_read(containers, held);
    HASH_DEL(containers->all, held);
    HASH_DELETE(hh_short, containers->by_short_id, held);
    containers_forget_end(held);
    containers_forget_stop(held);
    dns_forget_waiter(containers->settings.dns, held->waiting_for, held);
    containers_release(containers, held->ticket);
    container_free(&held->container);
    free(held);
}

/* ---- the first process's end, which the kernel tells before any runtime does ---- */

static void held_on_end(evutil_socket_t fd, short what, void *user)
{
    struct held *held = user;

    (void)fd;
    (void)what;
    containers_forget_end(held);
    if (strcmp(held->container->runtime, RUNTIME_UNKNOWN) == 0) {
        containers_on_gone(held->container->id, held->owner); /* nobody else will tell */
        return;
    }
    held->container->state = CONTAINER_ENDED;
    containers_changed(held->owner);
}

void containers_watch_end(struct held *held)
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

/* podman has its processes in one below. */
bool containers_cut_cgroup(char *path)
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
    (void)containers_cut_cgroup(path);
    container->cgroup = strdup(path);
    if (container->cgroup)
        watch_parent(containers, container->cgroup);
}

/* On no network of the runtime's: somebody else may have made one for it. */
static void find_own_address(struct container *container)
{
    if (container->pid > 0 && (container->network_mode == CONTAINER_NO_NETWORK ||
                               container->network_mode == CONTAINER_SHARED_NETWORK))
        container->has_own_address = process_address(container->pid, &container->own_address) == 0;
}

/* ---- what runtimes tell ---- */

int containers_add(struct containers *containers, struct container *container, struct held **ret_held)
{
    struct held *held = HASH_COUNT(containers->all) < CONTAINERS_MAX ? calloc(1, sizeof(*held)) : NULL;

    if (!held) {
        log_warning("container %.12s is left alone: there are %u others", container->id,
                    HASH_COUNT(containers->all));
        container_free(&container);
        return -ENOSPC;
    }
    held->owner = containers;
    held->container = container;
    held->list = containers->n_lists;
    HASH_ADD_KEYPTR(hh, containers->all, container->id, strlen(container->id), held);
    (void)snprintf(held->short_id, sizeof(held->short_id), "%.*s", CREATOR_ID_MAX, container->id);
    HASH_ADD_KEYPTR(hh_short, containers->by_short_id, held->short_id, strlen(held->short_id), held);
    *ret_held = held;
    return 0;
}

/* A runtime that is connected again tells events of the last second once more. */
static bool is_old_news(const struct container *old, const struct container *new)
{
    return new->state == CONTAINER_CREATED && !new->started_at && old->started_at;
}

static void keep_cgroup(struct container *old, struct container *new)
{
    free(new->cgroup);
    new->cgroup = TAKE_PTR(old->cgroup);
}

/* Runtimes say "running" of what they have told to end, and a program may not take the signal for that. */
static bool is_ending_yet(const struct held *held, const struct container *new)
{
    return held->container->state == CONTAINER_ENDING &&
           new->state == CONTAINER_RUNNING &&clock_monotonic_ms() - held->told_to_end_ms < ENDING_HOLDS_MS;
}

/*
 * What is known of the same start is kept. Another start is another process and another cgroup, whose first
 * program the gate may hold. The kernel has told of that one: an answer that names another process, or none, is
 * older. One that names the same is not: a runtime may say "running" while the program is held.
 */
static void held_merge(struct held *held, struct container *new)
{
    struct container *old = held->container;

    if (held->ticket && !held->is_standing && new->state == CONTAINER_ENDED) {
        new->state = CONTAINER_CREATED; /* it is on its way once more, which the runtime tells later */
        new->pid = 0;
        return;
    }
    if (held->is_standing && (new->state == CONTAINER_ENDED || new->pid != old->pid)) {
        new->pid = old->pid;
        new->state = old->state;
        keep_cgroup(old, new);
        return;
    }
    if (new->state == CONTAINER_ENDED) {
        containers_forget_end(held);
        new->pid = 0;
        held->is_attached = false;
        held->names = NAMES_UNKNOWN;
        return;
    }
    if (old->pid && new->pid && old->pid != new->pid) {
        containers_forget_end(held);
        containers_forget_stop(held);
        held->is_attached = false;
        held->names = NAMES_UNKNOWN;
        return;
    }
    if (is_ending_yet(held, new))
        new->state = CONTAINER_ENDING;
    if (!new->pid)
        new->pid = old->pid;
    if (!new->cgroup)
        keep_cgroup(old, new);
}

void containers_on_put(struct container *container, void *user)
{
    struct containers *containers = user;
    struct held *held = containers_find(containers, container->id);

    if (!held) {
        if (containers_add(containers, container, &held) < 0)
            return;
    } else if (is_old_news(held->container, container)) {
        container_free(&container);
        return;
    } else {
        held_merge(held, container);
        HASH_DEL(containers->all, held);
        container_free(&held->container);
        held->container = container;
        HASH_ADD_KEYPTR(hh, containers->all, container->id, strlen(container->id), held);
    }
    containers_read(containers, held);
    containers_meet(containers, held);
    find_cgroup(containers, held->container);
    find_own_address(held->container);
    containers_watch_end(held);
    containers_changed(containers);
}

void containers_on_gone(const char *id, void *user)
{
    struct held *held = containers_find(user, id);

    if (!held)
        return;
    containers_free_held(user, held);
    containers_changed(user);
}
