/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A Docker that says what a test wants it to say, over a Unix socket: libevent's own HTTP server on the test's loop.
 * Included after cmocka.h.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FAKE_CONTAINERS 8

/* 64 hexadecimal digits: the one digit, over and over. */
struct fake_id {
    char text[65];
};

static inline struct fake_id fake_id(char digit)
{
    struct fake_id id = {""};

    memset(id.text, digit, 64);
    return id;
}

struct fake_container {
    char digit;       /* of its id; 0: none */
    int status;       /* 0: 200 */
    bool is_slow;     /* its answers wait for fake_docker_answer() */
    bool is_unlisted; /* the list does not have it */
    unsigned n_asked;
    unsigned n_stops;
    int stop_status; /* 0: 204 */
    struct evhttp_request *open;
    char text[2048]; /* what is answered */
};

struct fake_docker {
    struct evhttp *server;
    struct evhttp_request *stream;                /* GET /events; NULL: nobody listens */
    struct evhttp_request *left[FAKE_CONTAINERS]; /* streams whose listener has gone */
    size_t n_left;
    unsigned n_streams;
    unsigned n_lists;
    int list_status;
    const char *list; /* instead of the containers' ids */
    bool
        is_list_slow; /* it is answered by fake_docker_answer_list(), with what there is when it is asked for */
    struct evhttp_request *list_open;
    char list_text[4096];
    const char *info; /* what it is; NULL: it does not say */
    unsigned n_infos;
    const char *lookup; /* what is answered to whoever asks for one that starts; NULL: never */
    struct evhttp_request *lookup_open;
    unsigned n_lookups;
    char lookup_target[512]; /* of the last one */
    struct fake_container containers[FAKE_CONTAINERS];
    char directory[64];
    char path[96];
};

static inline struct fake_container *fake_docker_find(struct fake_docker *fake, char digit)
{
    for (size_t i = 0; i < FAKE_CONTAINERS; i++)
        if (fake->containers[i].digit == digit)
            return &fake->containers[i];
    return NULL;
}

/* `members`: of the JSON, after the id; a container that is there says this from now on. */
static inline struct fake_container *fake_docker_put(struct fake_docker *fake, char digit,
                                                     const char *members)
{
    struct fake_container *container = fake_docker_find(fake, digit);

    if (!container)
        container = fake_docker_find(fake, 0);
    assert_non_null(container);
    container->digit = digit;
    (void)snprintf(container->text, sizeof(container->text), "{\"Id\": \"%s\", %s}", fake_id(digit).text,
                   members);
    return container;
}

static inline void fake_docker_remove(struct fake_docker *fake, char digit)
{
    *fake_docker_find(fake, digit) = (struct fake_container){0};
}

static inline void fake_reply(struct evhttp_request *request, int status, const char *text)
{
    struct evbuffer *buffer = evbuffer_new();

    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply(request, status, "x", buffer);
    evbuffer_free(buffer);
}

static inline void fake_reply_container(struct fake_container *container, struct evhttp_request *request)
{
    fake_reply(request, container->status ? container->status : 200, container->text);
}

/* To whoever asked a slow one. */
static inline void fake_docker_answer(struct fake_container *container)
{
    struct evhttp_request *request = container->open;

    assert_non_null(request);
    container->open = NULL;
    fake_reply_container(container, request);
}

/* A piece of the stream, as it is. */
static inline void fake_docker_send(struct fake_docker *fake, const char *text)
{
    struct evbuffer *buffer = evbuffer_new();

    assert_non_null(fake->stream);
    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply_chunk(fake->stream, buffer);
    evbuffer_free(buffer);
}

/* `attributes`: "\"a\": \"b\"", or "". */
static inline void fake_docker_event(struct fake_docker *fake, char digit, const char *action,
                                     const char *attributes)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "{\"Type\": \"container\", \"Action\": \"%s\", "
                   "\"Actor\": {\"ID\": \"%s\", \"Attributes\": {%s}}}\n",
                   action, fake_id(digit).text, attributes);
    fake_docker_send(fake, text);
}

static inline void fake_docker_end_stream(struct fake_docker *fake)
{
    struct evhttp_request *stream = fake->stream;

    assert_non_null(stream);
    fake->stream = NULL;
    evhttp_connection_set_closecb(evhttp_request_get_connection(stream), NULL, NULL);
    evhttp_send_reply_end(stream);
}

