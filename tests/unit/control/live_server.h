/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A real server on a socket in a directory of its own, its loop in a thread, and clients that are plain
 * sockets. Included after cmocka.h by each of the server's test files.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "control/control_server.h"

/* Shorter than the server's own patience: an answer that comes only because another client was dropped is too
 * late. */
#define PATIENCE_S (CONTROL_TIMEOUT_S / 2)

static char directory[64];
static char path[96];
static struct event_base *base;
static struct control_server *server;
static struct event *ending;
static int end_pipe[2];
static pthread_t thread;

static inline void on_end(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    (void)event_base_loopbreak(base);
}

static inline void *loop(void *user)
{
    (void)event_base_dispatch(base);
    return user;
}

static inline int server_start_tables(const struct control_table *tables, size_t n_tables)
{
    struct error error = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(directory, sizeof(directory), "%s/svc-control-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory) || pipe(end_pipe) < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/api.sock", directory);
    base = event_base_new();
    ending = base ? event_new(base, end_pipe[0], EV_READ, on_end, NULL) : NULL;
    if (!ending || event_add(ending, NULL) < 0)
        return -1;
    if (control_server_new(base, path, tables, n_tables, &server, &error) < 0) {
        print_error("%s\n", error.message);
        return -1;
    }
    return pthread_create(&thread, NULL, loop, NULL);
}

static inline int server_start(const struct control_route *routes)
{
    return server_start_tables(&(const struct control_table){routes, (void *)"user", NULL}, 1);
}

static inline int server_end(void)
{
    static const char *const left[] = {"other.sock", "stale.sock"}; /* by a test that failed */
    ssize_t n = write(end_pipe[1], "x", 1);
    char other[128];

    if (n != 1 || pthread_join(thread, NULL) != 0)
        return -1;
    control_server_free(&server);
    event_free(ending);
    event_base_free(base);
    (void)close(end_pipe[0]);
    (void)close(end_pipe[1]);
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        (void)snprintf(other, sizeof(other), "%s/%s", directory, left[i]);
        (void)unlink(other);
    }
    return rmdir(directory); /* fails while the server's own socket is still there */
}

/* ---- clients ---- */

struct answer {
    int status;
    char type[64];
    char *body;
    cJSON *json;
};

static inline void answer_done(struct answer *answer)
{
    free(answer->body);
    cJSON_Delete(answer->json);
}

static inline int connected(void)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

/* A server that refuses early may close while there is still more to send. */
static inline void send_all(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, text + done, length - done, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

/* Reads to the end: requests ask for "Connection: close". */
static inline void receive(int fd, struct answer *ret_answer)
{
    _cleanup_free_ char *text = calloc(1, 1 << 16);
    const char *type;
    const char *body;
    size_t length = 0;
    ssize_t n;

    *ret_answer = (struct answer){0};
    assert_non_null(text);
    while ((n = recv(fd, text + length, (1 << 16) - 1 - length, 0)) > 0)
        length += (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("no answer within %d s", PATIENCE_S);
    if (sscanf(text, "HTTP/1.1 %d", &ret_answer->status) != 1)
        fail_msg("no HTTP answer: \"%.100s\"", text);
    type = strcasestr(text, "\r\nContent-Type: ");
    if (type)
        (void)sscanf(type + 16, "%63[^\r]", ret_answer->type);
    body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    ret_answer->body = strdup(body + 4);
    ret_answer->json = cJSON_Parse(body + 4);
}

static inline void request(const char *method, const char *target, const char *body, size_t length,
                           struct answer *ret_answer)
{
    _cleanup_close_ int fd = connected();
    char head[256];

    (void)snprintf(head, sizeof(head),
                   "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", method,
                   target, length);
    send_all(fd, head, strlen(head));
    send_all(fd, body, length);
    receive(fd, ret_answer);
}

static inline const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text ? text : "(none)";
}

/* docs/api.md: any status of 400 and above carries {"error": {"message": ...}} as JSON. */
static inline const cJSON *error_of(const struct answer *answer, int status)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer->json, "error");

    if (answer->status != status || !cJSON_IsObject(error) || strcmp(answer->type, "application/json") != 0)
        fail_msg("wanted %d with an error object, got %d, %s: %.200s", status, answer->status, answer->type,
                 answer->body);
    assert_int_equal(cJSON_GetArraySize(answer->json), 1);
    assert_true(strlen(text_of(error, "message")) > 0);
    return error;
}
