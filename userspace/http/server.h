/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * HTTP/1.1 on TCP: connections, limits, times. Requests are answered one at a time on the event loop, behind
 * everything else that is due: strangers wait for the data path and the control socket, never the other way
 * round. Beyond the limit of connections new ones wait in the kernel's queue. What is asked, how answers look
 * and what a refusal says belong to the service that is handed in.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>

#include "http/request.h"
#include "base/error.h"

#define HTTP_MAX_BODY        (1u << 20)
#define HTTP_MAX_HEAD        (16u << 10)
#define HTTP_MAX_CONNECTIONS 2048
#define HTTP_REQUEST_S       10 /* from its first byte, or from connecting, to its last */
#define HTTP_IDLE_S          60 /* between requests */
#define HTTP_REPLY_S         30 /* for the client to take an answer */

/* Priorities of the event loop: the server's connections are last. */
#define HTTP_LOOP_PRIORITIES 3
#define HTTP_LOOP_PRIORITY   2

/* Fills `answer` with a body and returns its status. */
typedef int (*http_handle_fn)(const struct http_request *request, const void *body, size_t length,
                              struct evbuffer *answer, void *user);

/* What a server is used for. It must outlive the server. */
struct http_service {
    const char *name;         /* in error sentences: "AWS API" */
    const char *option;       /* the setting that the address comes from: "awsListen" */
    const char *content_type; /* of every answer */
    http_handle_fn handle;
    /* Fills the body of a refusal that the server makes by itself. */
    void (*refuse)(int status, const char *sentence, struct evbuffer *body);
    /* Adds header lines of its own to an answer, each with its CRLF; may be NULL. */
    void (*add_headers)(struct evbuffer *head, void *user);
};

struct http_server;

/* `text`: "IP:PORT". `user` is for the service's functions. -EADDRINUSE and others with the sentence. */
int http_server_new(struct event_base *base, const char *text, const struct http_service *service, void *user,
                    struct http_server **ret_server, struct error *error);
void http_server_free(struct http_server **server); /* NULL-safe; sets to NULL */
