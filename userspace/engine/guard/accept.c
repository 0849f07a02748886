/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Taking the registry as it is: what it does not account for goes, and the pins name it from then on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "engine/plan/kept.h"
#include "engine/plan/wanted.h"
#include "registry/rows.h"

/* Rows that cannot be read move out of the way: nothing is deleted that somebody may still want to look at.
 */
static int move_rows(struct daemon *daemon, struct error *error)
{
    struct registry_guard *guard = &daemon->guard;
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
        r = registry_commit(daemon->registry, rows, n, &revision, error);
    for (size_t i = 0; rows && i < n; i++)
        row_done(&rows[i]);
    free(rows);
    return r;
}

int registry_guard_accept(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user)
{
    static const char *const known[] = {NULL};
    struct daemon *daemon = user;
    struct registry_guard *guard = &daemon->guard;
    const char *was = registry_verdict_name(guard->verdict);
    uint32_t before = publisher_aliases(daemon->publisher);
    cJSON *answer;
    int r = call->body ? json_check_members(call->body, known, error) : 0;

    if (r == 0 && registry_guard_is_degraded(&daemon->guard)) {
        r = move_rows(daemon, error);
        if (r < 0)
            return r;
        /* Until the pins name the registry the next start is degraded as this one was. */
        guard->verdict = REGISTRY_RIGHT;
        kept_forget(daemon);
        r = republish_everything(daemon, error);
        registry_guard_published(daemon, registry_revision(daemon->registry));
        guard->seen = datapath_registry_seen(daemon->datapath);
        log_info(
            "the registry, which was taken for %s, has been accepted as it is: %u aliases before, %u now",
            was, before, publisher_aliases(daemon->publisher));
    }
    if (r < 0)
        return r;
    answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(answer, "warnings");
    (void)cJSON_AddStringToObject(answer, "was", was);
    (void)cJSON_AddNumberToObject(answer, "aliasesBefore", before);
    (void)cJSON_AddNumberToObject(answer, "aliases", publisher_aliases(daemon->publisher));
    (void)cJSON_AddNumberToObject(answer, "revision", (double)registry_revision(daemon->registry));
    *ret_answer = answer;
    return 0;
}
