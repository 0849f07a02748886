/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may connect to the control API, what is read of them, and which handler a request is for. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "control/control_internal.h"

static int find_in_table(const struct control_table *table, enum evhttp_cmd_type method, const char *path,
                         const struct control_route **ret_route)
{
    int r = -ENOENT;

    for (const struct control_route *route = table->routes; route->path; route++) {
        if (strcmp(route->path, path) != 0)
            continue;
        if (route->method == method) {
            *ret_route = route;
            return 0;
        }
        r = -ENOTSUP;
    }
    return r;
}

/* The entry and its table; -ENOENT: no such path, -ENOTSUP: the path has other methods. */
static int control_server_find_route(const struct control_server *server, enum evhttp_cmd_type method,
                                     const char *path, const struct control_route **ret_route,
                                     const struct control_table **ret_table)
{
    int r = -ENOENT;

    for (size_t i = 0; i < server->n_tables; i++) {
        int found = find_in_table(&server->tables[i], method, path, ret_route);

        if (found == 0) {
            *ret_table = &server->tables[i];
            return 0;
        }
        if (found == -ENOTSUP)
            r = found;
    }
    return r;
}

/* ---- handling ---- */

/* `*reply` is NULL afterwards if the handler lets the answer come later. */
static int call_handler(struct control_reply **reply, cJSON **ret_answer, struct error *error)
{
    const struct control_route *route = (*reply)->route;
    void *user = (*reply)->table->user;
    int r;

    (*reply)->call.reply = reply;
    r = route->handle(&(*reply)->call, ret_answer, error, user);
    return r > 0 && *reply ? error_set(error, EIO, "%s promised an answer of nobody", route->path) : r;
}

/* Answers, unless the answer comes later. */
static void control_server_handle(struct control_reply *reply)
{
    struct evhttp_request *http = reply->http;
    _cleanup_json_ cJSON *answer = NULL;
    struct error error = {0};
    int r = call_handler(&reply, &answer, &error);

    if (!reply)
        return;
    control_reply_free(reply);
    control_send_result(http, r, answer, &error);
}

static void control_server_on_open(void *user)
{
    if (control_reply_take_back(user))
        control_server_handle(user);
}

/* Until its table's gate is open. As an answer that comes later, it counts and ends as these do. */
static int hold(struct control_reply *reply, struct error *error)
{
    const struct control_table *table = reply->table;
    struct control_reply *held = NULL, *taken = reply;
    int r;

    reply->call.reply = &taken;
    r = control_call_defer(&reply->call, &held, error);
    if (r < 0)
        return r;
    r = table->gate->when_open(table->user, control_server_on_open, held);
    if (r < 0 && control_reply_take_back(held))
        return error_errno(error, r, "the request cannot wait");
    return 0;
}

/* Which request it is, but for its body. */
static int read_request(struct control_reply *reply, struct error *error)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(reply->http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *query_text = uri ? evhttp_uri_get_query(uri) : NULL;
    int r = control_server_find_route(reply->server, evhttp_request_get_command(reply->http),
                                      path ? path : "", &reply->route, &reply->table);

    if (r == -ENOTSUP)
        return error_set(error, ENOTSUP, "%s does not take this method (see docs/api.md)", path);
    if (r < 0)
        return error_set(error, ENOENT, "no such path: %.200s (see docs/api.md)", path ? path : "");
    if (query_text && evhttp_parse_query_str(query_text, &reply->query) < 0)
        return error_set(error, EINVAL, "the URL's query cannot be read");
    return 0;
}

/* With its body; or the answer to one that cannot be read. */
static void control_server_on_read(struct control_reply *reply, int r, struct error *error)
{
    struct evhttp_request *http = reply->http;

    reply->call.body = reply->body;
    if (r == 0 && reply->route->waits && reply->table->gate &&
        !reply->table->gate->is_open(reply->table->user)) {
        r = hold(reply, error);
        if (r == 0)
            return;
    }
    if (r == 0) {
        control_server_handle(reply);
        return;
    }
    control_reply_free(reply);
    control_send_result(http, r, NULL, error);
}

static void on_request(struct evhttp_request *http, void *user)
{
    struct control_reply *reply = control_reply_new(user, http);
    struct error error = {0};
    int r;

    if (!reply) {
        control_send_result(http, -ENOMEM, NULL, &error);
        return;
    }
    r = read_request(reply, &error);
    if (r == 0)
        r = control_read_body(reply, reply->route->max_body ? reply->route->max_body : CONTROL_MAX_BODY,
                              control_server_on_read, &error);
    if (r != CONTROL_LATER)
        control_server_on_read(reply, r, &error);
}

/* Is somebody accepting there? A file left by a killed daemon is not in the way. */
static bool is_listening(const struct sockaddr_un *address)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);
}

