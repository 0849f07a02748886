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

/* Rows of one key may follow each other; what counts is the state before the first and after the last. */
struct change {
    const char *key;
    const char *before;
    const char *after;
    UT_hash_handle hh;
};

static struct change *collect(const struct transaction *transaction, struct change *storage)
{
    struct change *changes = NULL;

    for (size_t i = transaction->first_row; i < transaction->n_rows; i++) {
        const struct registry_row *row = &transaction->rows[i];
        struct change *change;

        HASH_FIND_STR(changes, row->key, change);
        if (!change) {
            change = storage++;
            *change = (struct change){.key = row->key, .before = transaction->undo[i].value};
            HASH_ADD_KEYPTR(hh, changes, change->key, strlen(change->key), change);
        }
        change->after = row->value;
    }
    return changes;
}

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

cJSON *transaction_describe(const struct transaction *transaction)
{
    _cleanup_free_ struct change *storage = calloc(transaction->n_rows + 1, sizeof(*storage));
    cJSON *list = cJSON_CreateArray();
    struct change *changes = storage ? collect(transaction, storage) : NULL;

    for (const struct change *change = changes; change; change = change->hh.next) {
        struct row_name name;

        if (row_parse_key(change->key, &name) < 0 || name.kind >= ARRAY_SIZE(kinds) || !kinds[name.kind])
            continue;
        if (change->before && change->after ? strcmp(change->before, change->after) != 0
                                            : change->before || change->after)
            (void)cJSON_AddItemToArray(list, describe_row(&name, change->before, change->after));
    }
    HASH_CLEAR(hh, changes);
    return list;
}
