/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Slices that wait for a steady catalog. */
#include "api/read/steady_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "api/api.h"
#include "engine/change/job.h"

struct steady_writer {
    struct api *api;
    struct http_writer inner;
    struct evbuffer *ahead; /* a slice that was written while nobody had come for it */
    bool is_ahead, is_waiting;
    int result; /* of that slice */
};

static void write_ahead(void *user)
{
    struct steady_writer *self = user;
    size_t room = HTTP_SLICE / self->api->n_waiting_readers;

    self->is_waiting = false;
    self->result = self->inner.write(self->inner.user, self->ahead, room);
    self->is_ahead = true;
}

static int take_ahead(struct steady_writer *self, struct evbuffer *out)
{
    self->is_ahead = false;
    self->api->n_waiting_readers--;
    return evbuffer_add_buffer(out, self->ahead) < 0 ? -ENOMEM : self->result;
}

static int steady_write(void *user, struct evbuffer *out, size_t room)
{
    struct steady_writer *self = user;

    if (self->is_ahead)
        return take_ahead(self, out);
    if (self->is_waiting)
        return 1;
    if (engine_is_steady(self->api->engine))
        return self->inner.write(self->inner.user, out, room);
    /* Where it cannot be had, the next turn asks again. */
    self->is_waiting = engine_when_steady(self->api->engine, write_ahead, self) == 0;
    self->api->n_waiting_readers += self->is_waiting;
    return 1;
}

static void steady_done(void *user)
{
    struct steady_writer *self = user;

    if (self->is_waiting)
        engine_forget_waiter(self->api->engine, self);
    if (self->is_waiting || self->is_ahead)
        self->api->n_waiting_readers--;
    if (self->inner.done)
        self->inner.done(self->inner.user);
    if (self->ahead)
        evbuffer_free(self->ahead);
    free(self);
}

int steady_writer_new(struct api *api, const struct http_writer *writer, struct http_writer *ret_writer)
{
    struct steady_writer *self = calloc(1, sizeof(*self));

    if (!self) {
        if (writer->done)
            writer->done(writer->user);
        return -ENOMEM;
    }
    *self = (struct steady_writer){.api = api, .inner = *writer, .ahead = evbuffer_new()};
    if (!self->ahead) {
        steady_done(self);
        return -ENOMEM;
    }
    *ret_writer = (struct http_writer){.write = steady_write, .done = steady_done, .user = self};
    return 0;
}
