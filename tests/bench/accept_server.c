/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * accept_server: sends each connection one byte, the last one of the address it came to, and closes it.
 *
 *   accept_server PORT [IPV4-ADDRESS...]        prints READY
 *
 * Without addresses it listens on all of this host, IPv4 and IPv6: one listener stands for as many endpoints
 * as there are addresses in 127.0.0.0/8.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG       4096
#define MAX_LISTENERS 16

static int listen_on(const struct sockaddr *address, socklen_t length)
{
    const int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int listen_on_v4(const char *text, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    return listen_on((const struct sockaddr *)&address, sizeof(address));
}

static int listen_on_v6(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};

    return listen_on((const struct sockaddr *)&address, sizeof(address));
}

static void serve(int fd)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof(local);
    unsigned char byte = 0;

    if (getsockname(fd, (struct sockaddr *)&local, &length) == 0)
        byte = local.ss_family == AF_INET6
                   ? ((const struct sockaddr_in6 *)&local)->sin6_addr.s6_addr[15]
                   : (unsigned char)ntohl(((const struct sockaddr_in *)&local)->sin_addr.s_addr);
    (void)send(fd, &byte, 1, MSG_NOSIGNAL);
    (void)close(fd);
}

static void accept_waiting(const struct pollfd *listener)
{
    int fd;

    while (listener->revents & POLLIN && (fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        serve(fd);
}

int main(int argc, char **argv)
{
    long port = argc >= 2 && argc < 2 + MAX_LISTENERS ? strtol(argv[1], NULL, 10) : 0;
    struct pollfd listeners[MAX_LISTENERS];
    nfds_t n = 0;

    if (port < 1 || port > 65535) {
        (void)fprintf(stderr, "usage: accept_server PORT [IPV4-ADDRESS...]\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 2; i < argc; i++)
        listeners[n++] = (struct pollfd){.fd = listen_on_v4(argv[i], (uint16_t)port), .events = POLLIN};
    if (n == 0) {
        listeners[n++] = (struct pollfd){.fd = listen_on_v4("0.0.0.0", (uint16_t)port), .events = POLLIN};
        /* -1 where there is no IPv6, which poll() passes over. */
        listeners[n++] = (struct pollfd){.fd = listen_on_v6((uint16_t)port), .events = POLLIN};
    }
    if (listeners[0].fd < 0) {
        (void)fprintf(stderr, "accept_server: port %ld: %s\n", port, strerror(errno));
        return 1;
    }
    printf("READY\n");
    (void)fflush(stdout);
    for (;;) {
        if (poll(listeners, n, -1) < 0 && errno != EINTR)
            return 1;
        for (nfds_t i = 0; i < n; i++)
            accept_waiting(&listeners[i]);
    }
}
