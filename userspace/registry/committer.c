/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One mutex, one condition, four states; the descriptor is written and read under the mutex, so that it is
 * readable exactly while the state is COMMITTER_ENDED. */
#include "registry/committer.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *commit_until_stopped(void *user)
{
    struct committer *committer = user;

    (void)pthread_mutex_lock(&committer->mutex);
    for (;;) {
        while (committer->state == COMMITTER_IDLE || committer->state == COMMITTER_ENDED)
            (void)pthread_cond_wait(&committer->changed, &committer->mutex);
        if (committer->state == COMMITTER_STOPPING)
            break;
        (void)pthread_mutex_unlock(&committer->mutex);
        committer->work(committer->user);
        (void)pthread_mutex_lock(&committer->mutex);
        committer->state = COMMITTER_ENDED;
        /* The counter was 0, so this neither blocks nor fails. */
        (void)eventfd_write(committer->fd, 1);
        (void)pthread_cond_broadcast(&committer->changed);
    }
    (void)pthread_mutex_unlock(&committer->mutex);
    return NULL;
}

int committer_init(struct committer *committer, void (*work)(void *user), void *user)
{
    *committer = (struct committer){.work = work, .user = user};
    committer->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (committer->fd < 0)
        return -errno;
    (void)pthread_mutex_init(&committer->mutex, NULL);
    (void)pthread_cond_init(&committer->changed, NULL);
    return 0;
}

/* Signals are the owner's: its loop has to hear of them. */
static int committer_start_thread(struct committer *committer)
{
    sigset_t all, previous;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&committer->thread, NULL, commit_until_stopped, committer);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    committer->has_thread = r == 0;
    return -r;
}

static void change_state(struct committer *committer, enum committer_state state)
{
    (void)pthread_mutex_lock(&committer->mutex);
    committer->state = state;
    (void)pthread_cond_broadcast(&committer->changed);
    (void)pthread_mutex_unlock(&committer->mutex);
}

int committer_hand_over(struct committer *committer)
{
    int r = committer->has_thread ? 0 : committer_start_thread(committer);

    if (r == 0)
        change_state(committer, COMMITTER_WORKING);
    return r;
}

bool committer_take_back(struct committer *committer)
{
    eventfd_t count;
    bool has_ended;

    (void)pthread_mutex_lock(&committer->mutex);
    has_ended = committer->state == COMMITTER_ENDED;
    if (has_ended) {
        committer->state = COMMITTER_IDLE;
        (void)eventfd_read(committer->fd, &count);
    }
    (void)pthread_mutex_unlock(&committer->mutex);
    return has_ended;
}

void committer_wait(struct committer *committer)
{
    (void)pthread_mutex_lock(&committer->mutex);
    while (committer->state == COMMITTER_WORKING)
        (void)pthread_cond_wait(&committer->changed, &committer->mutex);
    (void)pthread_mutex_unlock(&committer->mutex);
}

void committer_done(struct committer *committer)
{
    committer_wait(committer);
    if (committer->has_thread) {
        change_state(committer, COMMITTER_STOPPING);
        (void)pthread_join(committer->thread, NULL);
    }
    (void)pthread_cond_destroy(&committer->changed);
    (void)pthread_mutex_destroy(&committer->mutex);
    (void)close(committer->fd);
}
