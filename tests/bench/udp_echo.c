/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * udp_echo: sends each datagram back, from the address it came to.
 *
 *   udp_echo ADDRESS:PORT...        prints READY
 *
 * On 0.0.0.0 one socket stands for as many endpoints as there are addresses in 127.0.0.0/8.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "targets.h"

#define MAX_SOCKETS 16
#define MAX_SIZE    2048

static int open_socket(const char *text)
{
    const int one = 1;
    struct target target;
    int fd;

    if (!target_parse(text, false, &target)) {
        errno = EINVAL;
        return -1;
    }
    fd = socket(target.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) == 0 &&
        bind(fd, (const struct sockaddr *)&target.address, target.length) == 0)
        return fd;
    return -1;
}

static void echo_waiting(int fd)
{
    char data[MAX_SIZE];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct sockaddr_storage from;
    struct iovec part = {.iov_base = data};
    struct msghdr message = {.msg_name = &from, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control};

    for (;;) {
        struct cmsghdr *header;
        ssize_t size;

        part.iov_len = sizeof(data);
        message.msg_namelen = sizeof(from);
        message.msg_controllen = sizeof(control);
        size = recvmsg(fd, &message, 0);
        if (size < 0)
            return;
        header = CMSG_FIRSTHDR(&message);
        /* The same header names the source of what is sent; by whichever interface leads there. */
        if (header && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO)
            ((struct in_pktinfo *)CMSG_DATA(header))->ipi_ifindex = 0;
        part.iov_len = (size_t)size;
        (void)sendmsg(fd, &message, 0);
    }
}

int main(int argc, char **argv)
{
    struct pollfd sockets[MAX_SOCKETS];
    nfds_t n = 0;

    if (argc < 2 || argc > 1 + MAX_SOCKETS) {
        (void)fprintf(stderr, "usage: udp_echo ADDRESS:PORT...\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 1; i < argc; i++) {
        sockets[n] = (struct pollfd){.fd = open_socket(argv[i]), .events = POLLIN};
        if (sockets[n++].fd < 0) {
            (void)fprintf(stderr, "udp_echo: %s: %s\n", argv[i], strerror(errno));
            return 1;
        }
    }
    printf("READY\n");
    (void)fflush(stdout);
    for (;;) {
        if (poll(sockets, n, -1) < 0 && errno != EINTR)
            return 1;
        for (nfds_t i = 0; i < n; i++)
            if (sockets[i].revents & POLLIN)
                echo_waiting(sockets[i].fd);
    }
}
