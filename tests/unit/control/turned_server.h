/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A real server on a socket of its own whose loop the test turns by hand. Included after cmocka.h. */
#pragma once

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/un.h>

#include "../http/turns.h"
#include "base/json.h"
#include "control/control_internal.h"

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST_LATER(body) "POST /later?q=5 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" body

static char directory[64];
static struct sockaddr_un address;
static struct control_server *server;
static struct control_reply *replies[8];
static unsigned n_replies;
static unsigned n_calls;
static struct digits digits[4];
static unsigned n_digits;
static struct evhttp_connection *connections[8]; /* of the streams */

static inline struct http_writer writer_of(struct digits *one)
{
    return (struct http_writer){.write = digits_write, .done = digits_done, .user = one};
}

static inline cJSON *named(const char *name)
{
    cJSON *answer = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(answer, "name", name);
    return answer;
}

static inline int now(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)call;
    (void)error;
    (void)user;
    n_calls++;
    *ret_answer = named("now");
    return 0;
}

static inline int later(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    int r = control_call_defer(call, &replies[n_replies], error);

    (void)ret_answer;
    (void)user;
    n_calls++;
    if (r >= 0)
        n_replies++;
    return r;
}

static inline int at_once(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user)
{
    struct control_reply *reply = NULL;
    int r = control_call_defer(call, &reply, error);

    (void)ret_answer;
    (void)user;
    n_calls++;
    if (r >= 0)
        control_reply_send(reply, 0, named("at once"), NULL);
    return r;
}

static inline int forgotten(const struct control_call *call, cJSON **ret_answer, struct error *error,
                            void *user)
{
    (void)call;
    (void)ret_answer;
    (void)error;
    (void)user;
    return CONTROL_LATER;
}

static inline int stream(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct http_writer writer = writer_of(&digits[n_digits]);

    (void)ret_answer;
    (void)user;
    n_calls++;
    connections[n_digits++] = evhttp_request_get_connection((*call->reply)->http);
    return control_call_stream(call, CONTROL_TEXT, &writer, error);
}

static const struct control_route routes[] = {
    {EVHTTP_REQ_GET, "/now", now, 0, false},
    {EVHTTP_REQ_GET, "/later", later, 0, false},
    {EVHTTP_REQ_POST, "/later", later, 0, false},
    {EVHTTP_REQ_GET, "/at-once", at_once, 0, false},
    {EVHTTP_REQ_GET, "/forgotten", forgotten, 0, false},
    {EVHTTP_REQ_GET, "/stream", stream, 0, false},
    {EVHTTP_REQ_GET, "/gated", now, 0, true},
    {EVHTTP_REQ_GET, "/gated-later", later, 0, true},
    {0, NULL, NULL, 0, false},
};

static bool is_gate_shut;
static bool is_gate_broken;
static unsigned n_waiting;
static struct {
    void (*function)(void *waiter);
    void *waiter;
} waiting[4];

static inline bool is_open(const void *user)
{
    (void)user;
    return !is_gate_shut;
}

static inline int when_open(void *user, void (*function)(void *waiter), void *waiter)
{
    (void)user;
    if (is_gate_broken)
        return -ENOMEM;
    waiting[n_waiting].function = function;
    waiting[n_waiting++].waiter = waiter;
    return 0;
}

static const struct control_gate gate = {is_open, when_open};

static inline void open_gate(void)
{
    is_gate_shut = false;
    for (unsigned i = 0; i < n_waiting; i++)
        waiting[i].function(waiting[i].waiter);
    n_waiting = 0;
}

static inline int setup(void **state)
{
    struct error error = {0};

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(digits, 0, sizeof(digits));
    n_replies = n_calls = n_digits = n_waiting = 0;
    is_gate_shut = is_gate_broken = false;
    (void)snprintf(directory, sizeof(directory), "%s/svc-control-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    address.sun_family = AF_UNIX;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", directory);
    base = event_base_new();
    return base ? control_server_new(base, address.sun_path,
                                     &(const struct control_table){routes, NULL, &gate}, 1, &server, &error)
                : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    control_server_free(&server);
    event_base_free(base);
    return rmdir(directory);
}

static inline void limit(struct control_limits limits)
{
    assert_int_equal(control_server_limit(server, &limits), 0);
}

static inline struct client ask(const char *text)
{
    struct client client;

    client_begin(&client, AF_UNIX, (const struct sockaddr *)&address, sizeof(address));
    client_send(&client, text);
    return client;
}

static inline void send_reply(unsigned i, const char *name)
{
    control_reply_send(replies[i], 0, named(name), NULL);
}

static inline void some_turns(void)
{
    for (unsigned i = 0; i < 50; i++)
        turn();
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
