/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Queues of jobs, and telling those in one their end. */
#include <stdlib.h>

#include "engine/change/jobs.h"

void job_queue_init(struct job_queue *queue)
{
    *queue = (struct job_queue){.end = &queue->first};
}

void job_queue_push(struct job_queue *queue, struct waiting_job *waiting)
{
    waiting->next = NULL;
    *queue->end = waiting;
    queue->end = &waiting->next;
    queue->n++;
}

struct waiting_job *job_queue_pop(struct job_queue *queue)
{
    struct waiting_job *first = queue->first;

    if (!first)
        return NULL;
    queue->first = first->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->n--;
    return first;
}

void job_queue_put_back(struct job_queue *queue, struct waiting_job *waiting)
{
    waiting->next = queue->first;
    queue->first = waiting;
    if (!waiting->next)
        queue->end = &waiting->next;
    queue->n++;
}

void job_queue_put_back_all(struct job_queue *queue, struct job_queue *from)
{
    if (!from->first)
        return;
    *from->end = queue->first;
    if (!queue->first)
        queue->end = from->end;
    queue->first = from->first;
    queue->n += from->n;
    job_queue_init(from);
}

static size_t job_queue_succeeded(const struct job_queue *queue)
{
    size_t n = 0;

    for (const struct waiting_job *waiting = queue->first; waiting; waiting = waiting->next)
        n += waiting->result == 0;
    return n;
}

static void job_queue_tell(struct waiting_job *waiting, int r, uint64_t revision, const struct error *error)
{
    const struct job *job = &waiting->job;

    if (job->done && waiting->result < 0)
        job->done(waiting->result, 0, &waiting->error, job->user);
    else if (job->done)
        job->done(r, r < 0 ? 0 : revision, error, job->user);
    kept_losses_free(&waiting->losses);
    free(waiting);
}

void job_queue_answer_some(struct job_queue *queue, size_t most, uint64_t revision)
{
    for (size_t i = 0; i < most && queue->first; i++)
        job_queue_tell(job_queue_pop(queue), 0, revision, NULL);
}

/* The queue is empty before the first is told: whoever is told may come back here. */
void job_queue_answer(struct job_queue *queue, int r, uint64_t revision, const struct error *error)
{
    struct waiting_job *waiting = queue->first;

    job_queue_init(queue);
    while (waiting) {
        struct waiting_job *next = waiting->next;

        job_queue_tell(waiting, r, revision, error);
        waiting = next;
    }
}

void job_queue_give_up(struct job_queue *queue, struct job_queue *group, int r, const struct error *error)
{
    if (group->n > 1 && job_queue_succeeded(group) > 0) {
        queue->alone += group->n;
        job_queue_put_back_all(queue, group);
        return;
    }
    job_queue_answer(group, r, 0, error);
}

/* Nothing of it was written. What a job refused it may have refused for what another one had put, which is
 * not there after all: it runs once more. */
void job_queue_fail(struct job_queue *queue, struct job_queue *group, int r, const struct error *error)
{
    bool has_any = job_queue_succeeded(group) > 0;
    struct job_queue failed, again;
    struct waiting_job *waiting;

    job_queue_init(&failed);
    job_queue_init(&again);
    while ((waiting = job_queue_pop(group)))
        job_queue_push(waiting->result < 0 && has_any ? &again : &failed, waiting);
    queue->alone += again.n;
    job_queue_put_back_all(queue, &again);
    job_queue_answer(&failed, r, 0, error);
}