static int listen_unix(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask;
    int r;

    if (fd < 0)
        return error_errno(error, errno, "control socket");
    if (strlen(path) >= sizeof(address.sun_path))
        return error_input(error, "--run-dir", path, "a shorter path: a socket's is at most %zu characters",
                           sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    if (is_listening(&address))
        return error_set(error, EADDRINUSE, "control socket %s: another daemon answers there", path);
    (void)unlink(path);
    /* Born with its mode: at no moment may others connect. */
    mask = umask(0117);
    r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    (void)umask(mask);
    if (r < 0)
        return error_errno(error, r, "control socket %s", path);
    if (listen(fd, 512) < 0)
        return error_errno(error, errno, "control socket %s", path);
    return TAKE_FD(fd);
}

/* What libevent hands over is its own, not the server: so the pause ends by the clock below. */
static void control_on_accept_error(struct evconnlistener *listener, void *user)
{
    (void)user;
    (void)evconnlistener_disable(listener);
    log_warning("control socket: nobody can connect for a second: %s",
                evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void control_on_second(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)evconnlistener_enable(user);
}

static int listen_every_second(struct control_server *server, struct evconnlistener *listener)
{
    static const struct timeval second = {.tv_sec = 1};

    evconnlistener_set_error_cb(listener, control_on_accept_error);
    server->again = event_new(server->base, -1, EV_PERSIST, control_on_second, listener);
    return server->again && event_add(server->again, &second) == 0 ? 0 : -ENOMEM;
}

static const struct control_limits default_limits = {
    .replies = CONTROL_MAX_REPLIES,
    .streams = CONTROL_MAX_STREAMS,
    .answer_ms = CONTROL_ANSWER_S * 1000,
    .timeout_ms = CONTROL_TIMEOUT_S * 1000,
};

int control_server_limit(struct control_server *server, const struct control_limits *limits)
{
    struct timeval patience = {.tv_sec = limits->timeout_ms / 1000,
                               .tv_usec = limits->timeout_ms % 1000 * 1000};
    struct http_streams *streams = NULL;

    if (limits->streams) {
        int r = http_streams_new(server->base, limits->streams, &streams);

        if (r < 0)
            return r;
        http_streams_free(&server->streams);
        server->streams = streams;
    }
    if (limits->replies)
        server->limits.replies = limits->replies;
    if (limits->answer_ms)
        server->limits.answer_ms = limits->answer_ms;
    if (limits->timeout_ms)
        evhttp_set_timeout_tv(server->http, &patience);
    return 0;
}

int control_server_new(struct event_base *base, const char *socket_path, const struct control_table *tables,
                       size_t n_tables, struct control_server **ret_server, struct error *error)
{
    struct control_server *server;
    struct evconnlistener *listener = NULL;
    int fd;

    if (n_tables > CONTROL_MAX_TABLES)
        return error_set(error, EINVAL, "control socket: %zu tables of requests; there can be %d", n_tables,
                         CONTROL_MAX_TABLES);
    server = calloc(1, sizeof(*server));
    if (!server)
        return error_set(error, ENOMEM, "out of memory");
    server->base = base;
    memcpy(server->tables, tables, n_tables * sizeof(*tables));
    server->n_tables = n_tables;
    fd = listen_unix(socket_path, error);
    if (fd < 0) {
        free(server);
        return fd;
    }
    server->path = strdup(socket_path);
    server->http = evhttp_new(base);
    listener = server->http ? evconnlistener_new(base, NULL, NULL,
                                                 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd)
                            : NULL;
    if (!listener || !server->path || control_server_limit(server, &default_limits) < 0 ||
        worker_new(base, &server->worker) < 0 || !evhttp_bind_listener(server->http, listener)) {
        if (listener)
            evconnlistener_free(listener);
        else
            (void)close(fd);
        control_server_free(&server);
        return error_set(error, ENOMEM, "control socket: out of memory");
    }
    if (listen_every_second(server, listener) < 0) {
        control_server_free(&server);
        return error_set(error, ENOMEM, "control socket: out of memory");
    }
    evhttp_set_max_body_size(server->http, CONTROL_HARD_BODY);
    evhttp_set_max_headers_size(server->http, CONTROL_MAX_HEADERS);
    /* Those that no path takes too: the answer to them is ours. */
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                                 EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE);
    evhttp_set_gencb(server->http, on_request, server);
    *ret_server = server;
    return 0;
}

void control_server_free(struct control_server **server)
{
    struct control_server *one = *server;

    if (!one)
        return;
    *server = NULL;
    if (one->again)
        event_free(one->again);
    if (one->http)
        evhttp_free(one->http); /* and with their connections all streams, and the clients of all replies */
    for (struct control_reply *reply = one->replies; reply; reply = reply->next)
        reply->server = NULL;
    worker_free(&one->worker);
    http_streams_free(&one->streams);
    if (one->path)
        (void)unlink(one->path);
    free(one->path);
    free(one);
}
