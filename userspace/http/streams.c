/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose turn it is among the answers that are written slice by slice. */
#include "http/streams.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct http_stream {
    struct http_streams *streams;
    struct http_writer writer;
    http_slice_fn send;
    void *user;
    struct http_stream *next; /* in the queue */
    bool is_queued;
    struct event *nap; /* NULL: it has never taken one */
    bool is_napping;
    bool is_ready; /* meanwhile the reader took what there was */
};

struct http_streams {
    struct event *turn;
    struct evbuffer *slice;
    struct http_stream *first, *last; /* those that may write */
    unsigned n, limit;
};

static void streams_on_turn(evutil_socket_t fd, short what, void *user);

int http_streams_new(struct event_base *base, unsigned limit, struct http_streams **ret_streams)
{
    struct http_streams *streams = calloc(1, sizeof(*streams));

    if (!streams)
        return -ENOMEM;
    streams->limit = limit;
    streams->turn = evtimer_new(base, streams_on_turn, streams);
    streams->slice = evbuffer_new();
    if (!streams->turn || !streams->slice) {
        http_streams_free(&streams);
        return -ENOMEM;
    }
    /* Fails on a loop without priorities, where everything is of the same. */
    (void)event_priority_set(streams->turn, HTTP_LOOP_PRIORITY);
    *ret_streams = streams;
    return 0;
}

void http_streams_free(struct http_streams **streams)
{
    if (!*streams)
        return;
    if ((*streams)->turn)
        event_free((*streams)->turn);
    if ((*streams)->slice)
        evbuffer_free((*streams)->slice);
    free(*streams);
    *streams = NULL;
}

/* A timer and no activation: the loop looks at everything else before the next turn. */
static void plan_turn(struct http_streams *streams)
{
    static const struct timeval at_once = {0};

    if (streams->first && !evtimer_pending(streams->turn, NULL))
        (void)evtimer_add(streams->turn, &at_once);
}

static void leave_queue(struct http_stream *stream)
{
    struct http_streams *streams = stream->streams;
    struct http_stream *previous = NULL;

    if (!stream->is_queued)
        return;
    for (struct http_stream *one = streams->first; one != stream; one = one->next)
        previous = one;
    if (previous)
        previous->next = stream->next;
    else
        streams->first = stream->next;
    if (streams->last == stream)
        streams->last = previous;
    stream->next = NULL;
    stream->is_queued = false;
}

void http_stream_ready(struct http_stream *stream)
{
    struct http_streams *streams = stream->streams;

    stream->is_ready = stream->is_napping;
    if (stream->is_queued || stream->is_napping)
        return;
    stream->is_queued = true;
    if (streams->last)
        streams->last->next = stream;
    else
        streams->first = stream;
    streams->last = stream;
    plan_turn(streams);
}

static void streams_on_nap_over(evutil_socket_t fd, short what, void *user)
{
    struct http_stream *stream = user;

    (void)fd;
    (void)what;
    stream->is_napping = false;
    if (stream->is_ready)
        http_stream_ready(stream);
}

static int begin_nap(struct http_stream *stream, int ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (!stream->nap) {
        stream->nap = evtimer_new(event_get_base(stream->streams->turn), streams_on_nap_over, stream);
        if (!stream->nap)
            return -ENOMEM;
        (void)event_priority_set(stream->nap, HTTP_LOOP_PRIORITY);
    }
    if (evtimer_add(stream->nap, &time) < 0)
        return -ENOMEM;
    stream->is_napping = true;
    return ms;
}

static void streams_on_turn(evutil_socket_t fd, short what, void *user)
{
    struct http_streams *streams = user;
    struct http_stream *stream = streams->first;
    int r;

    (void)fd;
    (void)what;
    if (!stream)
        return;
    leave_queue(stream);
    r = stream->writer.write(stream->writer.user, streams->slice, HTTP_SLICE);
    if (r > 1)
        r = begin_nap(stream, r);
    if (r > 0 && evbuffer_get_length(streams->slice) == 0)
        http_stream_ready(stream); /* nobody has to take anything before its next turn */
    else
        stream->send(streams->slice, r, stream->user);
    (void)evbuffer_drain(streams->slice, evbuffer_get_length(streams->slice));
    plan_turn(streams);
}

int http_stream_new(struct http_streams *streams, const struct http_writer *writer, http_slice_fn send,
                    void *user, struct http_stream **ret_stream)
{
    struct http_stream *stream = streams->n < streams->limit ? calloc(1, sizeof(*stream)) : NULL;

    if (!stream) {
        if (writer->done)
            writer->done(writer->user);
        return streams->n < streams->limit ? -ENOMEM : -EBUSY;
    }
    *stream = (struct http_stream){.streams = streams, .writer = *writer, .send = send, .user = user};
    streams->n++;
    http_stream_ready(stream);
    *ret_stream = stream;
    return 0;
}

void http_stream_free(struct http_stream **stream)
{
    struct http_stream *one = *stream;

    if (!one)
        return;
    *stream = NULL;
    leave_queue(one);
    if (one->nap)
        event_free(one->nap);
    one->streams->n--;
    if (one->writer.done)
        one->writer.done(one->writer.user);
    free(one);
}
