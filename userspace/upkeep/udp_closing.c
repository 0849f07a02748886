/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/udp_closing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "cgroups/task_sockets.h"

#define MAX_WAITING 4096

struct udp_closed {
    struct udp_closed *next;
    char *namespace_name;
    struct ip_address address;
    uint16_t port;
};

static void begin_next(struct daemon *daemon);

static void free_closed(struct udp_closed *closed)
{
    free(closed->namespace_name);
    free(closed);
}

static void drop_first(struct udp_closing *self)
{
    struct udp_closed *first = self->waiting;

    self->waiting = first->next;
    self->n--;
    free_closed(first);
}

static void on_job(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct udp_closing *self = &daemon->udp_closing;
    struct task_sockets_result result = {0};
    struct error error = {0};
    int r;

    (void)fd;
    (void)what;
    event_free(self->job_event);
    self->job_event = NULL;
    r = task_sockets_end(&self->job, &result, &error);
    if (r < 0)
        log_warning("connected UDP sockets stay with an endpoint that has gone: %s", error.message);
    else if (result.open > 0)
        log_info("closed %llu of %llu UDP sockets that were connected to an endpoint that has gone",
                 (unsigned long long)result.destroyed, (unsigned long long)result.open);
    drop_first(self);
    begin_next(daemon);
}

static int begin(struct daemon *daemon, const struct udp_closed *closed)
{
    struct udp_closing *self = &daemon->udp_closing;
    struct task_sockets_request request = {
        .address = closed->address, .port = closed->port, .is_udp = true, .kill = true};
    _cleanup_free_ char **directories = calloc(HASH_COUNT(daemon->tasks.all) + 1, sizeof(*directories));
    const struct task *task;
    struct error error = {0};
    int r = directories ? 0 : -ENOMEM;

    for (task = r == 0 ? daemon->tasks.all : NULL; task; task = task->hh.next) {
        char path[PATH_MAX];

        if (strcmp(task->namespace_name, closed->namespace_name) != 0)
            continue;
        cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, path, sizeof(path));
        directories[request.n_cgroups] = strdup(path);
        if (directories[request.n_cgroups])
            request.n_cgroups++;
    }
    request.cgroups = (const char *const *)directories;
    if (r == 0 && request.n_cgroups == 0)
        return -ENOENT;
    if (r == 0)
        r = task_sockets_begin(&request, &self->job, &error);
    for (size_t i = 0; i < request.n_cgroups; i++)
        free(directories[i]);
    if (r < 0)
        return r;
    self->job_event = event_new(daemon->base, task_sockets_fd(self->job), EV_READ, on_job, daemon);
    if (!self->job_event || event_add(self->job_event, NULL) < 0) {
        task_sockets_cancel(&self->job);
        return -ENOMEM;
    }
    return 0;
}

static void begin_next(struct daemon *daemon)
{
    struct udp_closing *self = &daemon->udp_closing;

    while (self->waiting && !self->job)
        if (begin(daemon, self->waiting) < 0)
            drop_first(self);
}

void udp_closing_add(struct daemon *daemon, const char *namespace_name, uint32_t endpoint)
{
    struct udp_closing *self = &daemon->udp_closing;
    const struct peer *peer = daemon->outliers.by_number[endpoint];
    struct udp_closed *closed;
    struct udp_closed **end = &self->waiting;

    /* By itself at its address: nobody before it, and nobody after. */
    if (!peer || peer->key.protocol != UDP || peer->first != endpoint ||
        datapath_outlier(daemon->datapath, endpoint)->next || self->n >= MAX_WAITING)
        return;
    closed = calloc(1, sizeof(*closed));
    if (closed)
        closed->namespace_name = strdup(namespace_name);
    if (!closed || !closed->namespace_name) {
        free(closed);
        return;
    }
    memcpy(closed->address.bytes, peer->key.address, sizeof(closed->address.bytes));
    closed->port = ntohs(peer->key.port_be);
    while (*end)
        end = &(*end)->next;
    *end = closed;
    self->n++;
    begin_next(daemon);
}

void udp_closing_done(struct udp_closing *closing)
{
    if (closing->job_event)
        event_free(closing->job_event);
    task_sockets_cancel(&closing->job);
    while (closing->waiting)
        drop_first(closing);
    *closing = (struct udp_closing){0};
}

/* ---- following changes ---- */

static void follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    udp_closing_add(user, namespace_name, number);
}

const struct engine_follower udp_closing_follower = {
    .removed = follow_removed,
};
