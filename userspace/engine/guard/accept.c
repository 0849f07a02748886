/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Taking the registry as it is: what it does not account for goes, and the pins name it from then on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/engine_internal.h"
#include "engine/plan/kept.h"
#include "engine/change/job.h"
#include "engine/plan/wanted.h"
#include "registry/rows.h"

/* Rows that cannot be read move out of the way: nothing is deleted that somebody may still
 * want to look at. */
static int move_rows(struct engine *engine, struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    size_t n = 0;
    struct registry_row *rows = calloc(guard->n_unreadable * 2 + 1, sizeof(*rows));
    uint64_t revision;
    int r = rows ? 0 : -ENOMEM;

    for (size_t i = 0; i < guard->n_unreadable && r == 0; i++) {
        rows[n].key = strdup(guard->unreadable[i].key);
        n++;
        if (asprintf(&rows[n].key, "damaged/%s", guard->unreadable[i].key) < 0)
            rows[n].key = NULL;
        rows[n].value = strdup(guard->unreadable[i].value);
        n++;
        if (!rows[n - 2].key || !rows[n - 1].key || !rows[n - 1].value)
            r = -ENOMEM;
    }
    if (r == 0 && guard->damaged) {
        rows[n].key = strdup("registry/damaged");
        r = rows[n].key ? 0 : -ENOMEM;
        n++;
    }
    if (r < 0)
        (void)error_errno(error, r, "accepting the registry");
    else if (n > 0)
        r = registry_commit(engine->registry, rows, n, &revision, error);
    for (size_t i = 0; rows && i < n; i++)
        row_done(&rows[i]);
    free(rows);
    return r;
}

int registry_guard_accept(struct engine *engine, const char **ret_was, struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    const char *was = registry_verdict_name(guard->verdict);
    uint32_t before;
    int r;

    if (guard->verdict == REGISTRY_AWAY)
        return error_set(error, ENOTCONN, "registry %s cannot be reached: there is nothing to accept",
                         registry_location(engine->registry));
    engine_settle(engine);
    before = publisher_aliases(engine->publisher);
    if (registry_guard_is_degraded(guard)) {
        r = move_rows(engine, error);
        if (r < 0)
            return r;
        /* Until the pins name the registry the next start is degraded as this one was. */
        guard->verdict = REGISTRY_RIGHT;
        kept_forget(engine);
        r = engine_republish(engine, error);
        registry_guard_published(engine, registry_revision(engine->registry));
        guard->seen = datapath_registry_seen(engine->datapath);
        log_info(
            "the registry, which was taken for %s, has been accepted as it is: %u aliases before, %u now",
            was, before, publisher_aliases(engine->publisher));
        if (r < 0)
            return r;
    }
    *ret_was = was;
    return 0;
}
