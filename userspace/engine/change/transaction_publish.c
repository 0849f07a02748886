/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Publishing: what was reserved and is on disk becomes visible, and followers hear of it. */
#include "engine/change/transaction_internal.h"

#include <string.h>

#include "base/log.h"

#define TOUCHED_A_STEP 128

static void tell_names(struct transaction *transaction)
{
    const char *last = "";
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (strcmp(touched->namespace_name, last) != 0)
            followers_names_changed(transaction->engine, touched->namespace_name);
        last = touched->namespace_name;
    }
}

/* Scopes that no client has any more: their tasks have moved by now. */
static void drop_scopes(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;

    for (size_t i = 0; i < transaction->n_scopes; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        uint32_t number;

        if (!change->old_number || change->is_renamed ||
            scope_is_used(catalog_namespace(engine->catalog, change->namespace_name), change->old_number) ||
            name_numbers_retire(engine->scopes, change->old_name, &number) < 0)
            continue;
        withdraw_scope(engine, change->old_number);
    }
}

static bool changes_global_settings(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->n_rows; i++)
        if (strcmp(transaction->rows[i].key, "settings/global") == 0)
            return true;
    return false;
}

static bool some_touched(struct transaction *transaction,
                         void (*function)(struct transaction *transaction, struct touched *touched))
{
    struct touched *touched = transaction->at.touched;

    for (unsigned i = 0; i < TOUCHED_A_STEP && touched; i++) {
        function(transaction, touched);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    return !touched;
}

static void settle(struct transaction *transaction, struct touched *touched)
{
    followers_settled(transaction->engine, touched->namespace_name, touched->service, touched->instance);
}

static void publish_some(struct transaction *transaction)
{
    struct publication **publication = &transaction->publications[transaction->at.index++];
    int r;

    transaction->are_names_changed |= publication_changes_names(*publication);
    r = publisher_commit(transaction->engine->publisher, publication);
    if (r < 0)
        log_error(
            "publishing: some alias entries could not be written: %s; restart svcconnectd to complete them",
            strerror(-r));
}

static void tell_followers(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;

    kept_release_clients(transaction);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        followers_scopes_changed(engine, transaction->scopes[i].namespace_name);
    drop_scopes(transaction);
    publisher_begin_grace(engine->publisher);
    if (transaction->are_names_changed)
        tell_names(transaction);
    if (changes_global_settings(transaction))
        followers_settings_changed(engine);
}

enum {
    PUBLISH_BEGIN,
    PUBLISH_ENTRIES,
    PUBLISH_TABLES,
    PUBLISH_REMOVALS,
    PUBLISH_SETTLED,
    PUBLISH_TOLD,
};

static int next_part(struct transaction *transaction)
{
    transaction->at =
        (struct step_cursor){.part = transaction->at.part + 1, .touched = transaction->instances};
    return STEP_MORE;
}

int transaction_publish(struct transaction *transaction, struct error *error)
{
    (void)error;
    switch (transaction->at.part) {
    case PUBLISH_BEGIN:
        return next_part(transaction);
    case PUBLISH_ENTRIES:
        return some_touched(transaction, transaction_write_endpoint) ? next_part(transaction) : STEP_MORE;
    case PUBLISH_TABLES:
        if (transaction->at.index == transaction->n_publications) {
            registry_guard_published(transaction->engine, registry_revision(transaction->engine->registry));
            return next_part(transaction);
        }
        publish_some(transaction);
        return STEP_MORE;
    case PUBLISH_REMOVALS:
        return some_touched(transaction, transaction_remove_endpoint) ? next_part(transaction) : STEP_MORE;
    case PUBLISH_SETTLED:
        return some_touched(transaction, settle) ? next_part(transaction) : STEP_MORE;
    default:
        tell_followers(transaction);
        transaction_done(transaction);
        return 0;
    }
}
