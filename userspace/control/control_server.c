/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "control/control_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

struct control_server {
    struct evhttp *http;
    const struct control_route *routes;
    void *user;
    char *path;
};

static const struct {
    int number;
    int status;
    const char *reason;
} statuses[] = {
    {EINVAL, HTTP_BADREQUEST, "Bad Request"},
    {ENOENT, HTTP_NOTFOUND, "Not Found"},
    {EEXIST, 409, "Conflict"},
    {EBUSY, 409, "Conflict"},
    {EFBIG, HTTP_ENTITYTOOLARGE, "Payload Too Large"},
    {ENOTSUP, HTTP_BADMETHOD, "Method Not Allowed"},
    {ENOSPC, 507, "Insufficient Storage"},
    {E2BIG, 507, "Insufficient Storage"},
};

cJSON *control_error_json(const struct error *error)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON *object = cJSON_AddObjectToObject(answer, "error");

    (void)cJSON_AddStringToObject(object, "message", error->message);
    if (error->field[0]) {
        (void)cJSON_AddStringToObject(object, "field", error->field);
        (void)cJSON_AddStringToObject(object, "value", error->value);
        (void)cJSON_AddStringToObject(object, "allowed", error->allowed);
    }
    return answer;
}

static void send_text(struct evhttp_request *http, int status, const char *reason, const char *type,
                      const char *text)
{
    struct evbuffer *buffer = evhttp_request_get_output_buffer(http);

    (void)evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Type", type);
    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply(http, status, reason, NULL);
}

static void send_json(struct evhttp_request *http, int status, const char *reason, const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    send_text(http, text ? status : HTTP_INTERNAL, text ? reason : "Internal Error", "application/json",
              text ? text : "{\"error\":{\"message\":\"out of memory\"}}");
    cJSON_free(text);
}

static void find_status(int number, int *ret_status, const char **ret_reason)
{
    *ret_status = HTTP_INTERNAL;
    *ret_reason = "Internal Error";
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].number == number) {
            *ret_status = statuses[i].status;
            *ret_reason = statuses[i].reason;
        }
}

/* `answer`: the handler's own, or NULL for one made of the error. */
static void send_error(struct evhttp_request *http, int r, const cJSON *answer, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    const char *reason;
    int status;

    if (!error->number)
        (void)error_errno(error, r, "the request failed");
    find_status(answer ? -r : error->number, &status, &reason);
    if (!answer)
        json = control_error_json(error);
    send_json(http, status, reason, answer ? answer : json);
}

/* The table entry; -ENOENT: no such path, -ENOTSUP: the path has other methods. */
static int find_route(const struct control_server *server, enum evhttp_cmd_type method, const char *path,
                      const struct control_route **ret_route)
{
    int r = -ENOENT;

    for (const struct control_route *route = server->routes; route->path; route++) {
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

static int read_body(struct evhttp_request *http, size_t limit, cJSON **ret_body, struct error *error)
{
    struct evbuffer *buffer = evhttp_request_get_input_buffer(http);
    size_t length = evbuffer_get_length(buffer);
    _cleanup_json_ cJSON *body = NULL;
    const unsigned char *bytes;
    int r;

    if (length == 0) {
        *ret_body = cJSON_CreateObject();
        return *ret_body ? 0 : -ENOMEM;
    }
    if (length > limit)
        return error_set(error, EFBIG, "request body: %zu bytes; at most %zu are accepted", length, limit);
    bytes = evbuffer_pullup(buffer, -1);
    if (!bytes)
        return -ENOMEM;
    r = json_parse("request body", (const char *)bytes, length, &body, error);
    if (r < 0)
        return r;
    if (!cJSON_IsObject(body))
        return error_set(error, EINVAL, "request body: a JSON object is wanted");
    *ret_body = TAKE_PTR(body);
    return 0;
}

static int dispatch(const struct control_server *server, struct evhttp_request *http, cJSON **ret_answer,
                    char **ret_text, struct error *error)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *query_text = uri ? evhttp_uri_get_query(uri) : NULL;
    const struct control_route *route = NULL;
    _cleanup_json_ cJSON *body = NULL;
    struct evkeyvalq query = {0};
    struct control_call call = {.query = &query};
    int r = find_route(server, evhttp_request_get_command(http), path ? path : "", &route);

    if (r == -ENOTSUP)
        return error_set(error, ENOTSUP, "%s does not take this method (see docs/api.md)", path);
    if (r < 0)
        return error_set(error, ENOENT, "no such path: %.200s (see docs/api.md)", path ? path : "");
    if (route->handle_text)
        return route->handle_text(ret_text, server->user);
    r = read_body(http, route->max_body ? route->max_body : CONTROL_MAX_BODY, &body, error);
    if (r < 0)
        return r;
    if (query_text && evhttp_parse_query_str(query_text, &query) < 0)
        return error_set(error, EINVAL, "the URL's query cannot be read");
    call.body = body;
    r = route->handle(&call, ret_answer, error, server->user);
    evhttp_clear_headers(&query);
    return r;
}

static void on_request(struct evhttp_request *http, void *user)
{
    const struct control_server *server = user;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *text = NULL;
    struct error error = {0};
    int r = dispatch(server, http, &answer, &text, &error);

    if (r < 0)
        send_error(http, r, answer, &error);
    else if (text)
        send_text(http, HTTP_OK, "OK", "text/plain; version=0.0.4", text);
    else
        send_json(http, HTTP_OK, "OK", answer);
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

int control_server_new(struct event_base *base, const char *socket_path, const struct control_route *routes,
                       void *user, struct control_server **ret_server, struct error *error)
{
    struct control_server *server = calloc(1, sizeof(*server));
    struct evconnlistener *listener = NULL;
    int fd;

    if (!server)
        return error_set(error, ENOMEM, "out of memory");
    server->routes = routes;
    server->user = user;
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
    if (!listener || !server->path || !evhttp_bind_listener(server->http, listener)) {
        if (listener)
            evconnlistener_free(listener);
        else
            (void)close(fd);
        control_server_free(&server);
        return error_set(error, ENOMEM, "control socket: out of memory");
    }
    evhttp_set_max_body_size(server->http, CONTROL_HARD_BODY);
    evhttp_set_max_headers_size(server->http, CONTROL_MAX_HEADERS);
    evhttp_set_timeout(server->http, CONTROL_TIMEOUT_S);
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
    if (!*server)
        return;
    if ((*server)->http)
        evhttp_free((*server)->http);
    if ((*server)->path)
        (void)unlink((*server)->path);
    free((*server)->path);
    free(*server);
    *server = NULL;
}
