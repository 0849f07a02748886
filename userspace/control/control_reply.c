/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How an answer gets to the client: at once, later by a reply that somebody holds, or slice by slice.
 * libevent does not read from a connection whose request is not answered, which keeps the order of its
 * requests, but also hides that the client has left; so a reply that is out looks after that by itself.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "control/control_internal.h"

/* Most answers come within a few milliseconds, and are not worth the system calls of a watch. */
#define WATCH_AFTER_MS 100

/* ---- a request on its way ---- */

struct control_reply *control_reply_new(struct control_server *server, struct evhttp_request *http)
{
    struct control_reply *reply = calloc(1, sizeof(*reply));

    if (!reply)
        return NULL;
    reply->server = server;
    reply->http = http;
    reply->call.query = &reply->query;
    return reply;
}

static void free_watch(struct control_reply *reply)
{
    int fd = reply->watch ? event_get_fd(reply->watch) : -1;

    if (reply->watch)
        event_free(reply->watch);
    reply->watch = NULL;
    if (fd >= 0)
        (void)close(fd);
}

/* Nobody waits for it any more. Returns the request, for a last answer; NULL if that is gone already. */
static struct evhttp_request *control_reply_part(struct control_reply *reply)
{
    struct evhttp_request *http = TAKE_PTR(reply->http);

    if (http && evhttp_request_get_connection(http))
        evhttp_connection_set_closecb(evhttp_request_get_connection(http), NULL, NULL);
    if (reply->timer)
        event_free(reply->timer);
    reply->timer = NULL;
    free_watch(reply);
    reply->is_watched = false; /* whoever lets it wait again begins anew */
    http_stream_free(&reply->stream);
    return http;
}

static void leave_server(struct control_reply *reply)
{
    struct control_server *server = reply->server;

    if (!reply->is_out || !server)
        return;
    reply->is_out = false;
    if (reply->previous)
        reply->previous->next = reply->next;
    else
        server->replies = reply->next;
    if (reply->next)
        reply->next->previous = reply->previous;
    reply->next = reply->previous = NULL;
    server->n_replies--;
}

void control_reply_free(struct control_reply *reply)
{
    (void)control_reply_part(reply);
    leave_server(reply);
    evhttp_clear_headers(&reply->query);
    control_free_body(reply);
    free(reply);
}

bool control_reply_take_back(struct control_reply *reply)
{
    struct evhttp_request *http = control_reply_part(reply);

    if (!http) {
        control_reply_free(reply);
        return false;
    }
    leave_server(reply);
    reply->http = http;
    return true;
}

/* The connection goes down, and the request with it, unless libevent has left that to us. */
static void on_close(struct evhttp_connection *connection, void *user)
{
    struct control_reply *reply = user;
    bool is_stream = reply->stream != NULL;
    struct evhttp_request *http;

    evhttp_connection_set_closecb(connection, NULL, NULL);
    http = control_reply_part(reply);
    if (!evhttp_request_get_connection(http))
        evhttp_request_free(http);
    if (is_stream)
        control_reply_free(reply); /* nobody else has it */
}

/* ---- later ---- */

/* Something has changed about the client's socket. One that has only finished sending still waits. */
static void control_reply_on_watch(evutil_socket_t fd, short what, void *user)
{
    struct control_reply *reply = user;
    struct pollfd state = {.fd = fd}; /* asks for nothing: POLLHUP and POLLERR come by themselves */

    (void)what;
    if (poll(&state, 1, 0) == 1)
        evhttp_connection_free(evhttp_request_get_connection(reply->http));
}

/*
 * By a descriptor of our own, edge-triggered: the connection's is libevent's, and level-triggered it would
 * keep the loop awake for requests that wait behind this one. Without a descriptor nobody looks, and the time
 * limit ends it.
 */
static void watch_client(struct control_reply *reply)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(reply->http);
    int fd = fcntl(bufferevent_getfd(evhttp_connection_get_bufferevent(connection)), F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return;
    reply->watch = event_new(reply->server->base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST,
                             control_reply_on_watch, reply);
    if (!reply->watch)
        (void)close(fd);
    else if (event_add(reply->watch, NULL) < 0)
        free_watch(reply);
}

static int wait_ms(const struct control_reply *reply, unsigned ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    return evtimer_add(reply->timer, &time);
}

static void control_reply_on_answer_time(evutil_socket_t fd, short what, void *user)
{
    struct control_reply *reply = user;
    const unsigned answer_ms = reply->server->limits.answer_ms;
    struct error error = {0};
    int r;

    (void)fd;
    (void)what;
    if (!reply->is_watched && answer_ms > WATCH_AFTER_MS) {
        reply->is_watched = true;
        watch_client(reply);
        if (wait_ms(reply, answer_ms - WATCH_AFTER_MS) >= 0)
            return;
    }
    r = error_set(&error, ETIMEDOUT, "the answer took longer than %g s; the change may still be made",
                  answer_ms / 1000.0);
    control_send_result(control_reply_part(reply), r, NULL, &error);
}

