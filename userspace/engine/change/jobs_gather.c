/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whom the next group waits for. Clients that make one change after the other fall into two halves on a slow
 * disk: one is on its way while the other waits, and each commit carries half of what it could. So after a
 * group its clients are given the time that a commit takes to come with their next change. Where they
 * do not come, groups go without a wait for ever longer, and on a disk that is fast nobody ever waits.
 */
#include <event2/event.h>

#include "base/clock.h"
#include "engine/change/jobs.h"

#define SLOW_COMMIT_NS 2000000 /* as short as the loop's timers can be set and still be worth it */
#define MOST_FAILURES  6       /* in a row that count: 63 groups without a wait */

static void set_alarm(struct jobs *jobs, uint64_t patience_ns)
{
    const struct timeval patience = {.tv_sec = (time_t)(patience_ns / 1000000000),
                                     .tv_usec = (suseconds_t)(patience_ns % 1000000000 / 1000)};

    if (!jobs->gathered || event_add(jobs->gathered, &patience) < 0)
        jobs->n_expected = 0;
}

/* Some may have come back already while the others were answered. */
void gather_after(struct jobs *jobs)
{
    uint64_t patience_ns = jobs->commit_ns < jobs->most_gather_ns ? jobs->commit_ns : jobs->most_gather_ns;

    jobs->n_expected = 0;
    if (jobs->commit_ns < SLOW_COMMIT_NS || patience_ns == 0 || jobs->n_answered == 0 || jobs->n_behind == 0)
        return;
    if (jobs->n_without_wait > 0) {
        jobs->n_without_wait--;
        return;
    }
    jobs->n_returning = jobs->n_answered;
    jobs->n_expected = jobs->n_behind + jobs->n_answered;
    jobs->gather_end_ns = clock_monotonic_ns() + patience_ns;
    set_alarm(jobs, patience_ns);
}

bool gather_is_on(const struct jobs *jobs)
{
    return jobs->changes.n < jobs->n_expected && clock_monotonic_ns() < jobs->gather_end_ns;
}

/* Half of them is well worth it. */
void gather_end(struct jobs *jobs)
{
    if (jobs->n_expected == 0)
        return;
    if (jobs->changes.n + jobs->n_returning / 2 >= jobs->n_expected)
        jobs->n_failures = 0;
    else if (jobs->n_failures < MOST_FAILURES)
        jobs->n_failures++;
    jobs->n_without_wait = (1u << jobs->n_failures) - 1;
    jobs->n_expected = 0;
    if (jobs->gathered)
        (void)event_del(jobs->gathered);
}
