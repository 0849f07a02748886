/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A thread for what takes long and touches nothing of the loop's: reading, parsing, freeing. Works are
 * taken in the order in which they were submitted, one at a time, and their ends are told in that order, on
 * the loop. While a work waits or runs, what its `user` leads to is the thread's.
 */
#pragma once

#include <stdbool.h>

struct event_base;
struct worker;

#define WORKER_WAITING 256

struct work {
    void (*run)(void *user);
    /* At a later turn of the loop. 0; -ECANCELED: the worker ended before it was run. May be NULL. */
    void (*done)(int result, void *user);
    void *user;
};

/* -ENOMEM, -EMFILE, -ENFILE. The thread starts with the first work. */
int worker_new(struct event_base *base, struct worker **ret_worker);

/*
 * Copies the work. -EBUSY: WORKER_WAITING others wait or have not been told yet; -ECANCELED: it has been
 * stopped; -EAGAIN: there is no thread to be had. On failure `done` is not called.
 */
int worker_submit(struct worker *worker, const struct work *work);

/* Blocks until something has ended and tells it. False: there was nothing to wait for. */
bool worker_wait(struct worker *worker);

/* Waits for the work that runs, and tells everybody the end; nothing is taken on from then on. NULL-safe. */
void worker_stop(struct worker *worker);
void worker_free(struct worker **worker); /* stops; NULL-safe; sets to NULL */
