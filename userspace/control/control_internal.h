/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to control/: a request on its way, between who takes it (control_server.c) and its answer. */
#pragma once

#include <event2/keyvalq_struct.h>

#include "base/worker.h"
#include "control/control_server.h"

struct control_server {
    struct event_base *base;
    struct evhttp *http;
    struct control_table tables[CONTROL_MAX_TABLES];
    size_t n_tables;
    char *path;
    struct event *again; /* ends the pauses of who listens */
    struct control_limits limits;
    struct http_streams *streams;
    struct worker *worker;         /* parses long bodies and frees them */
    struct control_reply *replies; /* that are out */
    unsigned n_replies;
};

/*
 * A request from its arrival to its answer. Its owner is on_request() while the handler runs, then whoever
 * has deferred it, or itself while it is being written as a stream.
 */
struct control_reply {
    struct control_call call;
    struct evkeyvalq query;
    cJSON *body;
    bool is_long;                  /* the body */
    struct control_server *server; /* NULL: it has ended */
    struct evhttp_request *http;   /* NULL: nobody waits */
    struct control_reply *next, *previous;
    struct event *timer; /* when to begin the watch, then the end of the client's patience */
    struct event *watch; /* whether the client is still there */
    struct http_stream *stream;
    const struct control_route *route; /* of a request that waits for its table's gate, */
    const struct control_table *table; /* and the table */
    bool is_watched;                   /* or was to be, but there was no descriptor for it */
    bool is_out;                       /* among the server's replies */
};

/*
 * control_body.c: reads the body into reply->body. 0; CONTROL_LATER: it is long, and `done` is called with the
 * reply, unless the client leaves meanwhile; a negative errno with the error.
 */
typedef void (*control_body_fn)(struct control_reply *reply, int r, struct error *error);
int control_read_body(struct control_reply *reply, size_t limit, control_body_fn done, struct error *error);
void control_free_body(struct control_reply *reply);

/* control_reply.c */
struct control_reply *control_reply_new(struct control_server *server, struct evhttp_request *http);
void control_reply_free(struct control_reply *reply); /* without an answer */
/* As if a deferred request had come only now. False: nobody waits for it any more, and it is freed. */
bool control_reply_take_back(struct control_reply *reply);

/* control_answer.c */
/* As a handler returns it: `answer` may also be there with a negative `r`; the caller still frees it. */
void control_send_result(struct evhttp_request *http, int r, cJSON *answer, struct error *error);