static int too_many(struct error *error)
{
    return error_set(error, EAGAIN, "too many requests wait for their answers; try again in a moment");
}

int control_call_defer(const struct control_call *call, struct control_reply **ret_reply, struct error *error)
{
    struct control_reply *reply = *call->reply;
    struct control_server *server = reply->server;
    struct evbuffer *text = evhttp_request_get_input_buffer(reply->http);
    const unsigned answer_ms = server->limits.answer_ms;
    const unsigned first_ms = answer_ms < WATCH_AFTER_MS ? answer_ms : WATCH_AFTER_MS;

    if (server->n_replies >= server->limits.replies)
        return too_many(error);
    reply->timer = evtimer_new(server->base, control_reply_on_answer_time, reply);
    if (!reply->timer || wait_ms(reply, first_ms) < 0)
        return error_set(error, ENOMEM, "out of memory");
    evhttp_connection_set_closecb(evhttp_request_get_connection(reply->http), on_close, reply);
    (void)evbuffer_drain(text, evbuffer_get_length(text)); /* parsed, and possibly large */
    reply->next = server->replies;
    if (server->replies)
        server->replies->previous = reply;
    server->replies = reply;
    server->n_replies++;
    reply->is_out = true;
    *call->reply = NULL;
    *ret_reply = reply;
    return CONTROL_LATER;
}

const struct control_call *control_reply_call(const struct control_reply *reply)
{
    return &reply->call;
}

bool control_reply_is_gone(const struct control_reply *reply)
{
    return !reply->http;
}

void control_reply_send(struct control_reply *reply, int r, cJSON *answer, struct error *error)
{
    struct evhttp_request *http = control_reply_part(reply);

    if (http)
        control_send_result(http, r, answer, error);
    cJSON_Delete(answer);
    control_reply_free(reply);
}

void control_reply_send_text(struct control_reply *reply, struct evbuffer *json)
{
    struct evhttp_request *http = control_reply_part(reply);

    if (http) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Type", CONTROL_JSON);
        evhttp_send_reply(http, HTTP_OK, "OK", json);
    }
    control_reply_free(reply);
}

/* ---- slice by slice ---- */

/*
 * libevent reads while it writes, to see that a client has left, and cuts off one that sends nothing for the
 * time limit; it also keeps all that one sends. A client that has left is found out by writing.
 */
static void do_not_read(struct evhttp_request *http)
{
    (void)bufferevent_disable(evhttp_connection_get_bufferevent(evhttp_request_get_connection(http)),
                              EV_READ);
}

static void on_taken(struct evhttp_connection *connection, void *user)
{
    const struct control_reply *reply = user;

    (void)connection;
    http_stream_ready(reply->stream);
}

static void control_reply_on_slice(struct evbuffer *slice, int r, void *user)
{
    struct control_reply *reply = user;
    struct evhttp_request *http = reply->http;

    if (r < 0) {
        evhttp_connection_free(evhttp_request_get_connection(http)); /* the reply with it: on_close() */
        return;
    }
    evhttp_send_reply_chunk_with_cb(http, slice, on_taken, reply);
    do_not_read(http);
    if (r > 0)
        return;
    (void)control_reply_part(reply);
    control_reply_free(reply);
    evhttp_send_reply_end(http);
}

static int control_reply_begin_stream(struct control_reply *reply, const char *type,
                                      const struct http_writer *writer, struct error *error)
{
    struct evhttp_request *http = reply->http;
    int r = http_stream_new(reply->server->streams, writer, control_reply_on_slice, reply, &reply->stream);

    if (r < 0)
        return r == -EBUSY ? too_many(error) : error_set(error, ENOMEM, "out of memory");
    evhttp_connection_set_closecb(evhttp_request_get_connection(http), on_close, reply);
    (void)evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Type", type);
    if (http->major == 1 && http->minor == 0) /* no chunks: the connection's end is the body's */
        (void)evhttp_add_header(evhttp_request_get_output_headers(http), "Connection", "close");
    evhttp_send_reply_start(http, HTTP_OK, "OK");
    do_not_read(http);
    return CONTROL_LATER;
}

int control_call_stream(const struct control_call *call, const char *type, const struct http_writer *writer,
                        struct error *error)
{
    int r = control_reply_begin_stream(*call->reply, type, writer, error);

    if (r >= 0)
        *call->reply = NULL;
    return r;
}

void control_reply_stream(struct control_reply *reply, const char *type, const struct http_writer *writer)
{
    struct control_server *server = reply->server;
    struct evhttp_request *http = control_reply_part(reply);
    struct control_reply *stream = http ? control_reply_new(server, http) : NULL;
    struct error error = {0};

    control_reply_free(reply);
    if (!stream) {
        if (writer->done)
            writer->done(writer->user);
        if (http)
            control_send_result(http, -ENOMEM, NULL, &error);
        return;
    }
    if (control_reply_begin_stream(stream, type, writer, &error) < 0) {
        http = control_reply_part(stream);
        control_reply_free(stream);
        control_send_result(http, -EAGAIN, NULL, &error);
    }
}
