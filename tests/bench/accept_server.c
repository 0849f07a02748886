/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * accept_server: sends each connection one byte, the last one of the address it came to, and closes it.
 *
 *   accept_server PORT        on every address of this host, IPv4 and IPv6; prints READY
 *
 * One listener stands for as many endpoints as there are addresses of 127.0.0.0/8.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#define BACKLOG 4096

static int listen_on(int family, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, family == AF_INET6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
             family == AF_INET6 ? sizeof(v6) : sizeof(v4)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
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

int main(int argc, char **argv)
{
    struct pollfd listeners[2];
    long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

    if (port < 1 || port > 65535) {
        (void)fprintf(stderr, "usage: accept_server PORT\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    listeners[0] = (struct pollfd){.fd = listen_on(AF_INET, (uint16_t)port), .events = POLLIN};
    listeners[1] = (struct pollfd){.fd = listen_on(AF_INET6, (uint16_t)port), .events = POLLIN};
    if (listeners[0].fd < 0) {
        (void)fprintf(stderr, "accept_server: port %ld: %s\n", port, strerror(errno));
        return 1;
    }
    printf("READY\n");
    (void)fflush(stdout);
    for (;;) {
        if (poll(listeners, 2, -1) < 0 && errno != EINTR)
            return 1;
        for (int i = 0; i < 2; i++) {
            int fd;

            while (listeners[i].revents & POLLIN &&
                   (fd = accept4(listeners[i].fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                serve(fd);
        }
    }
}
