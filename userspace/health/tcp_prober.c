/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Probes that are over are kept for the next ones: a steady rate of them allocates nothing. */
#include "health/tcp_prober.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

struct tcp_probe {
    struct event event;
    struct tcp_prober *prober;
    struct tcp_probe *next_idle;
    const struct probe_request *request;
    int fd;
};

struct tcp_prober {
    struct event_base *base;
    probe_done_fn done;
    struct tcp_probe *idle;
};

int tcp_prober_new(struct event_base *base, probe_done_fn done, struct tcp_prober **ret_prober)
{
    struct tcp_prober *prober = calloc(1, sizeof(*prober));

    if (!prober)
        return -ENOMEM;
    prober->base = base;
    prober->done = done;
    *ret_prober = prober;
    return 0;
}

void tcp_prober_free(struct tcp_prober **prober)
{
    struct tcp_probe *next;

    if (!*prober)
        return;
    for (struct tcp_probe *probe = (*prober)->idle; probe; probe = next) {
        next = probe->next_idle;
        free(probe);
    }
    free(*prober);
    *prober = NULL;
}

static void tcp_prober_retire(struct tcp_probe *probe)
{
    (void)event_del(&probe->event);
    (void)close(probe->fd);
    probe->next_idle = probe->prober->idle;
    probe->prober->idle = probe;
}

void tcp_prober_cancel(struct tcp_prober *prober, struct tcp_probe *probe)
{
    (void)prober;
    tcp_prober_retire(probe);
}

/* A connect to a local port from which the kernel itself happens to choose to connect meets itself. */
static bool is_own_peer(const struct tcp_probe *probe)
{
    struct sockaddr_storage local = {0};
    struct sockaddr_storage peer;
    socklen_t length = sizeof(local);
    socklen_t peer_length = probe_socket_address(probe->request, &peer);

    if (getsockname(probe->fd, (struct sockaddr *)&local, &length) < 0 || length != peer_length)
        return false;
    if (local.ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)&local;
        const struct sockaddr_in *b = (const struct sockaddr_in *)&peer;

        return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&local;
    const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)&peer;

    return a->sin6_port == b->sin6_port && IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr);
}

static void tcp_prober_on_event(evutil_socket_t fd, short what, void *user)
{
    struct tcp_probe *probe = user;
    const struct probe_request *request = probe->request;
    struct tcp_prober *prober = probe->prober;
    enum probe_outcome outcome = PROBE_PASSED;
    const char *reason = "connected";
    char late[64];
    int number = 0;
    socklen_t length = sizeof(number);

    if (what & EV_TIMEOUT) {
        (void)snprintf(late, sizeof(late), "no connection within %u ms", request->check->timeout_ms);
        outcome = PROBE_FAILED;
        reason = late;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 || number != 0) {
        number = number ? number : errno;
        outcome = probe_judge_errno(number);
        reason = probe_errno_text(number);
    } else if (is_own_peer(probe)) {
        outcome = PROBE_FAILED;
        reason = probe_errno_text(ECONNREFUSED);
    }
    tcp_prober_retire(probe);
    prober->done(request->user, outcome, reason);
}

static int connect_socket(const struct probe_request *request, int *ret_fd)
{
    const struct linger reset = {.l_onoff = 1};
    struct sockaddr_storage address;
    socklen_t length = probe_socket_address(request, &address);
    _cleanup_close_ int fd =
        socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static struct tcp_probe *tcp_prober_take_idle(struct tcp_prober *prober)
{
    struct tcp_probe *probe = prober->idle;

    if (probe)
        prober->idle = probe->next_idle;
    else
        probe = calloc(1, sizeof(*probe));
    return probe;
}

int tcp_prober_start(struct tcp_prober *prober, const struct probe_request *request,
                     struct tcp_probe **ret_probe)
{
    const struct timeval timeout = probe_time(request->check->timeout_ms);
    struct tcp_probe *probe;
    int fd = -1;
    int r = connect_socket(request, &fd);

    if (r < 0)
        return r;
    probe = tcp_prober_take_idle(prober);
    if (!probe) {
        (void)close(fd);
        return -ENOMEM;
    }
    probe->prober = prober;
    probe->request = request;
    probe->fd = fd;
    if (event_assign(&probe->event, prober->base, fd, EV_WRITE, tcp_prober_on_event, probe) < 0 ||
        event_add(&probe->event, &timeout) < 0) {
        tcp_prober_retire(probe);
        return -ENOMEM;
    }
    *ret_probe = probe;
    return 0;
}
