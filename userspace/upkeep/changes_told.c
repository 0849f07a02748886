/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/changes_told.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/history/history.h"
#include "events/event_log.h"
#include "registry/row_difference.h"
#include "registry/rows.h"

#define NS_A_SECOND 1000000000u

static void tell_untold(struct changes_told *self)
{
    if (self->n_untold == 0)
        return;
    log_info("%" PRIu64 " more changes; svcconnect history shows them", self->n_untold);
    event_log_add(self->events, EVENT_CHANGE, NULL, NULL, NULL,
                  "%" PRIu64 " more changes; svcconnect history shows them", self->n_untold);
    self->n_untold = 0;
}

static void changes_told_tell(struct changes_told *self, const struct history_entry *entry)
{
    char what[EVENT_MESSAGE_SIZE / 2], who[ACTOR_TEXT_SIZE];
    const char *was = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry->json, "was"));
    struct row_name name;

    if (row_parse_key(entry->key, &name) < 0)
        return;
    if (entry->is_withheld)
        (void)snprintf(what, sizeof(what), "%s", was ? was : "changed");
    else
        row_tell_difference(entry->before, entry->after, what, sizeof(what));
    (void)actor_text(&entry->by, who);
    log_info("revision %" PRIu64 ": %s: %s by %s (%s)", entry->revision, entry->key, what, who,
             *entry->operation ? entry->operation : "by itself");
    event_log_add(self->events, EVENT_CHANGE, name.namespace_name, name.service,
                  name.kind == ROW_INSTANCE ? name.last : NULL, "%s%s%s by %s, revision %" PRIu64,
                  name.kind == ROW_INSTANCE || !name.last ? "" : name.last,
                  name.kind == ROW_INSTANCE || !name.last ? "" : ": ", what, who, entry->revision);
}

static void changes_told_on_changed(void *user, uint64_t first, uint64_t last)
{
    struct changes_told *self = user;
    uint64_t second = clock_monotonic_ns() / NS_A_SECOND;

    if (second != self->second) {
        self->second = second;
        self->n = self->n_losses = 0;
        tell_untold(self);
    }
    for (uint64_t i = first; i <= last; i++) {
        struct history_entry entry;

        if (self->n >= CHANGES_TOLD_A_SECOND) {
            self->n_untold += last - i + 1;
            return;
        }
        if (history_read(engine_history(self->engine), i, &entry) < 0)
            continue;
        self->n++;
        changes_told_tell(self, &entry);
        history_entry_done(&entry);
    }
}

/* Comes after the changes that did it. Who empties a thousand aliases at once is told of some, and of how many more. */
static void changes_told_on_lost(void *user, const char *namespace_name, const char *sentence,
                                 const struct actor *by)
{
    struct changes_told *self = user;
    char who[ACTOR_TEXT_SIZE];

    if (self->n_losses >= CHANGES_TOLD_A_SECOND) {
        self->n_untold++;
        return;
    }
    self->n_losses++;
    log_warning("%s (%s)", sentence, actor_text(by, who));
    event_log_add(self->events, EVENT_CHANGE, namespace_name, NULL, NULL, "%s (%s)", sentence, who);
}

const struct engine_follower changes_told_follower = {
    .changed = changes_told_on_changed,
    .lost = changes_told_on_lost,
};
