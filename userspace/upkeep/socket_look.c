/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One job of task_sockets, from the tasks' directories to its end on the loop. */
#include "upkeep/socket_look.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

struct socket_look {
    struct task_sockets *job;
    struct event *event;
    socket_look_done_fn done;
    void *user;
};

void socket_look_cancel(struct socket_look **look)
{
    struct socket_look *self = *look;

    if (!self)
        return;
    if (self->event)
        event_free(self->event);
    task_sockets_cancel(&self->job);
    free(self);
    *look = NULL;
}

static void on_job(evutil_socket_t fd, short what, void *user)
{
    struct socket_look *self = user;
    const struct socket_look ended = *self;
    struct task_sockets_result found = {0};
    struct error error = {0};
    int r = task_sockets_end(&self->job, &found, &error);

    (void)fd;
    (void)what;
    socket_look_cancel(&self);
    ended.done(r, &found, &error, ended.user);
}

static int socket_look_listen_to(struct socket_look *look, struct event_base *base)
{
    look->event = event_new(base, task_sockets_fd(look->job), EV_READ, on_job, look);
    return look->event && event_add(look->event, NULL) == 0 ? 0 : -ENOMEM;
}

int socket_look_begin(const struct socket_looks *looks, const char *namespace_name,
                      const struct task_sockets_request *wanted, socket_look_done_fn done, void *user,
                      struct socket_look **ret_look, struct error *error)
{
    struct task_sockets_request request = *wanted;
    struct socket_look *look = NULL;
    char **directories = NULL;
    int r = looks->directories(looks->user, namespace_name, &directories, &request.n_cgroups);

    if (r < 0)
        return r;
    request.cgroups = (const char *const *)directories;
    if (request.n_cgroups == 0)
        r = -ENOENT;
    else if (!(look = calloc(1, sizeof(*look))))
        r = -ENOMEM;
    if (r == 0) {
        *look = (struct socket_look){.done = done, .user = user};
        r = task_sockets_begin(&request, &look->job, error);
    }
    if (r == 0)
        r = socket_look_listen_to(look, looks->base);
    for (size_t i = 0; i < request.n_cgroups; i++)
        free(directories[i]);
    free(directories);
    if (r < 0)
        socket_look_cancel(&look);
    else
        *ret_look = look;
    return r;
}
