/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/clock.h"

struct connection {
    struct http_server *server;
    struct bufferevent *stream;
    struct connection *next, *previous;
    char *head; /* of the request whose body is awaited */
    struct http_request request;
    uint64_t deadline_ms;
    bool has_begun;  /* bytes of a request are there */
    bool is_closing; /* when the answer has been taken */
};

struct http_server {
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *tick;
    const struct http_service *service;
    void *user;
    struct connection *first;
    unsigned n;
    unsigned limit;
};

static void patience(struct connection *connection, unsigned seconds)
{
    connection->deadline_ms = clock_monotonic_ms() + seconds * 1000u;
}

static void connection_free(struct connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    if (server->n-- == server->limit && server->listener)
        (void)evconnlistener_enable(server->listener);
    bufferevent_free(connection->stream);
    free(connection->head);
    free(connection);
}

/* ---- answers ---- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {411, "Length Required"},
        {413, "Payload Too Large"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

static void reply(struct connection *connection, int status, struct evbuffer *body)
{
    struct http_server *server = connection->server;
    struct evbuffer *output = bufferevent_get_output(connection->stream);

    (void)evbuffer_add_printf(output, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", status,
                              reason_of(status), server->service->content_type, evbuffer_get_length(body));
    if (server->service->add_headers)
        server->service->add_headers(output, server->user);
    (void)evbuffer_add_printf(output, "%s\r\n", connection->is_closing ? "Connection: close\r\n" : "");
    (void)evbuffer_add_buffer(output, body);
    patience(connection, HTTP_REPLY_S);
    if (connection->is_closing)
        (void)bufferevent_disable(connection->stream, EV_READ);
}

/* What is no request that could be answered; the connection ends with it. */
static void refuse(struct connection *connection, int status)
{
    struct evbuffer *body = evbuffer_new();

    if (!body) {
        connection_free(connection);
        return;
    }
    connection->server->service->refuse(status, reason_of(status), body);
    connection->is_closing = true;
    reply(connection, status, body);
    evbuffer_free(body);
}

/* ---- requests ---- */

/* Takes the head out of the input, if it is complete. Returns 0, an HTTP status, or -EAGAIN. */
static int take_head(struct connection *connection, struct evbuffer *input)
{
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    size_t length;

    if (end.pos < 0)
        return evbuffer_get_length(input) > HTTP_MAX_HEAD ? 431 : -EAGAIN;
    length = (size_t)end.pos + 4;
    if (length > HTTP_MAX_HEAD)
        return 431;
    connection->head = malloc(length + 1);
    if (!connection->head)
        return 500;
    (void)evbuffer_remove(input, connection->head, length);
    return http_request_parse(connection->head, length, &connection->request);
}

static void answer(struct connection *connection, struct evbuffer *input)
{
    struct http_server *server = connection->server;
    size_t length = connection->request.content_length;
    struct evbuffer *body = evbuffer_new();
    const unsigned char *bytes = length ? evbuffer_pullup(input, (ssize_t)length) : (const void *)"";
    int status;

    if (!body || !bytes) {
        if (body)
            evbuffer_free(body);
        refuse(connection, 500);
        return;
    }
    status = server->service->handle(&connection->request, bytes, length, body, server->user);
    (void)evbuffer_drain(input, length);
    connection->is_closing = !connection->request.keeps_alive;
    free(connection->head);
    connection->head = NULL;
    connection->has_begun = false;
    reply(connection, status, body);
    evbuffer_free(body);
}

/* One request at most, and none while the answer before it is not taken. */
static void on_read(struct bufferevent *stream, void *user)
{
    struct connection *connection = user;
    struct evbuffer *input = bufferevent_get_input(stream);
    int status;

    if (connection->is_closing || evbuffer_get_length(bufferevent_get_output(stream)) > 0)
        return;
    if (!connection->has_begun && evbuffer_get_length(input) > 0) {
        connection->has_begun = true;
        patience(connection, HTTP_REQUEST_S);
    }
    if (!connection->head) {
        status = take_head(connection, input);
        if (status == -EAGAIN)
            return;
        if (status == 0 && connection->request.content_length > HTTP_MAX_BODY)
            status = 413;
        if (status > 0) {
            refuse(connection, status);
            return;
        }
        if (connection->request.expects_continue && connection->request.content_length > 0 &&
            evbuffer_get_length(input) == 0)
            (void)evbuffer_add_printf(bufferevent_get_output(stream), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (evbuffer_get_length(input) >= connection->request.content_length)
        answer(connection, input);
}

static void on_written(struct bufferevent *stream, void *user)
{
    struct connection *connection = user;

    /* libevent also calls when a connection becomes writable for the first time. */
    if (evbuffer_get_length(bufferevent_get_output(stream)) > 0)
        return;
    if (connection->is_closing) {
        connection_free(connection);
        return;
    }
    if (!connection->has_begun)
        patience(connection, HTTP_IDLE_S);
    /* The next may be here already; others come first. */
    if (evbuffer_get_length(bufferevent_get_input(stream)) > 0)
        bufferevent_trigger(stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        connection_free(user);
}

/* ---- connections ---- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *user)
{
    struct http_server *server = user;
    struct connection *connection = calloc(1, sizeof(*connection));
    int yes = 1;

    (void)address;
    (void)length;
    if (connection)
        connection->stream =
            bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!connection || !connection->stream) {
        free(connection);
        (void)evutil_closesocket(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    connection->server = server;
    connection->next = server->first;
    if (server->first)
        server->first->previous = connection;
    server->first = connection;
    if (++server->n == server->limit)
        (void)evconnlistener_disable(listener);
    patience(connection, HTTP_REQUEST_S);
    (void)bufferevent_priority_set(connection->stream, HTTP_LOOP_PRIORITY);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, HTTP_MAX_BODY + HTTP_MAX_HEAD);
    bufferevent_setcb(connection->stream, on_read, on_written, on_event, connection);
    (void)bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct http_server *server = user;
    struct connection *connection = server->first;
    uint64_t now = clock_monotonic_ms();

    (void)fd;
    (void)what;
    while (connection) {
        struct connection *next = connection->next;

        if (now >= connection->deadline_ms)
            connection_free(connection);
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
static unsigned connection_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    return limit.rlim_cur / 2 < HTTP_MAX_CONNECTIONS ? (unsigned)(limit.rlim_cur / 2) : HTTP_MAX_CONNECTIONS;
}

int http_server_new(struct event_base *base, const char *text, const struct http_service *service, void *user,
                    struct http_server **ret_server, struct error *error)
{
    static const struct timeval second = {.tv_sec = 1};
    struct http_server *server;
    int fd = listen_tcp(service, text, error);

    if (fd < 0)
        return fd;
    server = calloc(1, sizeof(*server));
    if (server) {
        *server =
            (struct http_server){.base = base, .service = service, .user = user, .limit = connection_limit()};
        server->listener =
            evconnlistener_new(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        server->tick = event_new(base, -1, EV_PERSIST, on_tick, server);
    }
    if (!server || !server->listener || !server->tick || event_add(server->tick, &second) < 0) {
        if (!server || !server->listener)
            (void)close(fd);
        http_server_free(&server);
        return error_set(error, ENOMEM, "%s: out of memory", service->name);
    }
    *ret_server = server;
    return 0;
}

void http_server_free(struct http_server **server)
{
    if (!*server)
        return;
    while ((*server)->first)
        connection_free((*server)->first);
    if ((*server)->listener)
        evconnlistener_free((*server)->listener);
    if ((*server)->tick)
        event_free((*server)->tick);
    free(*server);
    *server = NULL;
}
