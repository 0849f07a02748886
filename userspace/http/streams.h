/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers that are written slice by slice, for those too long to be made or kept at once. A server has one
 * set of streams. They take turns, one slice in a turn of the event loop and behind everything else that is
 * due, and a stream gets a turn only after its reader has taken the slice before.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <stddef.h>

#define HTTP_SLICE (64u << 10) /* the room of a turn, and what a reader who does not read holds */

/* Priorities of the event loop: streams, and connections of the server on TCP, are last. */
#define HTTP_LOOP_PRIORITIES 3
#define HTTP_LOOP_PRIORITY   2

struct http_writer {
    /*
     * Adds what comes next to `out`. It returns after about `room` bytes (an item may go beyond them) or
     * about a millisecond, whatever comes first, also if it has added nothing yet. 1: there is more; a larger
     * number: there is more, and so many milliseconds pass before it is asked for; 0: that was the end; a
     * negative errno: the answer cannot be completed, and the client finds it cut off.
     */
    int (*write)(void *user, struct evbuffer *out, size_t room);
    void (*done)(void *user); /* exactly once, however the stream ends; may be NULL */
    void *user;
};

struct http_streams;
struct http_stream;

/*
 * Sends a slice; `r` is what write() returned: with 0 and below this is the last call. A slice that is empty
 * comes only with those. The stream may be freed from within.
 */
typedef void (*http_slice_fn)(struct evbuffer *slice, int r, void *user);

int http_streams_new(struct event_base *base, unsigned limit, struct http_streams **ret_streams);
/* NULL-safe; sets to NULL. All streams must have been freed. */
void http_streams_free(struct http_streams **streams);

/*
 * A stream that is due for its first slice. The writer is taken over, also by a failure, which calls its
 * done(): -EBUSY beyond the limit of streams at once, -ENOMEM.
 */
int http_stream_new(struct http_streams *streams, const struct http_writer *writer, http_slice_fn send,
                    void *user, struct http_stream **ret_stream);
void http_stream_ready(struct http_stream *stream); /* the reader has taken the slice */
void http_stream_free(struct http_stream **stream); /* calls done(); NULL-safe; sets to NULL */
