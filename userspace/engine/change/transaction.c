/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/change/transaction_internal.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "canaries/canaries.h"
#include "daemon/daemon.h"
#include "engine/plan/scopes.h"
#include "registry/rows.h"

void transaction_begin(struct transaction *transaction, struct daemon *daemon)
{
    *transaction = (struct transaction){.daemon = daemon};
}

static void free_touched(struct touched **set)
{
    struct touched *touched, *next;

    HASH_ITER (hh, *set, touched, next) {
        HASH_DEL(*set, touched);
        free(touched->name);
        free(touched);
    }
}

void transaction_done(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->n_rows; i++) {
        row_done(&transaction->rows[i]);
        row_done(&transaction->undo[i]);
    }
    free(transaction->rows);
    free(transaction->undo);
    free_touched(&transaction->aliases);
    free_touched(&transaction->instances);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        scope_change_done(&transaction->scopes[i]);
    free(transaction->scopes);
    *transaction = (struct transaction){0};
}

/* ---- rows ---- */

static int make_room(struct transaction *transaction)
{
    size_t capacity = transaction->capacity ? transaction->capacity * 2 : 8;
    struct registry_row *rows, *undo;

    if (transaction->n_rows < transaction->capacity)
        return 0;
    rows = realloc(transaction->rows, capacity * sizeof(*rows));
    if (rows)
        transaction->rows = rows;
    undo = realloc(transaction->undo, capacity * sizeof(*undo));
    if (undo)
        transaction->undo = undo;
    if (!rows || !undo)
        return -ENOMEM;
    transaction->capacity = capacity;
    return 0;
}

int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    const struct service *service;
    struct registry_row undo = {0};
    int r = make_room(transaction);

    if (r == 0)
        r = row_of_catalog(transaction->daemon->catalog, row.key, &undo);
    if (r == 0 &&
        (row.value && undo.value ? strcmp(row.value, undo.value) == 0 : !row.value && !undo.value)) {
        row_done(&row);
        row_done(&undo);
        return 0;
    }
    if (r == 0 && !transaction->drives_canary && canaries_guard(transaction->daemon, row.key, error) < 0) {
        row_done(&row);
        row_done(&undo);
        return -EBUSY;
    }
    if (r == 0)
        r = transaction_touch_row(transaction, row.key);
    service = transaction_service_of_row(transaction, row.key);
    if (r == 0 && service)
        r = service_settings_copy(service_get_settings(service), &settings);
    if (r < 0) {
        row_done(&row);
        row_done(&undo);
        return error_errno(error, r, "preparing a change");
    }
    transaction->rows[transaction->n_rows] = row;
    transaction->undo[transaction->n_rows++] = undo;
    r = row_apply(transaction->daemon->catalog, row.key, row.value, error);
    if (r == 0 && (transaction_fill_external(transaction, row.key) < 0 ||
                   transaction_touch_row(transaction, row.key) < 0 ||
                   transaction_touch_settings(transaction, row.key, &settings) < 0))
        r = error_errno(error, ENOMEM, "preparing a change");
    return r;
}

void transaction_abort(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;

    if (!daemon)
        return;
    for (size_t i = transaction->n_rows; i-- > 0;)
        if (row_apply(daemon->catalog, transaction->undo[i].key, transaction->undo[i].value, NULL) < 0)
            log_error("undoing a refused change of %s failed", transaction->undo[i].key);
    for (size_t i = transaction->n_scopes; i-- > 0;)
        scope_change_undo(daemon, &transaction->scopes[i]);
    transaction_restore_endpoints(transaction);
    transaction_done(transaction);
}
