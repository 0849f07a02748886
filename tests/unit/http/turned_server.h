/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A real server on a port of its own whose loop the test turns by hand. Included after cmocka.h. */
#pragma once

#include <arpa/inet.h>
#include <event2/buffer.h>

#include "http/connection.h"
#include "http/gzip.h"
#include "turns.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct http_server *server;
static struct sockaddr_in address;
static struct http_reply *replies[8];
static unsigned n_replies;
static unsigned n_calls;
static struct digits digits[4];
static unsigned n_digits;

static inline struct http_writer writer_of(struct digits *one)
{
    return (struct http_writer){.write = digits_write, .done = digits_done, .user = one};
}

static inline int handle(struct http_call *call, struct evbuffer *answer, void *user)
{
    const char *path = call->request->path;

    assert_string_equal(user, "user");
    n_calls++;
    if (strcmp(path, "/now") == 0) {
        (void)evbuffer_add_printf(answer, "now");
        return 200;
    }
    if (strcmp(path, "/known") == 0) {
        (void)evbuffer_add_printf(answer, "of no use");
        return 304;
    }
    if (strcmp(path, "/stream") == 0) {
        struct http_writer writer = writer_of(&digits[n_digits++]);

        return http_call_stream(call, 200, &writer);
    }
    if (strcmp(path, "/packed") == 0) {
        struct http_writer plain = writer_of(&digits[n_digits++]);
        struct http_writer writer;

        assert_int_equal(gzip_writer_new(&plain, &writer), 0);
        http_call_headers(call, GZIP_HEADERS);
        return http_call_stream(call, 200, &writer);
    }
    if (strcmp(path, "/forgotten") == 0)
        return HTTP_LATER;
    replies[n_replies] = http_call_defer(call);
    if (!replies[n_replies])
        return HTTP_TOO_MANY;
    if (strcmp(path, "/at-once") == 0) {
        (void)evbuffer_add_printf(answer, "at once");
        http_reply_send(replies[n_replies], 200, answer);
        return HTTP_LATER;
    }
    n_replies++;
    return strcmp(path, "/both") == 0 ? 200 : HTTP_LATER;
}

static inline void refuse(int status, const char *sentence, struct evbuffer *body)
{
    (void)evbuffer_add_printf(body, "refused %d: %s", status, sentence);
}

static inline void add_headers(struct evbuffer *head, int status, void *user)
{
    (void)status;
    (void)evbuffer_add_printf(head, "X-Of-The-Service: %s\r\n", (const char *)user);
}

static struct http_service service = {
    .name = "test",
    .option = "testListen",
    .content_type = "text/x-test",
    .handle = handle,
    .refuse = refuse,
    .add_headers = add_headers,
};

/* A port that was free just now; the server does not take one that the kernel picks. */
static inline void pick_port(void)
{
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    (void)close(fd);
}

static inline void start(struct http_limits limits)
{
    struct error error = {0};
    char text[32];
    int r = -EADDRINUSE;

    service.limits = limits;
    for (unsigned i = 0; i < 20 && r == -EADDRINUSE; i++) {
        pick_port();
        (void)snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
        r = http_server_new(base, text, &service, (void *)"user", &server, &error);
    }
    if (r < 0)
        fail_msg("%s", error.message);
}

static inline int setup(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(digits, 0, sizeof(digits));
    n_replies = n_calls = n_digits = 0;
    base = event_base_new();
    return base ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    http_server_free(&server);
    event_base_free(base);
    return 0;
}

static inline struct client ask(const char *text)
{
    struct client client;

    client_begin(&client, AF_INET, (const struct sockaddr *)&address, sizeof(address));
    client_send(&client, text);
    return client;
}

static inline void send_reply(unsigned i, const char *text)
{
    struct evbuffer *body = evbuffer_new();

    (void)evbuffer_add_printf(body, "%s", text);
    http_reply_send(replies[i], 200, body);
    assert_int_equal(evbuffer_get_length(body), 0);
    evbuffer_free(body);
}

/* What the server keeps for clients that do not read. */
static inline size_t most_kept(void)
{
    size_t most = 0;

    for (const struct http_connection *one = server->first; one; one = one->next) {
        size_t length = evbuffer_get_length(bufferevent_get_output(one->socket));

        most = length > most ? length : most;
    }
    return most;
}

static inline bool has_ended(struct client *client)
{
    (void)client_take(client, SIZE_MAX);
    return client->has_ended;
}

static inline bool has_whole_answer(struct client *client)
{
    (void)client_take(client, SIZE_MAX);
    return client->length > 5 && memcmp(client->text + client->length - 5, "0\r\n\r\n", 5) == 0;
}
