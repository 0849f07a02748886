/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Jobs: how everybody changes something. A job builds its change when its turn comes, and is told the end of
 * it.
 *
 * Changes are taken in the order in which they were submitted. Those that wait while the registry commits run
 * as one group and share the next commit, as long as no two put the same row. Each fails or succeeds by
 * itself: what a job refuses takes nothing of another's away, and if a group as a whole cannot be had, its
 * jobs run one by one. Nobody is answered before what he could have seen is on disk.
 *
 * Findings put no row: health, resolved addresses, a weight that grows. They wait for no commit, also not for
 * one that is under way; tables that it then publishes are built once more with what was found meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/change/transaction.h"
#include "model/actor.h"

/* A job's run returns this where the change was only to be looked at: it is taken back, and the job has
 * succeeded. */
#define JOB_TAKE_BACK 1

/* Or this after a piece of some milliseconds: it is called again, with what it has put still there. */
#define JOB_GO_ON 2

struct job {
    /*
     * Builds the change. 0, JOB_TAKE_BACK, or a negative errno with the error: nothing has changed then. It
     * may be called again, with other rows in the catalog, and starts afresh each time.
     */
    int (*run)(struct transaction *transaction, void *user, struct error *error);

    /* Once, at a later turn of the loop. 0: in effect, under this revision; else `error` has the sentence.
     * May be NULL. */
    void (*done)(int result, uint64_t revision, const struct error *error, void *user);

    void *user;

    /* Who asks, by what (static, or as long as the job waits): for the history. Zeroed: the daemon. */
    struct actor by;
    const char *operation;
};

/* Copies the job. -ENOMEM; -EBUSY: JOBS_WAITING others wait. On failure `done` is not called. */
#define JOBS_WAITING 65536
int engine_submit(struct engine *engine, const struct job *job);

/* The same for a job that puts no row. */
int engine_submit_finding(struct engine *engine, const struct job *job);

/*
 * While jobs put their rows and while these are undone or applied again, piece by piece, the catalog is
 * nobody's to read, and engine_instance() finds nobody. Whoever wants to read asks first, and is called when
 * it may; `user` can be forgotten before that. -ENOMEM.
 */
bool engine_is_steady(const struct engine *engine);
int engine_when_steady(struct engine *engine, void (*function)(void *user), void *user);
void engine_forget_waiter(struct engine *engine, void *user);

/* Grows with whatever may change the catalog: while it is the same, what was found there is there still, and in
 * the same order. */
uint64_t engine_steps(const struct engine *engine);

/*
 * Numbers that were given (a scope of a task's namespace) go to the registry with the next change that is
 * committed, or now by themselves. Not remembering one costs another number after a reboot: nobody waits for
 * it.
 */
void engine_save_numbers(struct engine *engine);

/* Before followers are freed: waits for the commit under way and tells its jobs; what waits is refused. */
void engine_stop(struct engine *engine);

/* Turns until no job waits and no commit is under way, blocking for the disk: for the start,
 * and for tests. */
void engine_settle(struct engine *engine);
