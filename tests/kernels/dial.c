/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * dial: the sockets of the kernel checks, linked statically so that it runs where nothing is installed.
 *
 *   dial COUNT 4|mapped|6 ADDRESS PORT   connects COUNT times, one after the other, and says how they ended
 *   dial COUNT udp ADDRESS PORT          the same with a datagram each, of one socket that is not connected; what comes
 *                                        back from another address than that does not count
 *   dial serve ADDRESS PORT              answers every connection with one line, and every datagram
 *   dial plug ADDRESS PORT               listens with a full queue: the kernel drops every further SYN, as a
 *                                        host that is gone would
 *
 * The first prints one line that a shell can evaluate. `last_failure` is the number of the last connect, from
 * 1, that was not served, 0 if there is none; `seconds` is the time of all of them together, in whole
 * milliseconds as S.mmm.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ANSWER   "served\n"
#define PATIENCE 60 /* seconds of alarm(): a socket that hangs ends the program, not the check */

struct outcomes {
    int served, refused, denied, timed_out, other, last_errno, last_failure;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* Fills an address of AF_INET or AF_INET6; IPv4 text with "mapped" becomes ::ffff:ADDRESS. */
static socklen_t parse(const char *family, const char *address, const char *port, struct sockaddr_storage *to)
{
    struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)to;
    struct sockaddr_in *to4 = (struct sockaddr_in *)to;
    in_port_t port_be = htons((unsigned short)atoi(port));
    char mapped[64];

    memset(to, 0, sizeof(*to));
    if (strcmp(family, "4") == 0 || strcmp(family, "udp") == 0) {
        to4->sin_family = AF_INET;
        to4->sin_port = port_be;
        if (inet_pton(AF_INET, address, &to4->sin_addr) != 1)
            fail(address);
        return sizeof(*to4);
    }
    (void)snprintf(mapped, sizeof(mapped), "%s%s", strcmp(family, "mapped") == 0 ? "::ffff:" : "", address);
    to6->sin6_family = AF_INET6;
    to6->sin6_port = port_be;
    if (inet_pton(AF_INET6, mapped, &to6->sin6_addr) != 1)
        fail(mapped);
    return sizeof(*to6);
}

/* 0: connected and answered, -1: errno tells. */
static int ask(const struct sockaddr_storage *to, socklen_t size)
{
    char answer[sizeof(ANSWER)];
    int r = -1, reason = 0, fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fail("socket");
    if (connect(fd, (const struct sockaddr *)to, size) < 0)
        reason = errno;
    else if (recv(fd, answer, sizeof(answer), MSG_WAITALL) == (ssize_t)strlen(ANSWER))
        r = 0;
    else
        reason = EPROTO;
    (void)close(fd);
    errno = reason;
    return r;
}

/* The same with a datagram. One socket for all: a flow keeps its endpoint. */
static int ask_by_datagram(int fd, const struct sockaddr_storage *to, socklen_t size)
{
    struct sockaddr_storage from = {0};
    socklen_t from_size = sizeof(from);
    char answer[sizeof(ANSWER)];

    if (sendto(fd, "?", 1, 0, (const struct sockaddr *)to, size) < 0 ||
        recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)&from, &from_size) < 0)
        return -1;
    errno = EPROTO;
    return from_size == size && memcmp(&from, to, size) == 0 ? 0 : -1;
}

static int datagram_socket(void)
{
    const struct timeval patience = {2, 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        fail("socket");
    return fd;
}

static void count(struct outcomes *outcomes, int reason, int attempt)
{
    outcomes->served += reason == 0;
    outcomes->refused += reason == ECONNREFUSED;
    outcomes->denied += reason == EPERM;
    outcomes->timed_out += reason == ETIMEDOUT;
    outcomes->other += reason && reason != ECONNREFUSED && reason != EPERM && reason != ETIMEDOUT;
    if (reason) {
        outcomes->last_failure = attempt;
        outcomes->last_errno = reason;
    }
}

/* `by_datagram`: by this socket of UDP, or -1 for TCP. */
static int dial(int attempts, int by_datagram, const struct sockaddr_storage *to, socklen_t size)
{
    struct outcomes outcomes = {0};
    struct timespec began, ended;
    long long ms;

    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 1; i <= attempts; i++)
        count(&outcomes,
              (by_datagram < 0 ? ask(to, size) : ask_by_datagram(by_datagram, to, size)) < 0 ? errno : 0, i);
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    ms = (ended.tv_sec - began.tv_sec) * 1000LL + (ended.tv_nsec - began.tv_nsec) / 1000000;
    printf("served=%d refused=%d denied=%d timed_out=%d other=%d last_errno=%d last_failure=%d "
           "seconds=%lld.%03lld\n",
           outcomes.served, outcomes.refused, outcomes.denied, outcomes.timed_out, outcomes.other,
           outcomes.last_errno, outcomes.last_failure, ms / 1000, ms % 1000);
    return 0;
}

static int listen_at(const struct sockaddr_storage *at, socklen_t size, int backlog)
{
    int one = 1, fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (const struct sockaddr *)at, size) < 0 || listen(fd, backlog) < 0)
        fail("listen");
    return fd;
}

static void say_up(void)
{
    printf("up\n");
    (void)fflush(stdout);
}

/* In a process of its own. */
static void answer_datagrams(const struct sockaddr_storage *at, socklen_t size)
{
    int fd = socket(at->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)at, size) < 0)
        fail("bind");
    if (fork() != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t from_size = sizeof(from);
        char byte;

        if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &from_size) >= 0)
            (void)sendto(fd, ANSWER, strlen(ANSWER), 0, (struct sockaddr *)&from, from_size);
    }
}

static _Noreturn void serve(const struct sockaddr_storage *at, socklen_t size)
{
    int listener = listen_at(at, size, 128);

    answer_datagrams(at, size);
    say_up();
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            fail("accept");
        if (send(fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL) < 0)
            perror("send");
        (void)close(fd);
    }
}

static _Noreturn void plug(const struct sockaddr_storage *at, socklen_t size)
{
    (void)listen_at(at, size, 0);
    /* A backlog of 0 holds one connection; the others make sure of it. */
    for (int i = 0; i < 4; i++) {
        int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || (connect(fd, (const struct sockaddr *)at, size) < 0 && errno != EINPROGRESS))
            fail("plug");
    }
    say_up();
    for (;;)
        (void)pause();
}

int main(int argc, char **argv)
{
    struct sockaddr_storage address;
    socklen_t size;

    if (argc == 4 && strcmp(argv[1], "serve") == 0) {
        size = parse("4", argv[2], argv[3], &address);
        serve(&address, size);
    }
    if (argc == 4 && strcmp(argv[1], "plug") == 0) {
        size = parse("4", argv[2], argv[3], &address);
        plug(&address, size);
    }
    if (argc == 5 && atoi(argv[1]) > 0) {
        size = parse(argv[2], argv[3], argv[4], &address);
        (void)alarm(PATIENCE);
        return dial(atoi(argv[1]), strcmp(argv[2], "udp") == 0 ? datagram_socket() : -1, &address, size);
    }
    (void)fprintf(stderr, "usage: dial COUNT 4|mapped|6|udp ADDRESS PORT | dial serve|plug ADDRESS PORT\n");
    return 2;
}
