/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reserving: numbers, scopes and tables of what was touched; all that can run out is taken here. */
#include "engine/change/transaction_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"

#define ENDPOINTS_A_STEP 128
#define ALIASES_A_STEP   256 /* to be noted as wanted */
#define TABLES_A_STEP    32
#define SLOTS_A_STEP     2048 /* of tables: those of one may be more */
#define PUBLICATION_SIZE 32   /* tables that are published in one step */

static bool is_new_scope(const struct transaction *transaction, uint32_t number)
{
    for (size_t i = 0; i < transaction->n_scopes; i++)
        if (transaction->scopes[i].is_new && transaction->scopes[i].new_number == number)
            return true;
    return false;
}

/* Notes a touched alias as wanted in every scope that is published already; its tables are built later. */
static int want_everywhere(struct transaction *transaction, const struct touched *touched)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction->engine->catalog, touched->namespace_name);
    struct wanted_list *list = &transaction->wanted;
    _cleanup_free_ struct client **clients = NULL;
    size_t n = 0;
    int r = parent ? scopes_of_clients(parent, &clients, &n) : 0;

    if (r == 0)
        r = wanted_list_note(list, touched->namespace_name, NULL, &touched->alias);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!is_new_scope(transaction, clients[i]->scope))
            r = wanted_list_note(list, touched->namespace_name, clients[i], &touched->alias);
    return r;
}

/* Numbers the scopes of the clients touched, and notes all aliases of those that are new. */
static int want_scopes(struct transaction *transaction, struct error *error)
{
    struct engine *engine = transaction->engine;
    int r = 0;

    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++)
        r = scope_change_plan(engine, &transaction->scopes[i], error);
    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        const struct model_namespace *parent = catalog_namespace(engine->catalog, change->namespace_name);

        if (change->is_new)
            r = wanted_list_note_scope(&transaction->wanted, parent, catalog_client(parent, change->client));
    }
    return r;
}

static int transaction_reserve_next_part(struct transaction *transaction, struct touched *first)
{
    transaction->at = (struct step_cursor){.part = transaction->at.part + 1, .touched = first};
    return STEP_MORE;
}

