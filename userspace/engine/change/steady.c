/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When the catalog may be read, and who waits for that. */
#include "engine/change/jobs.h"

#include <errno.h>
#include <stdlib.h>

bool engine_is_steady(const struct engine *engine)
{
    enum jobs_state state = engine->jobs->state;

    return state == JOBS_IDLE || state == JOBS_COMMITTING || state == JOBS_PUBLISHING ||
           state == JOBS_FINISHING || state == JOBS_ANSWERING;
}

uint64_t engine_steps(const struct engine *engine)
{
    return engine->jobs->n_steps;
}

int engine_when_steady(struct engine *engine, void (*function)(void *user), void *user)
{
    struct jobs *jobs = engine->jobs;
    struct waiter **end = &jobs->waiters;
    struct waiter *waiter = calloc(1, sizeof(*waiter));

    if (!waiter)
        return -ENOMEM;
    *waiter = (struct waiter){.function = function, .user = user};
    while (*end)
        end = &(*end)->next;
    *end = waiter;
    jobs_stir(engine);
    return 0;
}

void engine_forget_waiter(struct engine *engine, void *user)
{
    for (struct waiter **at = &engine->jobs->waiters; *at;) {
        struct waiter *waiter = *at;

        if (waiter->user == user) {
            *at = waiter->next;
            free(waiter);
        } else {
            at = &waiter->next;
        }
    }
}

/* Those that are there now: one that waits again waits for the next turn. */
void jobs_call_waiters(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct waiter *last = jobs->waiters;
    bool is_last = !last;

    while (last && last->next)
        last = last->next;
    while (!is_last && jobs->waiters && engine_is_steady(engine)) {
        struct waiter *waiter = jobs->waiters;

        is_last = waiter == last;
        jobs->waiters = waiter->next;
        waiter->function(waiter->user);
        free(waiter);
    }
}

void jobs_drop_waiters(struct jobs *jobs)
{
    while (jobs->waiters) {
        struct waiter *next = jobs->waiters->next;

        free(jobs->waiters);
        jobs->waiters = next;
    }
}
