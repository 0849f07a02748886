/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may connect, what is read of them, and when they have had their time. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/guests.h"

void http_connection_patience(struct http_connection *connection, unsigned ms)
{
    connection->deadline_ms = clock_monotonic_ms() + ms;
}

/* Where nobody would give way, clients wait in the kernel's queue. */
static void listen_if_there_is_room(struct http_server *server)
{
    if (server->listener && !server->pause.is_on && server->n_admitted < server->limit)
        (void)evconnlistener_enable(server->listener);
}

void http_connection_free(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    http_guest_leave(connection);
    listen_if_there_is_room(server);
    http_answer_forget(connection);
    if (connection->refusal)
        evbuffer_free(connection->refusal);
    bufferevent_free(connection->socket);
    free(connection->head);
    free(connection);
}

/* ---- requests ---- */

/* Takes the head out of the input, if it is complete. Returns 0, an HTTP status, or -EAGAIN. */
static int take_head(struct http_connection *connection, struct evbuffer *input)
{
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    size_t length;
    int r;

    if (end.pos < 0)
        return evbuffer_get_length(input) > HTTP_MAX_HEAD ? 431 : -EAGAIN;
    length = (size_t)end.pos + 4;
    if (length > HTTP_MAX_HEAD)
        return 431;
    connection->head = malloc(length + 1);
    if (!connection->head)
        return 500;
    (void)evbuffer_remove(input, connection->head, length);
    connection->content_type = NULL;
    connection->lines = NULL;
    connection->is_head = false;
    r = http_request_parse(connection->head, length, &connection->request);
    connection->is_head = r == 0 && strcmp(connection->request.method, "HEAD") == 0;
    if (r == 0 && connection->server->service->content_type_of)
        connection->content_type = connection->server->service->content_type_of(&connection->request);
    return r;
}

static void server_hand_out(struct http_connection *connection, struct evbuffer *input)
{
    struct http_server *server = connection->server;
    size_t length = connection->request.content_length;
    struct evbuffer *body = evbuffer_new();
    struct http_call call = {
        .request = &connection->request,
        .body = length ? evbuffer_pullup(input, (ssize_t)length) : (const void *)"",
        .length = length,
        .connection = connection,
    };
    int status;

    if (!body || !call.body) {
        if (body)
            evbuffer_free(body);
        http_refuse(connection, 500, http_reason(500));
        return;
    }
    connection->is_awaited = true;
    status = server->service->handle(&call, body, server->user);
    (void)evbuffer_drain(input, length);
    server->n_bytes -= connection->n_bytes; /* those of a reply that is out count as its own */
    connection->n_bytes = 0;
    if (status > HTTP_LATER)
        http_answer(connection, status, body);
    else if (status == HTTP_TOO_MANY)
        http_refuse(connection, 503, HTTP_TOO_MANY_SENTENCE);
    else if (connection->is_awaited && !connection->reply)
        http_refuse(connection, 500, http_reason(500)); /* a handler that promised an answer of nobody */
    evbuffer_free(body);
}

/* As much of a refused body as is there; the answer when all of it was. */
static void throw_away(struct http_connection *connection, struct evbuffer *input)
{
    size_t left = connection->request.content_length - connection->n_thrown;
    size_t here = evbuffer_get_length(input) < left ? evbuffer_get_length(input) : left;
    struct evbuffer *refusal;

    (void)evbuffer_drain(input, here);
    connection->n_thrown += here;
    if (here < left)
        return;
    refusal = TAKE_PTR(connection->refusal);
    http_answer(connection, connection->refusal_status, refusal);
    evbuffer_free(refusal);
}

/* A body is taken only of a request whose head the service admits, and while there is room for it. An HTTP
 * status: the connection ends with it; else 0. */
