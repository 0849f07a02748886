/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "oci_runtime/tell.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/json.h"

#define MS 1000000u

static char *request_text(const struct container *container)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    cJSON *labels = cJSON_AddObjectToObject(json, "labels");
    _cleanup_free_ char *body = NULL;
    char *text = NULL;

    (void)cJSON_AddStringToObject(json, "id", container->id);
    (void)cJSON_AddNumberToObject(json, "pid", container->pid);
    for (size_t i = 0; i < container->n_labels; i++)
        (void)cJSON_AddStringToObject(labels, container->labels[i].name, container->labels[i].value);
    body = json_print(json);
    if (!body || asprintf(&text,
                          "POST /v1/starts HTTP/1.1\r\nHost: svcconnect\r\nContent-Type: application/json\r\n"
                          "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(body), body) < 0)
        return NULL;
    return text;
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd one = {.fd = fd, .events = events};
    uint64_t now = clock_monotonic_ns();
    int r = now < deadline_ns ? poll(&one, 1, (int)((deadline_ns - now) / MS) + 1) : 0;

    return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int send_all(int fd, const char *text, uint64_t deadline_ns)
{
    size_t length = strlen(text);
    int r = 0;

    while (r == 0 && length > 0) {
        ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            return -errno;
        if (n < 0) {
            r = wait_for(fd, POLLOUT, deadline_ns);
            continue;
        }
        text += n;
        length -= (size_t)n;
    }
    return r;
}

/* Its beginning says enough: "HTTP/1.1 200". */
static int tell_read_status(int fd, uint64_t deadline_ns)
{
    static const char good[] = "HTTP/1.1 200";
    char answer[sizeof(good)] = "";
    size_t length = 0;

    while (length < sizeof(good) - 1) {
        ssize_t n = recv(fd, answer + length, sizeof(good) - 1 - length, 0);
        int r = n < 0 && errno == EAGAIN ? wait_for(fd, POLLIN, deadline_ns) : 0;

        if (r < 0)
            return r;
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return n == 0 ? -EPROTO : -errno;
        length += n > 0 ? (size_t)n : 0;
    }
    return memcmp(answer, good, sizeof(good) - 1) == 0 ? 0 : -EPROTO;
}

int tell_start(const char *socket_path, const struct container *container, uint64_t deadline_ns)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_free_ char *text = request_text(container);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (!text)
        return -ENOMEM;
    if (fd < 0)
        return -errno;
    if (strlen(socket_path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    r = send_all(fd, text, deadline_ns);
    return r < 0 ? r : tell_read_status(fd, deadline_ns);
}
