/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Findings: no rows, so all that wait are run, reserved and published in one go, between commits or during
 * one. */
#include "engine/change/jobs.h"

#include "base/clock.h"

static void gather_findings(const struct jobs *jobs, struct job_queue *queue, struct job_queue *group,
                            struct transaction *transaction)
{
    uint64_t until = clock_monotonic_ns() + jobs->group_ns;
    size_t most = queue->alone ? 1 : FINDINGS_OF_GROUP;

    do {
        struct waiting_job *waiting = job_queue_pop(queue);

        waiting->error = (struct error){0};
        transaction_begin_job(transaction);
        transaction_own(transaction);
        (void)job_has_run(transaction, waiting, job_run_once(transaction, waiting));
        job_queue_push(group, waiting);
        if (queue->alone)
            queue->alone--;
    } while (queue->first && group->n < most && clock_monotonic_ns() < until);
}

void jobs_run_findings(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction transaction;
    struct job_queue group;
    struct error error = {0};
    int r;

    job_queue_init(&group);
    transaction_begin(&transaction, engine, true);
    gather_findings(jobs, &jobs->findings, &group, &transaction);
    r = transaction_whole(&transaction, transaction_reserve, &error);
    if (r < 0) {
        (void)transaction_whole(&transaction, transaction_abort, NULL);
        job_queue_give_up(&jobs->findings, &group, r, &error);
        return;
    }
    if (jobs->state == JOBS_COMMITTING)
        stirred_remember(jobs, &transaction);
    (void)transaction_whole(&transaction, transaction_publish, NULL);
    job_queue_answer(&group, 0, registry_revision(engine->registry), NULL);
}
