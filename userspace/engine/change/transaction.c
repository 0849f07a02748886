/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/change/transaction_internal.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/engine_internal.h"
#include "engine/plan/scopes.h"
#include "registry/rows.h"

void transaction_begin(struct transaction *transaction, struct engine *engine, bool is_finding)
{
    *transaction = (struct transaction){
        .engine = engine, .is_finding = is_finding, .n_externals = engine->catalog->n_externals};
}

struct engine *transaction_engine(const struct transaction *transaction)
{
    return transaction->engine;
}

struct catalog *transaction_catalog(const struct transaction *transaction)
{
    return transaction->engine->catalog;
}

bool transaction_is_new_run(const struct transaction *transaction)
{
    return transaction->n_calls == 1;
}

void transaction_own(struct transaction *transaction)
{
    transaction->is_own = true;
}

void transaction_privilege(struct transaction *transaction)
{
    transaction->is_privileged = true;
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

struct taken_key *transaction_find_key(const struct transaction *transaction, const char *key)
{
    struct taken_key *taken;

    HASH_FIND_STR(transaction->taken, key, taken);
    return taken;
}

/* Jobs of one group do not put the same row: whoever comes second sees what the first has made of it. */
static bool is_taken(const struct transaction *transaction, const char *key)
{
    const struct taken_key *taken = transaction_find_key(transaction, key);

    return taken && taken->first < transaction->first_row;
}

/* By the row that comes next. */
static int take_key(struct transaction *transaction, const char *key)
{
    struct taken_key *taken = transaction_find_key(transaction, key);

    if (taken) {
        taken->last = transaction->n_rows;
        return 0;
    }
    taken = calloc(1, sizeof(*taken));
    if (!taken)
        return -ENOMEM;
    *taken = (struct taken_key){.key = key, .first = transaction->n_rows, .last = transaction->n_rows};
    HASH_ADD_KEYPTR(hh, transaction->taken, taken->key, strlen(taken->key), taken);
    return 0;
}

static int refuse_row(struct registry_row *row, struct registry_row *undo, int r, struct error *error)
{
    row_done(row);
    row_done(undo);
    return error && error->number ? r : error_errno(error, r, "preparing a change");
}

/* Of rows that the catalog leaves alone only the registry knows. */
static bool is_unchanged(const struct registry_row *row, const struct registry_row *undo)
{
    struct row_name name;

    if (row_is_of_host(row->key) || (row_parse_key(row->key, &name) == 0 && name.kind == ROW_UNKNOWN))
        return false;
    return row->value && undo->value ? strcmp(row->value, undo->value) == 0 : !row->value && !undo->value;
}

int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    struct engine *engine = transaction->engine;
    const struct service *service;
    struct registry_row undo = {0};
    int r = transaction->is_finding ? -EINVAL : make_room(transaction);

    if (r == 0)
        r = row_of_catalog(engine->catalog, row.key, &undo);
    if (r < 0)
        return refuse_row(&row, &undo, r, error);
    if (is_unchanged(&row, &undo)) {
        row_done(&row);
        row_done(&undo);
        return 0;
    }
    if (is_taken(transaction, row.key)) {
        transaction->must_wait = true;
        return refuse_row(&row, &undo, -EAGAIN, error);
    }
    if (!transaction->is_privileged && (r = followers_guard(engine, row.key, error)) < 0)
        return refuse_row(&row, &undo, r, error);
    r = transaction_touch_row(transaction, row.key);
    service = transaction_service_of_row(transaction, row.key);
    if (r == 0 && service)
        r = service_settings_copy(service_get_settings(service), &settings);
    if (r == 0)
        r = take_key(transaction, row.key);
    if (r < 0)
        return refuse_row(&row, &undo, r, error);
    transaction->rows[transaction->n_rows] = row;
    transaction->undo[transaction->n_rows++] = undo;
    r = transaction_apply(transaction, &row, error);
    if (r == 0 && (transaction_fill_external(transaction, row.key) < 0 ||
                   transaction_touch_row(transaction, row.key) < 0 ||
                   transaction_touch_settings(transaction, row.key, &settings) < 0))
        r = error_errno(error, ENOMEM, "preparing a change");
    return r;
}

/* ---- the jobs of a group ---- */

void transaction_begin_job(struct transaction *transaction)
{
    transaction->first_row = transaction->n_rows;
    transaction->is_privileged = false;
    transaction->is_own = false;
    transaction->must_wait = false;
    transaction->n_calls = 0;
}

void transaction_release_key(struct transaction *transaction, const char *key)
{
    struct taken_key *taken;

    HASH_FIND_STR(transaction->taken, key, taken);
    if (!taken || taken->key != key)
        return;
    HASH_DEL(transaction->taken, taken);
    free(taken);
}

int transaction_whole(struct transaction *transaction, transaction_step_fn step, struct error *error)
{
    int r;

    do {
        r = step(transaction, error);
    } while (r == STEP_MORE);
    return r;
}
