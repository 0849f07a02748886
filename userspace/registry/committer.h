/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A thread that does one piece of work at a time and says on a descriptor that it has. Everything that the
 * work touches is the thread's from committer_hand_over() until committer_take_back() returned true, and the
 * owner's otherwise; the mutex inside both makes what one wrote visible to the other. The owner is one thread
 * and calls all of these.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

enum committer_state {
    COMMITTER_IDLE,
    COMMITTER_WORKING,
    COMMITTER_ENDED, /* and not yet taken back */
    COMMITTER_STOPPING,
};

struct committer {
    void (*work)(void *user);
    void *user;
    int fd; /* eventfd: readable from the end of the work until it is taken back */
    pthread_t thread;
    bool has_thread; /* the owner's alone */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum committer_state state; /* under the mutex */
};

/* Makes the descriptor; the thread is started by the first work. On failure nothing is to be given back. */
int committer_init(struct committer *committer, void (*work)(void *user), void *user);

/* Only when idle. A negative errno: there is no thread to do it, and it was not done. */
int committer_hand_over(struct committer *committer);

/* False: the work has not ended. True: it has, and the descriptor is not readable any more. */
bool committer_take_back(struct committer *committer);

/* Returns when the work has ended. */
void committer_wait(struct committer *committer);

/* Waits for what is being done and ends the thread. */
void committer_done(struct committer *committer);