static int judge_head(struct http_connection *connection)
{
    const struct http_service *service = connection->server->service;
    struct evbuffer *refusal = evbuffer_new();
    int status = 0;

    if (!refusal)
        return 500;
    if (service->admit)
        status = service->admit(&connection->request, refusal, connection->server->user);
    if (status == 0 && !http_guest_admit(connection, connection->request.content_length)) {
        status = 503;
        service->refuse(status, HTTP_TOO_MANY_SENTENCE, refusal);
    }
    if (connection->server->n_admitted == connection->server->limit)
        (void)evconnlistener_disable(connection->server->listener);
    if (status == 0) {
        evbuffer_free(refusal);
        return 0;
    }
    connection->refusal = refusal;
    connection->refusal_status = status;
    connection->n_thrown = 0;
    if (connection->request
            .expects_continue) { /* it need not send the body any more, and must not begin anew */
        connection->request.content_length = 0;
        connection->request.keeps_alive = false;
    }
    return 0;
}

/* One request at most, and none while the one before it is not answered and the answer taken. */
static void server_on_read(struct bufferevent *socket, void *user)
{
    struct http_connection *connection = user;
    struct evbuffer *input = bufferevent_get_input(socket);
    int status;

    if (connection->is_closing || connection->is_awaited || connection->stream ||
        evbuffer_get_length(bufferevent_get_output(socket)) > 0)
        return;
    if (!connection->has_begun && evbuffer_get_length(input) > 0) {
        connection->has_begun = true;
        http_connection_patience(connection, connection->server->limits.request_ms);
    }
    if (!connection->head) {
        status = take_head(connection, input);
        if (status == -EAGAIN)
            return;
        if (status == 0 && connection->request.content_length > HTTP_MAX_BODY)
            status = 413;
        if (status == 0)
            status = judge_head(connection);
        if (status > 0) {
            http_refuse(connection, status, http_reason(status));
            return;
        }
        if (connection->request.expects_continue && connection->request.content_length > 0 &&
            evbuffer_get_length(input) == 0)
            (void)evbuffer_add_printf(bufferevent_get_output(socket), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (connection->refusal)
        throw_away(connection, input);
    else if (evbuffer_get_length(input) >= connection->request.content_length)
        server_hand_out(connection, input);
}

static void on_written(struct bufferevent *socket, void *user)
{
    struct http_connection *connection = user;

    /* libevent also calls when a connection becomes writable for the first time. */
    if (evbuffer_get_length(bufferevent_get_output(socket)) > 0)
        return;
    if (connection->stream) {
        http_stream_ready(connection->stream);
        return;
    }
    if (connection->is_awaited)
        return;
    if (connection->is_closing) {
        http_connection_free(connection);
        return;
    }
    if (!connection->has_begun)
        http_connection_patience(connection, HTTP_IDLE_S * 1000);
    /* The next may be here already; others come first. */
    if (evbuffer_get_length(bufferevent_get_input(socket)) > 0)
        bufferevent_trigger(socket, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void server_on_event(struct bufferevent *socket, short what, void *user)
{
    (void)socket;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        http_connection_free(user);
}

/* ---- connections ---- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *user)
{
    struct http_server *server = user;
    struct http_connection *connection =
        http_guests_make_room(server, address) ? calloc(1, sizeof(*connection)) : NULL;
    int yes = 1;

    (void)listener;
    (void)length;
    if (connection)
        connection->socket =
            bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!connection || !connection->socket) {
        free(connection);
        (void)evutil_closesocket(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    connection->server = server;
    http_guest_arrive(connection, address);
    http_connection_patience(connection, connection->server->limits.request_ms);
    (void)bufferevent_priority_set(connection->socket, HTTP_LOOP_PRIORITY);
    bufferevent_setwatermark(connection->socket, EV_READ, 0, HTTP_MAX_BODY + HTTP_MAX_HEAD);
    bufferevent_setcb(connection->socket, server_on_read, on_written, server_on_event, connection);
    (void)bufferevent_enable(connection->socket, EV_READ | EV_WRITE);
}

static void on_accept_error(struct evconnlistener *listener, void *user)
{
    struct http_server *server = user;

    (void)evconnlistener_disable(listener);
    accept_pause_begin(&server->pause, EVUTIL_SOCKET_ERROR());
}

static void server_go_on(void *user)
{
    listen_if_there_is_room(user);
}

static void server_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct http_server *server = user;
    struct http_connection *connection = server->first;
    uint64_t now = clock_monotonic_ms();

    (void)fd;
    (void)what;
    while (connection) {
        struct http_connection *next = connection->next;

        if (now >= connection->deadline_ms)
            http_connection_free(connection);
        connection = next;
    }
}

/* ---- the server ---- */

static int listen_tcp(const struct http_service *service, const char *text, struct error *error)
{
    struct ip_address address;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    uint16_t port;
    _cleanup_close_ int fd = -1;
    bool is_v4;
    int yes = 1;

    if (ip_endpoint_parse(text, &address, &port) < 0)
        return error_input(error, service->option, text, "IP:PORT, [IPv6]:PORT or off");
    is_v4 = ip_address_is_v4(&address);
    fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(error, errno, "%s on %s", service->name, text);
    v4.sin_port = v6.sin6_port = htons(port);
    v4.sin_addr.s_addr = is_v4 ? htonl(ip_address_to_v4(&address)) : 0;
    memcpy(&v6.sin6_addr, address.bytes, sizeof(address.bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (!is_v4)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (bind(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
             is_v4 ? sizeof(v4) : sizeof(v6)) < 0 ||
        listen(fd, 512) < 0)
        return error_errno(error, errno, "%s on %s", service->name, text);
    return TAKE_FD(fd);
}

/* As many as leave half of the descriptors to everything else. */
static unsigned connection_limit(unsigned most)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    return limit.rlim_cur / 2 < most ? (unsigned)(limit.rlim_cur / 2) : most;
}

static unsigned server_or_default(unsigned number, unsigned normal)
{
    return number ? number : normal;
}

static int server_start(struct http_server *server, int fd)
{
    const struct http_limits *limits = &server->service->limits;
    struct timeval period = {.tv_sec = 1};

    server->limits = (struct http_limits){
        .replies = server_or_default(limits->replies, HTTP_MAX_REPLIES),
        .streams = server_or_default(limits->streams, HTTP_MAX_STREAMS),
        .connections = server_or_default(limits->connections, HTTP_MAX_CONNECTIONS),
        .body_bytes = server_or_default(limits->body_bytes, HTTP_MAX_BODIES),
        .request_ms = server_or_default(limits->request_ms, HTTP_REQUEST_S * 1000),
        .answer_ms = server_or_default(limits->answer_ms, HTTP_ANSWER_S * 1000),
        .reply_ms = server_or_default(limits->reply_ms, HTTP_REPLY_S * 1000),
    };
    if (server->limits.reply_ms < 1000 || server->limits.request_ms < 1000)
        period = (struct timeval){.tv_usec = 5000};
    server->limit = connection_limit(server->limits.connections);
    server->tick = event_new(server->base, -1, EV_PERSIST, server_on_tick, server);
    if (!server->tick || event_add(server->tick, &period) < 0 ||
        http_streams_new(server->base, server->limits.streams, &server->streams) < 0)
        return -ENOMEM;
    server->listener = evconnlistener_new(server->base, on_accept, server,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!server->listener)
        return -ENOMEM;
    accept_pause_init(&server->pause, server->base, server->service->name, server_go_on, server);
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    return 0;
}

int http_server_new(struct event_base *base, const char *text, const struct http_service *service, void *user,
                    struct http_server **ret_server, struct error *error)
{
    struct http_server *server;
    int fd = listen_tcp(service, text, error);

    if (fd < 0)
        return fd;
    server = calloc(1, sizeof(*server));
    if (server)
        *server = (struct http_server){.base = base, .service = service, .user = user};
    if (!server || server_start(server, fd) < 0) {
        (void)close(fd);
        http_server_free(&server);
        return error_set(error, ENOMEM, "%s: out of memory", service->name);
    }
    *ret_server = server;
    return 0;
}

void http_server_free(struct http_server **server)
{
    struct http_server *one = *server;

    if (!one)
        return;
    *server = NULL;
    while (one->first)
        http_connection_free(one->first);
    http_replies_forget(one);
    http_streams_free(&one->streams);
    accept_pause_done(&one->pause);
    if (one->listener)
        evconnlistener_free(one->listener);
    if (one->tick)
        event_free(one->tick);
    free(one);
}
