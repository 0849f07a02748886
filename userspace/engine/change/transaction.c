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

static int transaction_make_room(struct transaction *transaction)
{
    size_t capacity = transaction->capacity ? transaction->capacity * 2 : 8;
    struct row_documents *documents;
    struct registry_row *rows, *undo;

    if (transaction->n_rows < transaction->capacity)
        return 0;
    rows = realloc(transaction->rows, capacity * sizeof(*rows));
    if (rows)
        transaction->rows = rows;
    undo = realloc(transaction->undo, capacity * sizeof(*undo));
    if (undo)
        transaction->undo = undo;
    documents = realloc(transaction->documents, capacity * sizeof(*documents));
    if (documents)
        transaction->documents = documents;
    if (!rows || !undo || !documents)
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
static bool transaction_is_taken(const struct transaction *transaction, const char *key)
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

/* A row on its way into the transaction, and what would undo it. */
struct new_row {
    struct registry_row row, undo;
    struct row_documents documents;
};

/* Texts of documents are the records'. */
static void free_row(struct new_row *new)
{
    if (new->documents.after) {
        new->row.value = NULL;
        document_record_leave_row(new->documents.after);
    }
    if (new->documents.before)
        new->undo.value = NULL;
    row_done(&new->row);
    row_done(&new->undo);
    document_record_drop(&new->documents.after);
    document_record_drop(&new->documents.before);
}

void transaction_drop_row(struct transaction *transaction)
{
    size_t at = --transaction->n_rows;
    struct new_row last = {transaction->rows[at], transaction->undo[at], transaction->documents[at]};

    free_row(&last);
}

static int refuse_row(struct new_row *new, int r, struct error *error)
{
    free_row(new);
    return error && error->number ? r : error_errno(error, r, "preparing a change");
}

/* Of rows that the catalog leaves alone only the registry knows. */
static bool is_unchanged(const struct new_row *new)
{
    struct row_name name;

    if (row_is_of_host(new->row.key) || (row_parse_key(new->row.key, &name) == 0 && name.kind == ROW_UNKNOWN))
        return false;
    if (new->documents.after &&new->documents.before)
        return document_record_equal(new->documents.after, new->documents.before);
    return new->row.value &&new->undo.value ? strcmp(new->row.value, new->undo.value) == 0
                                            : !new->row.value && !new->undo.value;
}

static const struct stored_document *document_of_row(const struct transaction *transaction, const char *key)
{
    const struct model_namespace *parent;
    struct row_name name;

    if (row_parse_key(key, &name) < 0 || name.kind != ROW_DOCUMENT)
        return NULL;
    parent = catalog_namespace(transaction->engine->catalog, name.namespace_name);
    return parent ? catalog_document(parent, name.last) : NULL;
}

/* What the catalog has instead. A document's text stands for its value, which nobody reads. */
static int find_undo(const struct transaction *transaction, struct new_row *new)
{
    const struct stored_document *stored = document_of_row(transaction, new->row.key);

    if (!stored)
        return row_of_catalog(transaction->engine->catalog, new->row.key, &new->undo);
    new->undo.key = strdup(new->row.key);
    if (!new->undo.key)
        return -ENOMEM;
    new->documents.before = document_record_hold(stored->record);
    new->undo.value = stored->record->text;
    return 0;
}

static int transaction_append(struct transaction *transaction, struct new_row *new, struct error *error)
{
    size_t at = transaction->n_rows;
    int r = take_key(transaction, new->row.key);

    if (r < 0)
        return refuse_row(new, r, error);
    transaction->rows[at] = new->row;
    transaction->undo[at] = new->undo;
    transaction->documents[at] = new->documents;
    transaction->n_rows++;
    return transaction_apply(transaction, &transaction->rows[at], new->documents.after, error);
}

/* Takes all of it over. */
static int engine_transaction_put(struct transaction *transaction, struct new_row *new, struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    struct engine *engine = transaction->engine;
    const struct service *service;
    const char *key = new->row.key;
    int r = transaction->is_finding ? -EINVAL : transaction_make_room(transaction);

    if (r == 0)
        r = find_undo(transaction, new);
    if (r < 0)
        return refuse_row(new, r, error);
    if (is_unchanged(new)) {
        free_row(new);
        return 0;
    }
    if (transaction_is_taken(transaction, key)) {
        transaction->must_wait = true;
        return refuse_row(new, -EAGAIN, error);
    }
    if (!transaction->is_privileged && (r = followers_guard(engine, key, error)) < 0)
        return refuse_row(new, r, error);
    transaction_watch_row(transaction, key);
    r = transaction_touch_row(transaction, key);
    service = transaction_service_of_row(transaction, key);
    if (r == 0 && service)
        r = service_settings_copy(service_get_settings(service), &settings);
    if (r < 0)
        return refuse_row(new, r, error);
    r = transaction_append(transaction, new, error);
    if (r == 0 &&
        (transaction_fill_external(transaction, key) < 0 || transaction_touch_row(transaction, key) < 0 ||
         transaction_touch_settings(transaction, key, &settings) < 0))
        r = error_errno(error, ENOMEM, "preparing a change");
    return r;
}

static bool transaction_is_document(const char *key)
{
    struct row_name name;

    return row_parse_key(key, &name) == 0 && name.kind == ROW_DOCUMENT;
}

int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error)
{
    struct new_row new = {.row = row};

    if (row.value && transaction_is_document(row.key)) {
        int r = row_read_document(row.key, row.value, &new.documents.after, error);

        if (r < 0)
            return refuse_row(&new, r, error);
        new.documents.after->row = row.value;
        document_record_use_row(new.documents.after);
    }
    return engine_transaction_put(transaction, &new, error);
}

int transaction_put_document(struct transaction *transaction, const char *namespace_name, const char *name,
                             struct document_record *record, struct error *error)
{
    struct new_row new = {.documents = {.after = document_record_hold(record)}};
    int r;

    document_record_use_row(record);
    r = record->row ? 0 : row_write_document(record);
    if (r == 0) {
        new.row.key = row_document_key(namespace_name, name);
        r = new.row.key ? 0 : -ENOMEM;
    }
    if (r < 0)
        return refuse_row(&new, r, error);
    new.row.value = record->row;
    return engine_transaction_put(transaction, &new, error);
}

/* ---- the jobs of a group ---- */

void transaction_begin_job(struct transaction *transaction)
{
    transaction->first_row = transaction->n_rows;
    transaction->touched_by_job = NULL;
    transaction->n_jobs++;
    transaction->is_privileged = false;
    transaction->is_own = false;
    transaction->must_wait = false;
    transaction->n_calls = 0;
    transaction_forget_watched(transaction);
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
