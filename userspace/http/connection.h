/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to http/: a connection of the server, between its reader (server.c) and its answers (answer.c). */
#pragma once

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdint.h>

#include "base/accept_pause.h"
#include "http/server.h"

struct http_peer {
    unsigned char bytes[8];
};

struct http_connection {
    struct http_server *server;
    struct http_peer peer;
    struct bufferevent *socket;
    struct http_connection *next, *previous;
    char *head; /* of the request whose body is awaited */
    struct http_request request;
    const char *content_type; /* of the answer to it; NULL: the service's */
    const char *lines;        /* more header lines of it; NULL */
    uint64_t deadline_ms;
    size_t n_bytes;           /* of the body, among the server's */
    struct evbuffer *refusal; /* the body is thrown away as it comes, and this is the answer */
    int refusal_status;
    size_t n_thrown;
    bool is_admitted;           /* a request of its was; else it is a stranger (guests.h) */
    struct http_reply *reply;   /* that somebody holds for this client */
    struct http_stream *stream; /* that is being written */
    bool has_begun;             /* bytes of a request are there */
    bool is_awaited;            /* the request has been handed out, and its answer has not begun */
    bool is_closing;            /* when the answer has been taken */
    bool is_head;               /* the request is a HEAD: its answer has no body */
};

struct http_server {
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *tick;
    const struct http_service *service;
    struct http_limits limits;
    void *user;
    struct http_connection *first, *last; /* the latest and the earliest */
    unsigned n;
    unsigned n_admitted;
    size_t n_bytes; /* of bodies that are held */
    struct accept_pause pause;
    unsigned limit;
    struct http_streams *streams;
    struct http_reply *replies; /* that are out */
    unsigned n_replies;
};

#define HTTP_TOO_MANY_SENTENCE "too many requests wait for their answers; try again in a moment"

/* server.c */
void http_connection_free(struct http_connection *connection);
void http_connection_patience(struct http_connection *connection, unsigned ms);

/* answer.c */
void http_answer(struct http_connection *connection, int status, struct evbuffer *body);
/* What is no request that could be answered, or cannot be now; the connection ends with it. */
void http_refuse(struct http_connection *connection, int status, const char *sentence);
const char *http_reason(int status);
/* The client of a connection that ends waits no more. */
void http_answer_forget(struct http_connection *connection);
/* The server ends: replies that are out lose it. */
void http_replies_forget(struct http_server *server);
