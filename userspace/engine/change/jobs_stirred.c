/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Instances that findings touched while a commit was under way. The tables that go with the commit were built
 * before: they are built once more before they are published (transaction_refresh()), and all others that
 * lead to these instances right after. By name: a finding or the commit may have taken the instance away, and
 * then above all no table may name it.
 */
#include "engine/change/jobs.h"

#include <stdlib.h>

#include "base/log.h"

void stirred_remember(struct jobs *jobs, const struct transaction *finding)
{
    const struct touched *touched;

    jobs->stirred.engine = finding->engine;
    for (touched = finding->instances; touched; touched = touched->hh.next)
        if (transaction_touch_name(&jobs->stirred, touched->namespace_name, touched->service,
                                   touched->instance, false) < 0)
            log_error("%s/%s: out of memory, its tables may be older than what was found of it; restart "
                      "svcconnectd",
                      touched->service, touched->instance);
}

/* Before the replay, which may free instances that only findings have made: their numbers are
 * looked after. */
void stirred_join(const struct jobs *jobs, struct transaction *transaction)
{
    const struct touched *touched;

    for (touched = jobs->stirred.instances; touched; touched = touched->hh.next)
        if (transaction_touch_name(transaction, touched->namespace_name, touched->service, touched->instance,
                                   false) < 0)
            log_error("%s/%s: out of memory; restart svcconnectd", touched->service, touched->instance);
}

static int touch_some_stirred(const struct jobs *jobs, struct transaction *transaction)
{
    const struct touched *touched = jobs->stirred.instances;
    int r = 0;

    for (unsigned i = 0; i < FINDINGS_OF_GROUP && touched && r == 0; i++, touched = touched->hh.next)
        r = transaction_touch_name(transaction, touched->namespace_name, touched->service, touched->instance,
                                   true);
    return r;
}

static void forget_some(struct jobs *jobs)
{
    for (unsigned i = 0; i < FINDINGS_OF_GROUP && jobs->stirred.instances; i++) {
        struct touched *touched = jobs->stirred.instances;

        HASH_DEL(jobs->stirred.instances, touched);
        free(touched->name);
        free(touched);
    }
}

/* What cannot be had is tried again later. */
int stirred_publish(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct transaction transaction;
    struct error error = {0};
    int r;

    if (!jobs->stirred.instances)
        return 0;
    transaction_begin(&transaction, engine, true);
    transaction_own(&transaction);
    r = touch_some_stirred(jobs, &transaction);
    r = r < 0 ? error_errno(&error, r, "preparing a change")
              : transaction_whole(&transaction, transaction_reserve, &error);
    if (r < 0) {
        (void)transaction_whole(&transaction, transaction_abort, NULL);
        if (!jobs->is_stirred_said)
            log_warning("publishing what was found during a commit, trying again: %s", error.message);
        jobs->is_stirred_said = true;
        jobs->is_stirred_late = true;
        jobs_again_later(jobs);
        return 0;
    }
    (void)transaction_whole(&transaction, transaction_publish, NULL);
    forget_some(jobs);
    if (jobs->stirred.instances)
        return STEP_MORE;
    stirred_drop(jobs);
    return 0;
}

void stirred_drop(struct jobs *jobs)
{
    transaction_done(&jobs->stirred);
    jobs->is_stirred_said = jobs->is_stirred_late = false;
}
