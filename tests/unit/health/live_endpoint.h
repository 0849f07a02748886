/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An event loop, and endpoints of the test's on loopback: one that listens, one that refuses, one that never
 * answers. Included after cmocka.h by the test files that use real sockets.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "settings/service_settings.h"

/* What must happen happens within this time; what takes so long is lost. */
#define PATIENCE_MS 20000

static struct event_base *base;

static inline int loop_begin(void **unused)
{
    (void)unused;
    (void)signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    return base ? 0 : -1;
}

static inline int loop_end(void **unused)
{
    (void)unused;
    event_base_free(base);
    base = NULL;
    return 0;
}

static inline int64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static inline void loop_for(unsigned ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_base_loopexit(base, &time);
    (void)event_base_dispatch(base);
}

/* Runs the loop until `is_true` holds; fails if it takes too long. */
static inline void loop_until(bool (*is_true)(void *), void *user, const char *what)
{
    int64_t end_ms = clock_ms() + PATIENCE_MS;

    while (!is_true(user)) {
        if (clock_ms() > end_ms)
            fail_msg("not within %d ms: %s", PATIENCE_MS, what);
        loop_for(2);
    }
}

/* A socket bound to a free port of 127.0.0.1 or ::1; listening, unless `backlog` is negative. */
static inline int bind_loopback(int family, int backlog, uint16_t *ret_port)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t length = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (family == AF_INET)
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        v6->sin6_addr = in6addr_loopback;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
    return fd;
}

static inline struct ip_address loopback(int family)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(family == AF_INET ? "127.0.0.1" : "::1", &address), 0);
    return address;
}

/* An endpoint that never answers: its backlog is full, so the kernel drops what else arrives. */
struct silent {
    int listener;
    int fillers[4];
    uint16_t port;
};

static inline void silent_begin(struct silent *silent)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    silent->listener = bind_loopback(AF_INET, 0, &silent->port);
    address.sin_port = htons(silent->port);
    for (size_t i = 0; i < ARRAY_SIZE(silent->fillers); i++) {
        silent->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(silent->fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
}

static inline void silent_end(const struct silent *silent)
{
    for (size_t i = 0; i < ARRAY_SIZE(silent->fillers); i++)
        (void)close(silent->fillers[i]);
    (void)close(silent->listener);
}
