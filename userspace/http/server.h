/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * HTTP/1.1 on TCP: connections, limits, times. Requests are answered one at a time on the event loop, behind
 * everything else that is due: strangers wait for the data path and the control socket, never the other way
 * round. Beyond the limit of connections those give way that have not shown who they are (guests.h). What is asked, how answers look
 * and what a refusal says belong to the service that is handed in.
 *
 * A handler answers before it returns, or takes a reply and answers at any later turn of the loop, or hands
 * over a writer that makes the answer slice by slice. Of a connection no request is looked at before the one
 * ahead of it has been answered. What answers a HEAD goes out without its body, and so does a 304.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/error.h"
#include "http/request.h"
#include "http/streams.h"

#define HTTP_MAX_BODY        (1u << 20)
#define HTTP_MAX_BODIES      (64u << 20) /* bytes of all that are held at once */
#define HTTP_MAX_HEAD        (16u << 10)
#define HTTP_MAX_CONNECTIONS 2048
#define HTTP_REQUEST_S       10 /* from its first byte, or from connecting, to its last */
#define HTTP_IDLE_S          60 /* between requests */
#define HTTP_REPLY_S         30 /* for the client to take an answer, or a slice of one */
#define HTTP_ANSWER_S        60 /* for an answer that comes later to come */
#define HTTP_MAX_REPLIES     1024
#define HTTP_MAX_STREAMS     64

/* Of a server; a number that is 0 is the one above. */
struct http_limits {
    unsigned replies;     /* that come later, at once */
    unsigned streams;     /* at once */
    unsigned connections; /* at once; at most half of the descriptors */
    unsigned body_bytes;  /* HTTP_MAX_BODIES */
    unsigned request_ms;  /* HTTP_REQUEST_S */
    unsigned answer_ms;   /* HTTP_ANSWER_S */
    unsigned reply_ms;    /* HTTP_REPLY_S */
};

/* One request, for as long as its handler runs. */
struct http_call {
    const struct http_request *request;
    const void *body;
    size_t length;
    struct http_connection *connection; /* private to http/ */
};

/* What a handler returns besides a status. */
#define HTTP_LATER    0      /* the answer comes by a reply or a stream */
#define HTTP_TOO_MANY (-503) /* the server refuses, and says why */

/* Fills `answer` with a body and returns its status, or one of the above and leaves `answer` alone. */
typedef int (*http_handle_fn)(struct http_call *call, struct evbuffer *answer, void *user);

/* What a server is used for. It must outlive the server. */
struct http_service {
    const char *name;         /* in error sentences: "AWS API" */
    const char *option;       /* the setting that the address comes from: "awsListen" */
    const char *content_type; /* of answers */
    /* That of the answer to this request, a text that stays; NULL: all have the one above. */
    const char *(*content_type_of)(const struct http_request *request);
    http_handle_fn handle;
    /*
     * Judges a head before its body is taken: 0, or the status of a refusal and its body in `answer`. What is
     * refused is thrown away as it comes. NULL: everybody may send bodies.
     */
    int (*admit)(const struct http_request *request, struct evbuffer *answer, void *user);
    /* Fills the body of a refusal that the server makes by itself. */
    void (*refuse)(int status, const char *sentence, struct evbuffer *body);
    /* Adds header lines of its own to an answer with that status, each with its CRLF; may be NULL. */
    void (*add_headers)(struct evbuffer *head, int status, void *user);
    struct http_limits limits;
};

struct http_server;

struct http_reply;

/*
 * Lets the answer come later: the handler returns HTTP_LATER, and the reply's holder sends it once, whatever
 * happens meanwhile. NULL beyond the limit of replies or without memory: the handler returns HTTP_TOO_MANY. A
 * client that waited for longer than the limit is told so by 504, and the reply is gone as if it had left.
 */
struct http_reply *http_call_defer(struct http_call *call);
/* Head and body of the request, which live as long as the reply does. */
const struct http_request *http_reply_request(const struct http_reply *reply);
const void *http_reply_body(const struct http_reply *reply, size_t *ret_length);
/* Nobody waits for the answer any more; what is sent is thrown away. */
bool http_reply_is_gone(const struct http_reply *reply);
/* Both free the reply. `body` is emptied; the caller still frees it. */
void http_reply_send(struct http_reply *reply, int status, struct evbuffer *body);
void http_reply_stream(struct http_reply *reply, int status, const struct http_writer *writer);

/* More header lines of this answer, each with its CRLF: a text that stays. */
void http_call_headers(struct http_call *call, const char *lines);

/*
 * Answers by a writer, which is taken over in any case. Returns what the handler has to return: HTTP_LATER,
 * or HTTP_TOO_MANY beyond the limit of streams.
 */
int http_call_stream(struct http_call *call, int status, const struct http_writer *writer);

/* `text`: "IP:PORT". `user` is for the service's functions. -EADDRINUSE and others with the sentence. */
int http_server_new(struct event_base *base, const char *text, const struct http_service *service, void *user,
                    struct http_server **ret_server, struct error *error);
/* NULL-safe; sets to NULL. Replies that are out are gone then, and still wait to be sent. */
void http_server_free(struct http_server **server);