static inline void fake_on_stream_close(struct evhttp_connection *connection, void *user)
{
    struct fake_docker *fake = user;

    (void)connection;
    assert_true(fake->n_left < FAKE_CONTAINERS);
    fake->left[fake->n_left++] = fake->stream;
    fake->stream = NULL;
}

static inline void fake_serve_stream(struct fake_docker *fake, struct evhttp_request *request)
{
    assert_null(fake->stream);
    fake->stream = request;
    fake->n_streams++;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), fake_on_stream_close, fake);
    evhttp_send_reply_start(request, 200, "x");
}

static inline void fake_serve_list(struct fake_docker *fake, struct evhttp_request *request)
{
    char text[4096] = "[";

    fake->n_lists++;
    for (size_t i = 0; i < FAKE_CONTAINERS; i++)
        if (fake->containers[i].digit && !fake->containers[i].is_unlisted)
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{\"Id\": \"%s\"}",
                           text[1] ? ", " : "", fake_id(fake->containers[i].digit).text);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "]");
    if (!fake->is_list_slow) {
        fake_reply(request, fake->list_status, fake->list ? fake->list : text);
        return;
    }
    assert_null(fake->list_open);
    fake->list_open = request;
    memcpy(fake->list_text, text, sizeof(text));
}

static inline void fake_docker_answer_list(struct fake_docker *fake)
{
    struct evhttp_request *request = fake->list_open;

    assert_non_null(request);
    fake->list_open = NULL;
    fake_reply(request, 200, fake->list_text);
}

static inline void fake_serve_lookup(struct fake_docker *fake, struct evhttp_request *request)
{
    fake->n_lookups++;
    (void)snprintf(fake->lookup_target, sizeof(fake->lookup_target), "%s", evhttp_request_get_uri(request));
    if (fake->lookup)
        fake_reply(request, 200, fake->lookup);
    else
        fake->lookup_open = request;
}

static inline void fake_serve(struct evhttp_request *request, void *user)
{
    static const char one[] = "/containers/";
    struct fake_docker *fake = user;
    const char *target = evhttp_request_get_uri(request);
    struct fake_container *container;

    if (strcmp(target, "/info") == 0) {
        fake->n_infos++;
        fake_reply(request, fake->info ? 200 : 500, fake->info ? fake->info : "");
        return;
    }
    if (strncmp(target, "/events?stream=false", 20) == 0 ||
        strncmp(target, "/containers/json?all=1&", 23) == 0) {
        fake_serve_lookup(fake, request);
        return;
    }
    if (strncmp(target, "/events?since=", strlen("/events?since=")) == 0) {
        fake_serve_stream(fake, request);
        return;
    }
    if (strcmp(target, "/containers/json?all=1") == 0) {
        fake_serve_list(fake, request);
        return;
    }
    assert_memory_equal(target, one, strlen(one));
    container = fake_docker_find(fake, target[strlen(one)]);
    if (strcmp(target + strlen(one) + 64, "/stop") == 0) {
        assert_non_null(container);
        assert_int_equal(evhttp_request_get_command(request), EVHTTP_REQ_POST);
        container->n_stops++;
        fake_reply(request, container->stop_status ? container->stop_status : 204, "");
        return;
    }
    assert_string_equal(target + strlen(one) + 64, "/json");
    if (!container) {
        fake_reply(request, 404, "{\"message\": \"No such container\"}");
        return;
    }
    container->n_asked++;
    if (container->is_slow)
        container->open = request;
    else
        fake_reply_container(container, request);
}

static inline void fake_docker_begin(struct fake_docker *fake, struct event_base *base)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *fake = (struct fake_docker){.list_status = 200, .directory = "/tmp/test-docker-XXXXXX"};
    assert_non_null(mkdtemp(fake->directory));
    (void)snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    fake->server = evhttp_new(base);
    evhttp_set_gencb(fake->server, fake_serve, fake);
    assert_int_equal(evhttp_accept_socket(fake->server, fd), 0);
}

static inline void fake_docker_end(struct fake_docker *fake)
{
    /* Requests whose asker has gone are freed by an answer. */
    for (size_t i = 0; i < fake->n_left; i++)
        evhttp_send_reply_end(fake->left[i]);
    for (size_t i = 0; i < FAKE_CONTAINERS; i++)
        if (fake->containers[i].open)
            fake_docker_answer(&fake->containers[i]);
    if (fake->lookup_open)
        fake_reply(fake->lookup_open, 200, "");
    if (fake->list_open)
        fake_docker_answer_list(fake);
    evhttp_free(fake->server);
    (void)unlink(fake->path);
    (void)rmdir(fake->directory);
}
