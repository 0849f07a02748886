/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

struct work {
    int netns_fd;
    int (*function)(void *user);
    void *user;
    int r;
};

static void *enter_and_run(void *argument)
{
    struct work *work = argument;

    work->r = setns(work->netns_fd, CLONE_NEWNET) < 0 ? -errno : work->function(work->user);
    return NULL;
}

int netns_run(int netns_fd, int (*function)(void *user), void *user)
{
    struct work work = {netns_fd, function, user, 0};
    sigset_t all, previous;
    pthread_t thread;
    int r;

    /* Signals are the caller's thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&thread, NULL, enter_and_run, &work);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (r != 0)
        return -r;
    (void)pthread_join(thread, NULL);
    return work.r;
}

static int read_cookie(void *user)
{
    uint64_t *cookie = user;
    socklen_t size = sizeof(*cookie);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0 ? -errno : 0;

    if (fd >= 0)
        (void)close(fd);
    return r;
}

uint64_t netns_cookie(int netns_fd)
{
    uint64_t cookie = 0;

    return netns_run(netns_fd, read_cookie, &cookie) < 0 ? 0 : cookie;
}
