/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The ring buffer that programs tell failures, ejections and returns through. */
#include <errno.h>
#include <stdlib.h>

#include "datapath/kernel.h"

/* One wake-up handles at most this many, so that a storm of failures does not keep the loop from its
 * requests. */
#define EVENTS_AT_ONCE 1024

struct listener {
    void (*on_event)(const struct svc_event *event, void *user);
    void *user;
    unsigned left;
};

static int on_record(void *context, void *data, size_t size)
{
    struct listener *listener = context;

    if (size >= sizeof(struct svc_event))
        listener->on_event(data, listener->user);
    return listener->left-- > 1 ? 0 : -EAGAIN;
}

int kernel_listen(struct datapath *datapath, void (*on_event)(const struct svc_event *event, void *user),
                  void *user)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    if (!listener)
        return -ENOMEM;
    *listener = (struct listener){.on_event = on_event, .user = user};
    datapath->kernel->events = ring_buffer__new(datapath->kernel->fd[MAP_EVENTS], on_record, listener, NULL);
    if (!datapath->kernel->events) {
        free(listener);
        return -errno;
    }
    datapath->kernel->listener = listener;
    return 0;
}

int kernel_events_fd(const struct datapath *datapath)
{
    return ring_buffer__epoll_fd(datapath->kernel->events);
}

/* What is left after EVENTS_AT_ONCE keeps the descriptor readable. */
void kernel_read_events(struct datapath *datapath)
{
    datapath->kernel->listener->left = EVENTS_AT_ONCE;
    (void)ring_buffer__consume(datapath->kernel->events);
}

void kernel_events_deinit(struct datapath *datapath)
{
    ring_buffer__free(datapath->kernel->events);
    datapath->kernel->events = NULL;
    free(datapath->kernel->listener);
    datapath->kernel->listener = NULL;
}
