/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The ring buffers of the programs: failures, ejections and returns; and connections that have ended. */
#include <errno.h>
#include <string.h>
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

static int on_connection_record(void *context, void *data, size_t size)
{
    struct connection_reader *reader = context;
    struct svc_connection connection = {0}; /* a version before tells less */

    if (size >= SVC_CONNECTION_SIZE_BEFORE) {
        memcpy(&connection, data, size < sizeof(connection) ? size : sizeof(connection));
        reader->on_connection(&connection, reader->user);
    }
    return ++reader->n < reader->most ? 0 : -EAGAIN;
}

unsigned kernel_read_connections(struct datapath *datapath, unsigned most, connection_fn on_connection,
                                 void *user)
{
    struct kernel *kernel = datapath->kernel;

    kernel->reader = (struct connection_reader){.on_connection = on_connection, .user = user, .most = most};
    if (!kernel->connections)
        kernel->connections =
            ring_buffer__new(kernel->fd[MAP_CONNECTIONS], on_connection_record, &kernel->reader, NULL);
    if (kernel->connections && most)
        (void)ring_buffer__consume(kernel->connections);
    return kernel->reader.n;
}

void kernel_events_deinit(struct datapath *datapath)
{
    ring_buffer__free(datapath->kernel->events);
    datapath->kernel->events = NULL;
    free(datapath->kernel->listener);
    datapath->kernel->listener = NULL;
}
