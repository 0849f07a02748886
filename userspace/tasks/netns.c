/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "tasks/netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

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
