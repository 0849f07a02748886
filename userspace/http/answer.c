/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How an answer gets to the client: at once, later by a reply that somebody holds, or slice by slice. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "http/connection.h"

struct http_reply {
    struct http_server *server;         /* NULL: it has ended */
    struct http_connection *connection; /* NULL: nobody waits */
    struct http_reply *next, *previous; /* of the server's that are out */
    struct event *timer;
    struct http_request request;
    char *head; /* that the request points into */
    void *body;
    size_t length;
};

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {411, "Length Required"},
        {413, "Payload Too Large"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

/* ---- at once ---- */

/* Nobody waits for it any more. */
static void answer_part(struct http_reply *reply)
{
    if (reply->connection)
        reply->connection->reply = NULL;
    reply->connection = NULL;
    if (reply->timer)
        event_free(reply->timer);
    reply->timer = NULL;
}

#define DATE_SIZE 32

/* As RFC 9110 has it. AWS's SDKs correct their clock by it. */
static const char *date_now(char date[static DATE_SIZE])
{
    time_t now = time(NULL);
    struct tm parts;

    if (!gmtime_r(&now, &parts) || strftime(date, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        date[0] = '\0';
    return date;
}

/* The head of an answer; what it does not say is the length or the coding of the body. */
static void begin_answer(struct http_connection *connection, int status, const char *framing)
{
    struct http_server *server = connection->server;
    struct evbuffer *output = bufferevent_get_output(connection->socket);
    char date[DATE_SIZE];

    if (connection->reply)
        answer_part(connection->reply); /* whoever holds it is late */
    free(connection->head);
    connection->head = NULL;
    connection->has_begun = false;
    connection->is_awaited = false;
    (void)evbuffer_add_printf(
        output, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n%s", status, http_reason(status),
        date_now(date), connection->content_type ? connection->content_type : server->service->content_type,
        framing);
    if (connection->lines)
        (void)evbuffer_add_printf(output, "%s", connection->lines);
    if (server->service->add_headers)
        server->service->add_headers(output, status, server->user);
    (void)evbuffer_add_printf(output, "%s\r\n", connection->is_closing ? "Connection: close\r\n" : "");
    http_connection_patience(connection, server->limits.reply_ms);
    if (connection->is_closing)
        (void)bufferevent_disable(connection->socket, EV_READ);
}

static void send_body(struct http_connection *connection, int status, struct evbuffer *body)
{
    char framing[64] = "";

    if (status != 304) /* its length would be that of what it stands for */
        (void)snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", evbuffer_get_length(body));
    begin_answer(connection, status, framing);
    if (status == 304 || connection->is_head)
        (void)evbuffer_drain(body, evbuffer_get_length(body));
    (void)evbuffer_add_buffer(bufferevent_get_output(connection->socket), body);
}

void http_answer(struct http_connection *connection, int status, struct evbuffer *body)
{
    connection->is_closing = !connection->request.keeps_alive;
    send_body(connection, status, body);
}

void http_refuse(struct http_connection *connection, int status, const char *sentence)
{
    struct evbuffer *body = evbuffer_new();

    if (!body) {
        http_connection_free(connection);
        return;
    }
    connection->server->service->refuse(status, sentence, body);
    connection->lines = NULL;
    connection->is_closing = true;
    send_body(connection, status, body);
    evbuffer_free(body);
}

/* ---- slice by slice ---- */

/* Without chunks only a reset says that the body is not whole. */
static void cut_off(struct http_connection *connection)
{
    const struct linger none = {.l_onoff = 1};

    if (!connection->request.takes_chunks)
        (void)setsockopt(bufferevent_getfd(connection->socket), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    http_connection_free(connection);
}

static void answer_on_slice(struct evbuffer *slice, int r, void *user)
{
    struct http_connection *connection = user;
    struct evbuffer *output = bufferevent_get_output(connection->socket);
    bool is_chunk = connection->request.takes_chunks && evbuffer_get_length(slice) > 0;

    if (r < 0) {
        cut_off(connection);
        return;
    }
    if (is_chunk)
        (void)evbuffer_add_printf(output, "%zx\r\n", evbuffer_get_length(slice));
    (void)evbuffer_add_buffer(output, slice);
    if (is_chunk)
        (void)evbuffer_add(output, "\r\n", 2);
    http_connection_patience(connection, connection->server->limits.reply_ms);
    if (r > 0)
        return;
    http_stream_free(&connection->stream);
    if (connection->request.takes_chunks)
        (void)evbuffer_add(output, "0\r\n\r\n", 5);
    else if (evbuffer_get_length(output) == 0)
        http_connection_free(connection); /* its end is the end of the body, and all of that is out */
}

static int answer_begin_stream(struct http_connection *connection, int status,
                               const struct http_writer *writer)
{
    bool has_chunks = connection->request.takes_chunks;
    int r;

    if (connection->is_head) {
        if (writer->done)
            writer->done(writer->user);
        connection->is_closing = !connection->request.keeps_alive;
        begin_answer(connection, status, has_chunks ? "Transfer-Encoding: chunked\r\n" : "");
        return 0;
    }
    r = http_stream_new(connection->server->streams, writer, answer_on_slice, connection,
                        &connection->stream);
    if (r < 0)
        return r;
    connection->is_closing = !has_chunks || !connection->request.keeps_alive;
    begin_answer(connection, status, has_chunks ? "Transfer-Encoding: chunked\r\n" : "");
    return 0;
}

void http_call_headers(struct http_call *call, const char *lines)
{
    call->connection->lines = lines;
}

int http_call_stream(struct http_call *call, int status, const struct http_writer *writer)
{
    return answer_begin_stream(call->connection, status, writer) < 0 ? HTTP_TOO_MANY : HTTP_LATER;
}

/* ---- later ---- */

static void reply_free(struct http_reply *reply)
{
    struct http_server *server = reply->server;

    answer_part(reply);
    if (server) {
        if (reply->previous)
            reply->previous->next = reply->next;
        else
            server->replies = reply->next;
        if (reply->next)
            reply->next->previous = reply->previous;
        server->n_replies--;
        server->n_bytes -= reply->length;
    }
    free(reply->head);
    free(reply->body);
    free(reply);
}

static void answer_on_answer_time(evutil_socket_t fd, short what, void *user)
{
    struct http_reply *reply = user;
    char sentence[128];

    (void)fd;
    (void)what;
    (void)snprintf(sentence, sizeof(sentence),
                   "the answer took longer than %g s; the change may still be made",
                   reply->server->limits.answer_ms / 1000.0);
    http_refuse(reply->connection, 504, sentence);
}

struct http_reply *http_call_defer(struct http_call *call)
{
    struct http_connection *connection = call->connection;
    struct http_server *server = connection->server;
    const struct timeval patience = {.tv_sec = server->limits.answer_ms / 1000,
                                     .tv_usec = server->limits.answer_ms % 1000 * 1000};
    struct http_reply *reply = server->n_replies < server->limits.replies ? calloc(1, sizeof(*reply)) : NULL;

    if (!reply)
        return NULL;
    reply->body = malloc(call->length + 1);
    reply->timer = evtimer_new(server->base, answer_on_answer_time, reply);
    if (!reply->body || !reply->timer || evtimer_add(reply->timer, &patience) < 0) {
        reply_free(reply);
        return NULL;
    }
    memcpy(reply->body, call->body, call->length);
    reply->length = call->length;
    reply->request = connection->request;
    reply->head = TAKE_PTR(connection->head);
    reply->server = server;
    reply->next = server->replies;
    if (server->replies)
        server->replies->previous = reply;
    server->replies = reply;
    server->n_replies++;
    server->n_bytes += reply->length;
    reply->connection = connection;
    connection->reply = reply;
    connection->deadline_ms = UINT64_MAX; /* the reply has a timer of its own */
    return reply;
}

const struct http_request *http_reply_request(const struct http_reply *reply)
{
    return &reply->request;
}

const void *http_reply_body(const struct http_reply *reply, size_t *ret_length)
{
    *ret_length = reply->length;
    return reply->body;
}

bool http_reply_is_gone(const struct http_reply *reply)
{
    return !reply->connection;
}

void http_reply_send(struct http_reply *reply, int status, struct evbuffer *body)
{
    if (reply->connection)
        http_answer(reply->connection, status, body);
    (void)evbuffer_drain(body, evbuffer_get_length(body));
    reply_free(reply);
}

void http_reply_stream(struct http_reply *reply, int status, const struct http_writer *writer)
{
    struct http_connection *connection = reply->connection;

    reply_free(reply);
    if (!connection) {
        if (writer->done)
            writer->done(writer->user);
    } else if (answer_begin_stream(connection, status, writer) < 0) {
        http_refuse(connection, 503, HTTP_TOO_MANY_SENTENCE);
    }
}

void http_answer_forget(struct http_connection *connection)
{
    if (connection->reply)
        answer_part(connection->reply);
    http_stream_free(&connection->stream);
}

void http_replies_forget(struct http_server *server)
{
    for (struct http_reply *reply = server->replies; reply; reply = reply->next)
        reply->server = NULL;
}
