/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The process that has the sockets as well. It is forked while the daemon is small, has nothing of it, and does
 * nothing while the daemon lives but take and give up what it is told to. When that has ended it waits for the
 * next one, which takes all over; if none comes in time, it says so to those who asked, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/keep.h"
#include "names/dns_message.h"

#define OWN_FD       3
#define SOCKET_BYTES (4 << 20)
#define ANSWER_MS    20000 /* a daemon that has begun to take over has so long to say that it has */

struct item {
    struct item *next;
    int fds[KEEP_FDS];
    size_t n_fds;
    size_t size;
    struct keep_message message; /* no more than its size is there */
};

struct keeper {
    int fd; /* -1: the daemon has ended */
    int listen_fd;
    uint64_t orphan_ms; /* since when */
    struct item *items;
    struct keep_message message;
};

static void free_item(struct item **at)
{
    struct item *item = *at;

    *at = item->next;
    for (size_t i = 0; i < item->n_fds; i++)
        (void)close(item->fds[i]);
    free(item);
}

static void keeper_drop(struct keeper *keeper, uint32_t number)
{
    for (struct item **at = &keeper->items; *at;)
        if ((*at)->message.number == number)
            free_item(at);
        else
            at = &(*at)->next;
}

static void keeper_put(struct keeper *keeper, const int *fds, size_t n_fds)
{
    size_t size = offsetof(struct keep_message, text) + strlen(keeper->message.text) + 1;
    struct item *item = malloc(offsetof(struct item, message) + size);

    keeper_drop(keeper, keeper->message.number);
    if (!item) {
        for (size_t i = 0; i < n_fds; i++)
            (void)close(fds[i]);
        return;
    }
    memcpy(item->fds, fds, n_fds * sizeof(*fds));
    item->n_fds = n_fds;
    item->size = size;
    memcpy(&item->message, &keeper->message, size);
    item->next = keeper->items;
    keeper->items = item;
}

static void hear(struct keeper *keeper)
{
    int fds[KEEP_FDS];
    size_t n_fds = 0;
    int r = keep_receive(keeper->fd, &keeper->message, fds, &n_fds, MSG_DONTWAIT);

    if (r == -EPIPE) {
        (void)close(keeper->fd);
        keeper->fd = -1;
        keeper->orphan_ms = clock_monotonic_ms();
    }
    if (r < 0)
        return;
    switch (keeper->message.kind) {
    case KEEP_PUT:
        keeper_put(keeper, fds, n_fds);
        break;
    case KEEP_DROP:
        keeper_drop(keeper, keeper->message.number);
        break;
    case KEEP_LISTEN:
        if (keeper->listen_fd >= 0)
            (void)close(keeper->listen_fd);
        keeper->listen_fd = fds[0];
        break;
    case KEEP_LEAVE:
        _exit(0);
    default:
        break;
    }
}

static void hand_over(struct keeper *keeper)
{
    const struct timeval patience = {.tv_sec = ANSWER_MS / 1000};
    int fd = accept4(keeper->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    char byte;
    int r = 0;

    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (const struct item *item = keeper->items; item && r == 0; item = item->next)
        r = keep_send(fd, &item->message, item->fds, item->n_fds, 0);
    memset(&keeper->message, 0, sizeof(keeper->message));
    keeper->message.version = KEEP_VERSION;
    keeper->message.kind = KEEP_END;
    if (r == 0)
        r = keep_send(fd, &keeper->message, NULL, 0, 0);
    if (r == 0 && recv(fd, &byte, 1, 0) == 1)
        _exit(0);
    (void)close(fd);
}

/* Who has waited in vain shall not wait for his resolver's patience to end. */
static void refuse_all(const struct item *item)
{
    uint8_t message[DNS_HEADER_SIZE], answer[DNS_HEADER_SIZE];
    struct sockaddr_storage from;

    for (size_t i = 1; i < item->n_fds; i += 2) {
        socklen_t size = sizeof(from);

        while (recvfrom(item->fds[i], message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC,
                        (struct sockaddr *)&from, &size) >= DNS_HEADER_SIZE) {
            if (!(message[2] & 0x80)) {
                dns_message_refuse(message, DNS_SERVFAIL, answer);
                (void)!sendto(item->fds[i], answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL,
                              (struct sockaddr *)&from, size);
            }
            size = sizeof(from);
        }
    }
}

static bool is_needed(const struct keeper *keeper)
{
    for (const struct item *item = keeper->items; item; item = item->next)
        if (!keep_is_deserted(item->message.cgroup))
            return true;
    return false;
}

static void wait_for_the_next(struct keeper *keeper)
{
    struct pollfd next = {.fd = keeper->listen_fd, .events = POLLIN};
    uint64_t waited;

    if (!is_needed(keeper))
        _exit(0);
    if (poll(&next, 1, KEEP_LOOK_MS) > 0)
        hand_over(keeper);
    waited = clock_monotonic_ms() - keeper->orphan_ms;
    if (waited > KEEP_END_MS)
        _exit(0);
    for (const struct item *item = keeper->items; item && waited > KEEP_WAIT_MS; item = item->next)
        refuse_all(item);
}

/* Keeps nothing of this process: no lock, no socket, no terminal to write to, no signal meant for it. */
static _Noreturn void keeper_serve(struct keeper *keeper, int fd)
{
    int null_fd = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "svcconnect-keep", 0, 0, 0);
    for (int i = 0; i < OWN_FD && null_fd >= 0; i++)
        (void)dup2(null_fd, i);
    if (fd != OWN_FD)
        (void)dup2(fd, OWN_FD);
    (void)close_range(OWN_FD + 1, ~0u, 0);
    (void)fcntl(OWN_FD, F_SETFD, FD_CLOEXEC);
    if (chdir("/") < 0)
        _exit(1);
    *keeper = (struct keeper){.fd = OWN_FD, .listen_fd = -1};
    for (;;)
        if (keeper->fd >= 0) {
            struct pollfd own = {.fd = keeper->fd, .events = POLLIN};

            if (poll(&own, 1, -1) > 0)
                hear(keeper);
        } else {
            wait_for_the_next(keeper);
        }
}

int keeper_start(int *ret_fd)
{
    struct keeper *keeper = malloc(sizeof(*keeper));
    const int bytes = SOCKET_BYTES;
    sigset_t all, previous;
    int ends[2];
    pid_t pid;

    if (!keeper)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        free(keeper);
        return -errno;
    }
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
    /* All stay blocked over there: it outlives what the daemon is told to end by. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    pid = fork();
    if (pid == 0)
        keeper_serve(keeper, ends[1]);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    (void)close(ends[1]);
    free(keeper);
    if (pid < 0) {
        (void)close(ends[0]);
        return -EAGAIN;
    }
    *ret_fd = ends[0];
    return 0;
}
