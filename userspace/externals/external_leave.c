/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The end of a host name's drain: its instance is deregistered when none of its addresses is left. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/change/job.h"
#include "externals/externals_internal.h"
#include "registry/rows.h"
#include "resolver/resolve_times.h"

struct external_ending {
    struct external *external; /* NULL: gone */
};

void external_detach_ending(struct external *external)
{
    if (external->ending)
        external->ending->external = NULL;
    external->ending = NULL;
}

/* It may have been registered anew meanwhile, or be gone. */
static int run_ending(struct transaction *transaction, void *user, struct error *error)
{
    const struct external_ending *ending = user;
    const struct external *external = ending->external;
    const struct instance *record = external ? external_record(external) : NULL;
    struct registry_row row;
    int r;

    transaction_own(transaction);
    if (!record || !record->drain_until || record->n_addresses > 0)
        return JOB_TAKE_BACK;
    r = row_delete_instance(external->namespace_name, external->service, external->id, &row);
    return r < 0 ? error_errno(error, r, "deregistering") : transaction_put(transaction, row, error);
}

static void external_leave_fail(struct external *external, int r, const char *why)
{
    if (r == -ECANCELED)
        return;
    if (!external->is_stuck)
        log_warning("%s has drained and cannot be deregistered, trying again: %s", external->name, why);
    external->is_stuck = true;
    external_ask_in(external, RESOLVE_RETRY_MIN_MS);
}

/* With the instance the external has gone. */
static void ending_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct external_ending *ending = user;
    struct external *external = ending->external;

    (void)revision;
    if (external) {
        external->ending = NULL;
        if (result < 0)
            external_leave_fail(external, result, error->message);
    }
    free(ending);
}

void external_end_drain(struct external *external)
{
    struct external_ending *ending;
    int r = -ENOMEM;

    if (external->ending)
        return;
    ending = calloc(1, sizeof(*ending));
    if (ending) {
        const struct job job = {
            .run = run_ending, .done = ending_done, .user = ending, .operation = "drain's end"};

        ending->external = external;
        r = engine_submit(external->externals->engine, &job);
    }
    if (r < 0) {
        free(ending);
        external_leave_fail(external, r, strerror(-r));
    } else {
        external->ending = ending;
    }
}
