/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A transaction told to people: one line per document, service and route that it changes. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/change/transaction_internal.h"
#include "registry/rows.h"

static const char *const kinds[] = {
    [ROW_SERVICE] = "service",
    [ROW_ROUTE] = "route",
    [ROW_DOCUMENT] = "document",
};

#define ROWS_A_STEP 64

static cJSON *describe_row(const struct row_name *name, const char *before, const char *after)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "action", !before ? "create" : after ? "update" : "delete");
    (void)cJSON_AddStringToObject(object, "kind", kinds[name->kind]);
    (void)cJSON_AddStringToObject(object, "namespace", name->namespace_name);
    (void)cJSON_AddStringToObject(object, "name", name->kind == ROW_SERVICE ? name->service : name->last);
    if (name->kind == ROW_ROUTE)
        (void)cJSON_AddStringToObject(object, "client", name->client);
    return object;
}

static void count_change(const struct row_name *name, const char *before, const char *after,
                         struct change_counts *counts)
{
    size_t *of[] = {&counts->services.created, &counts->services.updated, &counts->services.deleted};

    if (name->kind == ROW_ROUTE) {
        of[0] = &counts->routes.created;
        of[1] = &counts->routes.updated;
        of[2] = &counts->routes.deleted;
    } else if (name->kind == ROW_DOCUMENT) {
        of[0] = &counts->documents.created;
        of[1] = &counts->documents.updated;
        of[2] = &counts->documents.deleted;
    }
    (*of[!before ? 0 : after ? 1 : 2])++;
}

static bool is_change(const struct transaction *transaction, size_t first, size_t last)
{
    const struct document_record *record_before = transaction->documents[first].before;
    const struct document_record *record_after = transaction->documents[last].after;
    const char *before = transaction->undo[first].value;
    const char *after = transaction->rows[last].value;

    if (record_before && record_after)
        return !document_record_equal(record_before, record_after);
    return before && after ? strcmp(before, after) != 0 : before || after;
}

/* Rows of one key may follow each other; what counts is the state before the first and after the last. */
static void transaction_describe_describe(const struct transaction *transaction, size_t i,
                                          struct json_stream *stream, struct change_counts *counts)
{
    const struct registry_row *row = &transaction->rows[i];
    const struct taken_key *taken = transaction_find_key(transaction, row->key);
    const char *before = transaction->undo[i].value;
    const char *after = taken->first == i ? transaction->rows[taken->last].value : NULL;
    struct row_name name;

    if (taken->first != i || row_parse_key(row->key, &name) < 0 || name.kind >= ARRAY_SIZE(kinds) ||
        !kinds[name.kind] || !is_change(transaction, i, taken->last))
        return;
    count_change(&name, before, after, counts);
    (void)json_stream_take(stream, NULL, describe_row(&name, before, after));
}

bool transaction_describe_some(const struct transaction *transaction, struct json_stream *stream, size_t *at,
                               struct change_counts *counts)
{
    size_t n = transaction->n_rows - transaction->first_row;

    for (unsigned i = 0; i < ROWS_A_STEP && *at < n; i++)
        transaction_describe_describe(transaction, transaction->first_row + (*at)++, stream, counts);
    return *at < n;
}
