/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The control API's server side: HTTP on a unix socket (libevent), limits, tables of requests, JSON in and
 * out. Handlers run on the event loop, one at a time. They answer before they return, or take a reply and
 * answer at any later turn of the loop, or hand over a writer that makes the answer slice by slice. Of a
 * connection no request is looked at before the one ahead of it has been answered.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>

#include "base/error.h"
#include "http/streams.h"
#include "model/actor.h"

#define CONTROL_MAX_BODY    (1u << 20)
#define CONTROL_HARD_BODY   (18u << 20) /* beyond it libevent answers by itself, not in JSON */
#define CONTROL_MAX_HEADERS (16u << 10)
#define CONTROL_TIMEOUT_S   10 /* for a client that sends or reads too slowly */
#define CONTROL_ANSWER_S    55 /* for an answer that comes later; the CLI waits for 60 */
#define CONTROL_MAX_REPLIES 256
#define CONTROL_MAX_STREAMS 32

#define CONTROL_JSON "application/json"
#define CONTROL_TEXT "text/plain; version=0.0.4" /* as Prometheus has it */

#define CONTROL_LATER 1 /* of a handler: the answer comes by a reply or a stream */

/*
 * One request. The body is the parsed JSON object (an empty one if there was none); `query` its URL query.
 * The handler returns 0 with *ret_answer (taken over by the server), CONTROL_LATER, or a negative errno with
 * the error filled, whose code (base/error_code.h) becomes the status.
 */
struct control_call {
    const cJSON *body;
    const struct evkeyvalq *query;
    struct control_reply **reply; /* private to control/ */
};

struct control_route {
    enum evhttp_cmd_type method;
    const char *path;
    int (*handle)(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
    size_t max_body; /* 0: CONTROL_MAX_BODY */
    bool waits;      /* for its table's gate */
};

struct control_reply;

/* The process at the other end, as the kernel says it was when it connected; before the call is deferred. */
struct actor control_call_actor(const struct control_call *call);

/*
 * Lets the answer come later: returns CONTROL_LATER, as the handler does then, and the reply's holder sends
 * it once, whatever happens meanwhile. -EAGAIN beyond the limit of replies, -ENOMEM. A client that waited for
 * longer than the limit is told so by 504, and the reply is gone as if it had left.
 */
int control_call_defer(const struct control_call *call, struct control_reply **ret_reply,
                       struct error *error);
/* Body and query of the request, which live as long as the reply does. */
const struct control_call *control_reply_call(const struct control_reply *reply);
/* Nobody waits for the answer any more; what is sent is thrown away. */
bool control_reply_is_gone(const struct control_reply *reply);
/* All three free the reply. `r`, `answer` (taken over) and `error` as a handler returns them. */
void control_reply_send(struct control_reply *reply, int r, cJSON *answer, struct error *error);
/* The text of a JSON answer that is long; what is in the buffer is taken over. */
void control_reply_send_text(struct control_reply *reply, struct evbuffer *json);
void control_reply_stream(struct control_reply *reply, const char *type, const struct http_writer *writer);

/*
 * Answers by a writer of text of that type, which is taken over in any case. Returns what the handler has to
 * return: CONTROL_LATER, -EAGAIN beyond the limit of streams, -ENOMEM.
 */
int control_call_stream(const struct control_call *call, const char *type, const struct http_writer *writer,
                        struct error *error);

struct control_server;

/* Whether what requests read is whole just now; `user` is the table's. */
struct control_gate {
    bool (*is_open)(const void *user);
    /* Calls once, from the loop, when it is open. -ENOMEM. */
    int (*when_open)(void *user, void (*function)(void *waiter), void *waiter);
};

/* The requests of one room, which end with an entry without path, and what its handlers get as `user`. */
struct control_table {
    const struct control_route *routes;
    void *user;
    const struct control_gate *gate; /* NULL: nothing waits */
};
#define CONTROL_MAX_TABLES 8

/* Takes a copy of the list; the routes must outlive the server. Where two tables have a path with the same
 * method the first one answers. Replaces a socket file nobody listens on. -EINVAL: too many tables. */
int control_server_new(struct event_base *base, const char *socket_path, const struct control_table *tables,
                       size_t n_tables, struct control_server **ret_server, struct error *error);
/* NULL-safe; sets to NULL. Replies that are out are gone then, and still wait to be sent. */
void control_server_free(struct control_server **server);

/* Other limits than the ones above, before the first client comes; a number that is 0 stays as it is. */
struct control_limits {
    unsigned replies;    /* that come later, at once */
    unsigned streams;    /* at once */
    unsigned answer_ms;  /* CONTROL_ANSWER_S */
    unsigned timeout_ms; /* CONTROL_TIMEOUT_S */
};
int control_server_limit(struct control_server *server, const struct control_limits *limits);

/* The JSON form of an error (docs/api.md); the caller frees it. */
cJSON *control_error_json(const struct error *error);
