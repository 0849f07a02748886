/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From rows applied to the catalog to rows on disk and tables in the kernel. */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "engine/plan/kept.h"
#include "engine/plan/numbers.h"
#include "engine/plan/scopes.h"
#include "tasks/task_hosts.h"
#include "engine/change/transaction_internal.h"
#include "engine/plan/wanted.h"

static bool is_new_scope(const struct transaction *transaction, uint32_t number)
{
    for (size_t i = 0; i < transaction->n_scopes; i++)
        if (transaction->scopes[i].is_new && transaction->scopes[i].new_number == number)
            return true;
    return false;
}

/* The last of the list goes with what is kept in its place. */
static int merge_last(struct transaction *transaction, struct wanted_list *list, struct error *error)
{
    struct wanted_alias *last = &list->items[list->n - 1];
    bool is_dropped;
    int r = kept_merge(transaction, last->scope, last, &is_dropped, error);

    if (r == 0 && is_dropped) {
        wanted_alias_done(last);
        list->n--;
    }
    return r;
}

/* A touched alias in every scope that is published already. */
static int want_everywhere(struct transaction *transaction, const struct touched *touched,
                           struct wanted_list *list, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    const struct model_namespace *parent = catalog_namespace(daemon->catalog, touched->namespace_name);
    _cleanup_free_ struct client **clients = NULL;
    size_t n = 0;
    int r = parent ? scopes_of_clients(parent, &clients, &n) : 0;

    if (r == 0)
        r = wanted_list_grow(list, n + 1);
    if (r < 0)
        return error_errno(error, r, "preparing a change");
    r = want_alias(daemon, touched->namespace_name, NULL, &touched->alias, &list->items[list->n++], error);
    if (r == 0)
        r = merge_last(transaction, list, error);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (is_new_scope(transaction, clients[i]->scope))
            continue;
        r = want_alias(daemon, touched->namespace_name, clients[i], &touched->alias, &list->items[list->n++],
                       error);
        if (r == 0)
            r = merge_last(transaction, list, error);
    }
    return r < 0 ? r : kept_want(transaction, touched->namespace_name, &touched->alias, list, error);
}

static int want_touched(struct transaction *transaction, struct wanted_list *list, struct error *error)
{
    struct touched *touched, *next;
    int r = 0;

    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (r == 0)
            r = want_everywhere(transaction, touched, list, error);
    }
    return r;
}

/* Numbers the scopes of the clients touched, and wants those that are new as a whole. */
static int want_scopes(struct transaction *transaction, struct wanted_list *list, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    int r = 0;

    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++)
        r = scope_change_plan(daemon, &transaction->scopes[i], error);
    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        const struct model_namespace *parent = catalog_namespace(daemon->catalog, change->namespace_name);

        size_t first = list->n;

        if (change->is_new)
            r = want_scope(daemon, parent, catalog_client(parent, change->client), list, error);
        if (change->is_new && r == 0)
            r = kept_want_scope(transaction, change, first, list, error);
    }
    return r;
}

static void refresh_names(struct transaction *transaction)
{
    const char *last = "";
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (strcmp(touched->namespace_name, last) != 0)
            task_hosts_refresh(transaction->daemon, touched->namespace_name);
        dns_zones_mark(transaction->daemon, touched->namespace_name);
        last = touched->namespace_name;
    }
}

static int prepare(struct transaction *transaction, struct wanted_list *wanted,
                   struct publication **ret_publication, struct error *error)
{
    int r;

    r = transaction_number_endpoints(transaction, error);
    if (r == 0)
        r = want_scopes(transaction, wanted, error);
    if (r == 0)
        r = want_touched(transaction, wanted, error);
    if (r == 0)
        r = publisher_prepare(transaction->daemon->publisher, wanted->items, wanted->n, false,
                              ret_publication, error);
    return r;
}

/* The rows of the change, and numbers given meanwhile that the registry does not remember yet. */
static int commit_rows(struct transaction *transaction, uint64_t *ret_revision, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    size_t n = transaction->n_rows + daemon->unsaved.n;
    _cleanup_free_ struct registry_row *rows = calloc(n + 1, sizeof(*rows));
    int r;

    if (!rows)
        return error_errno(error, ENOMEM, "writing to the registry");
    if (n == 0) {
        *ret_revision = registry_revision(daemon->registry);
        return 0;
    }
    if (transaction->n_rows)
        memcpy(rows, transaction->rows, transaction->n_rows * sizeof(*rows));
    if (daemon->unsaved.n)
        memcpy(rows + transaction->n_rows, daemon->unsaved.rows, daemon->unsaved.n * sizeof(*rows));
    r = registry_commit(daemon->registry, rows, n, ret_revision, error);
    if (r == 0)
        numbers_saved(daemon);
    return r;
}

/* Scopes that no client has any more: their tasks have moved by now. */
static void drop_scopes(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;

    for (size_t i = 0; i < transaction->n_scopes; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        uint32_t number;

        if (!change->old_number || change->is_renamed ||
            scope_is_used(catalog_namespace(daemon->catalog, change->namespace_name), change->old_number) ||
            name_numbers_retire(daemon->scopes, change->old_name, &number) < 0)
            continue;
        withdraw_scope(daemon, change->old_number);
    }
}

static bool changes_global_settings(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->n_rows; i++)
        if (strcmp(transaction->rows[i].key, "settings/global") == 0)
            return true;
    return false;
}

int transaction_commit(struct transaction *transaction, uint64_t *ret_revision, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    struct publication *publication = NULL;
    bool are_names_changed;
    int r = prepare(transaction, &wanted, &publication, error);

    if (r == 0)
        r = commit_rows(transaction, ret_revision, error);
    if (r < 0) {
        publisher_abort(daemon->publisher, &publication);
        transaction_abort(transaction);
        return r;
    }
    are_names_changed = publication_changes_names(publication);
    transaction_write_endpoints(transaction);
    r = publisher_commit(daemon->publisher, &publication);
    if (r < 0)
        log_error(
            "publishing: some alias entries could not be written: %s; restart svcconnectd to complete them",
            strerror(-r));
    registry_guard_published(daemon, *ret_revision);
    transaction_remove_endpoints(transaction);
    transaction_put_externals(transaction);
    kept_release_clients(transaction);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        task_list_rescope(daemon, transaction->scopes[i].namespace_name);
    drop_scopes(transaction);
    publisher_begin_grace(daemon->publisher);
    if (are_names_changed)
        refresh_names(transaction);
    if (changes_global_settings(transaction))
        outliers_refresh(daemon);
    transaction_done(transaction);
    return 0;
}