/* Of each some at a step; the same parts as after an undo (transaction_undo.c). */
static int each_endpoint(struct transaction *transaction,
                         void (*function)(struct transaction *transaction, struct touched *touched))
{
    struct touched *touched = transaction->at.touched;

    for (unsigned i = 0; i < ENDPOINTS_A_STEP && touched; i++) {
        function(transaction, touched);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    return touched ? STEP_MORE : transaction_reserve_next_part(transaction, transaction->instances);
}

static int number_endpoints(struct transaction *transaction, struct error *error)
{
    struct touched *touched = transaction->at.touched;
    int r = 0;

    for (unsigned i = 0; i < ENDPOINTS_A_STEP && touched && r == 0; i++) {
        r = transaction_number_endpoint(transaction, touched, error);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    if (r < 0)
        return r;
    return touched ? STEP_MORE : transaction_reserve_next_part(transaction, NULL);
}

static int transaction_reserve_note_aliases(struct transaction *transaction, struct error *error)
{
    struct touched *touched = transaction->at.touched;
    int r = 0;

    for (unsigned i = 0; i < ALIASES_A_STEP && touched && r == 0; i++) {
        r = want_everywhere(transaction, touched);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    if (r < 0)
        return error_errno(error, r, "preparing a change");
    return touched ? STEP_MORE : transaction_reserve_next_part(transaction, NULL);
}

/* The next one, with what is kept in its place; one that has to stay as it is leaves the list. */
static int build_table(struct transaction *transaction, struct wanted_list *wanted, size_t *n_slots,
                       struct error *error)
{
    struct wanted_alias *next = &wanted->items[transaction->at.index];
    bool is_dropped = false;
    int r = want_noted(transaction->engine, next, error);

    if (r == 0 && engine_is_degraded(transaction->engine))
        r = kept_merge(transaction, next->scope, next, &is_dropped, error);
    if (r < 0)
        return r;
    *n_slots += next->count4 + next->count6;
    if (is_dropped) {
        wanted_alias_done(next);
        *next = wanted->items[--wanted->n];
    } else {
        transaction->at.index++;
    }
    return 0;
}

/* While the registry is not the right one: in scopes that only the pins know of too. */
static int want_kept(struct transaction *transaction, struct wanted_list *wanted, struct error *error)
{
    struct touched *touched, *next;
    int r = 0;

    if (!engine_is_degraded(transaction->engine))
        return 0;
    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++)
        if (transaction->scopes[i].is_new)
            r = kept_want_scope(transaction, &transaction->scopes[i], wanted, error);
    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (r == 0)
            r = kept_want(transaction, touched->namespace_name, &touched->alias, wanted, error);
    }
    return r;
}

static int build_tables(struct transaction *transaction, struct error *error)
{
    struct wanted_list *wanted = &transaction->wanted;
    size_t n_slots = 0;
    int r = 0;

    for (unsigned i = 0;
         i < TABLES_A_STEP && n_slots < SLOTS_A_STEP && transaction->at.index < wanted->n && r == 0; i++) {
        r = build_table(transaction, wanted, &n_slots, error);
    }
    if (r < 0)
        return r;
    if (transaction->at.index < wanted->n)
        return STEP_MORE;
    r = want_kept(transaction, wanted, error);
    if (r < 0)
        return r;
    transaction->publications = calloc(wanted->n / PUBLICATION_SIZE + 1, sizeof(struct publication *));
    return transaction->publications ? transaction_reserve_next_part(transaction, NULL)
                                     : error_errno(error, ENOMEM, "preparing a change");
}

static int write_tables(struct transaction *transaction, struct error *error)
{
    struct wanted_list *wanted = &transaction->wanted;
    size_t n = wanted->n - transaction->at.index;
    int r;

    if (n > PUBLICATION_SIZE)
        n = PUBLICATION_SIZE;
    r = publisher_prepare(transaction->engine->publisher, &wanted->items[transaction->at.index], n, false,
                          &transaction->publications[transaction->n_publications], error);
    if (r < 0)
        return r;
    transaction->n_publications++;
    transaction->at.index += n;
    if (transaction->at.index < wanted->n)
        return STEP_MORE;
    transaction->at = (struct step_cursor){0};
    return 0;
}

enum {
    RESERVE_BEGIN,
    RESERVE_FORGET,
    RESERVE_RESTORE,
    RESERVE_ENDPOINTS,
    RESERVE_SCOPES,
    RESERVE_ALIASES,
    RESERVE_TABLES,
    RESERVE_SLOTS,
};

static int reserve_part(struct transaction *transaction, struct error *error)
{
    const struct engine *engine = transaction->engine;
    int r;

    switch (transaction->at.part) {
    case RESERVE_BEGIN:
        /* Bounded like their addresses, which they may not have yet. */
        if (engine->catalog->n_externals > engine->settings.max_endpoints &&
            engine->catalog->n_externals > transaction->n_externals)
            return error_set(error, ENOSPC,
                             "more host names than maps.endpoints (%u): raise it and restart svcconnectd",
                             engine->settings.max_endpoints);
        return transaction_reserve_next_part(transaction, transaction->instances);
    case RESERVE_FORGET:
        /* A finding may have taken some away without a row, and another one of its group
         * brought them back. */
        return each_endpoint(transaction, transaction_forget_endpoint);
    case RESERVE_RESTORE:
        return each_endpoint(transaction, transaction_restore_endpoint);
    case RESERVE_ENDPOINTS:
        return number_endpoints(transaction, error);
    case RESERVE_SCOPES:
        r = want_scopes(transaction, error);
        if (r < 0)
            return error->number ? r : error_errno(error, r, "listing aliases");
        /* Mostly as many: a list that long is not to be copied while it grows. */
        if (wanted_list_grow(&transaction->wanted, HASH_COUNT(transaction->aliases)) < 0)
            return error_errno(error, ENOMEM, "preparing a change");
        return transaction_reserve_next_part(transaction, transaction->aliases);
    case RESERVE_ALIASES:
        return transaction_reserve_note_aliases(transaction, error);
    case RESERVE_TABLES:
        return build_tables(transaction, error);
    default:
        return write_tables(transaction, error);
    }
}

int transaction_reserve(struct transaction *transaction, struct error *error)
{
    int r;

    transaction->is_reserved = true;
    r = reserve_part(transaction, error);

    if (r < 0)
        transaction->at = (struct step_cursor){0}; /* an abort begins */
    return r;
}
