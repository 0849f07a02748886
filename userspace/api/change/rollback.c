/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The history from its newest entry back to a revision: for each route, weight and group of settings that has
 * changed since, the value before its first change after that is put back, as one change.
 */
#include "api/change/rollback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "engine/change/job.h"
#include "engine/history/history.h"
#include "registry/row_difference.h"
#include "registry/rows.h"

/* The earliest entry after the revision, of each key. */
struct rolled {
    const char *key; /* the history's */
    uint64_t sequence;
    UT_hash_handle hh;
};

static void free_rolled(struct rolled **set)
{
    struct rolled *item, *next;

    HASH_ITER (hh, *set, item, next) {
        HASH_DEL(*set, item);
        free(item);
    }
}

static int collect(const struct history *history, uint64_t revision, struct rolled **set, struct error *error)
{
    uint64_t oldest = history_oldest(history);

    /* The entries of one revision are kept or lost together but for the oldest. */
    if (!oldest || (oldest > 1 && history_revision(history, oldest) > revision + 1))
        return error_refused(error, ENOENT, "revision", "",
                             "a revision from %llu on: the history begins there",
                             (unsigned long long)(oldest ? history_revision(history, oldest) : 0));
    for (uint64_t i = history_newest(history); i >= oldest && i > 0; i--) {
        const char *key = history_key(history, i);
        struct rolled *item;
        struct row_name name;

        if (!key || history_revision(history, i) <= revision)
            break;
        if (row_parse_key(key, &name) < 0 || (name.kind != ROW_ROUTE && name.kind != ROW_INSTANCE &&
                                              name.kind != ROW_SERVICE && name.kind != ROW_GLOBAL_SETTINGS))
            continue;
        HASH_FIND_STR(*set, key, item);
        if (!item) {
            item = calloc(1, sizeof(*item));
            if (!item)
                return error_set(error, ENOMEM, "out of memory");
            item->key = key;
            HASH_ADD_KEYPTR(hh, *set, item->key, strlen(item->key), item);
        }
        item->sequence = i;
    }
    return 0;
}

static void rollback_note(cJSON *answer, const char *list, const char *key, const char *what)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "key", key);
    (void)cJSON_AddStringToObject(object, "change", what);
    (void)cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(answer, list), object);
}

static int cannot(struct error *error, const char *key, const char *why)
{
    return error_set(error, EBUSY, "%.200s cannot be put back: %s; nothing was changed", key, why);
}

/* `member` of `to` becomes what it is in `from`. */
static void rollback_copy_member(cJSON *to, const cJSON *from, const char *member)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, member);

    cJSON_DeleteItemFromObjectCaseSensitive(to, member);
    if (item)
        (void)cJSON_AddItemToObject(to, member, cJSON_Duplicate(item, true));
}

/* A route's services are there still, or it would lead nowhere. */
static int check_route(const struct transaction *transaction, const char *key, const struct row_name *name,
                       const cJSON *before, struct error *error)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(before, "targets")) {
        const char *target = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "service"));
        const struct service *service =
            target ? catalog_service(transaction_catalog(transaction), name->namespace_name, target) : NULL;
        char why[300];

        if (service && service->is_declared)
            continue;
        (void)snprintf(why, sizeof(why), "its service %.150s does not exist any more", target ? target : "");
        return cannot(error, key, why);
    }
    return 0;
}

/* The same, in whatever order its members stand. */
static bool rollback_is_same(const char *a, const char *b)
{
    _cleanup_json_ cJSON *left = a ? cJSON_Parse(a) : NULL;
    _cleanup_json_ cJSON *right = b ? cJSON_Parse(b) : NULL;

    return left && right ? cJSON_Compare(left, right, true) : a == b;
}

/* What the row becomes, as JSON that the caller owns; NULL: it goes. *ret_is_left: nothing of it is put back. */
static int wanted_value(const struct transaction *transaction, const struct history_entry *entry,
                        const struct row_name *name, const char *now, char **ret_value, bool *ret_is_left,
                        struct error *error)
{
    const struct service *service;
    _cleanup_json_ cJSON *before = NULL;
    _cleanup_json_ cJSON *value = NULL;
    int r;

    if (entry->before)
        (void)json_parse(entry->key, entry->before, strlen(entry->before), &before, NULL);
    if (now)
        (void)json_parse(entry->key, now, strlen(now), &value, NULL);
    if (name->kind == ROW_ROUTE || name->kind == ROW_GLOBAL_SETTINGS) {
        r = name->kind == ROW_ROUTE ? check_route(transaction, entry->key, name, before, error) : 0;
        if (r == 0 && entry->before)
            *ret_value = strdup(entry->before);
        return r;
    }
    /* What has come since stays, and what has gone cannot have its weight or settings back. */
    if ((!before && !entry->is_withheld) || !value) {
        *ret_is_left = true;
        return 0;
    }
    if (entry->is_withheld)
        return cannot(error, entry->key, "the history does not keep what may hold a secret");
    service = name->kind == ROW_SERVICE
                  ? catalog_service(transaction_catalog(transaction), name->namespace_name, name->service)
                  : NULL;
    rollback_copy_member(value, before, name->kind == ROW_SERVICE ? "settings" : "weight");
    *ret_value = json_print(value);
    if (*ret_value && service && service->document && !rollback_is_same(*ret_value, now))
        return cannot(error, entry->key, "its settings stand in its document");
    return *ret_value ? 0 : error_set(error, ENOMEM, "out of memory");
}

static int rollback_entry(struct transaction *transaction, const struct history_entry *entry, cJSON *answer,
                          struct error *error)
{
    struct registry_row now = {0};
    struct registry_row row = {0};
    struct row_name name;
    bool is_left = false;
    char what[512];
    int r = row_parse_key(entry->key, &name);

    if (r == 0)
        r = row_of_catalog(transaction_catalog(transaction), entry->key, &now);
    if (r == 0)
        r = wanted_value(transaction, entry, &name, now.value, &row.value, &is_left, error);
    if (r == 0 && is_left) {
        rollback_note(answer, "left", entry->key, entry->before ? "it has gone since" : "it has come since");
    } else if (r == 0 && !rollback_is_same(now.value, row.value)) {
        row_tell_difference(now.value, row.value, what, sizeof(what));
        rollback_note(answer, "changes", entry->key, what);
        row.key = strdup(entry->key);
        r = row.key ? transaction_put(transaction, row, error) : -ENOMEM;
        row = (struct registry_row){0};
    }
    row_done(&now);
    row_done(&row);
    return r;
}

int change_rollback(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"revision", "dryRun", NULL};
    const struct history *history = engine_history(transaction_engine(transaction));
    _cleanup_(free_rolled) struct rolled *set = NULL;
    bool is_dry_run = false;
    uint64_t revision = 0;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = json_get_integer(body, "revision", true, 0, (uint64_t)1 << 53, &revision, error);
    if (r == 0)
        r = json_get_bool(body, "dryRun", false, &is_dry_run, error);
    if (r == 0)
        r = collect(history, revision, &set, error);
    if (r < 0)
        return r;
    (void)cJSON_AddBoolToObject(answer, "dryRun", is_dry_run);
    (void)cJSON_AddArrayToObject(answer, "changes");
    (void)cJSON_AddArrayToObject(answer, "left");
    for (const struct rolled *item = set; item; item = item->hh.next) {
        struct history_entry entry;

        r = history_read(history, item->sequence, &entry);
        if (r < 0)
            return cannot(error, item->key, "the history of it cannot be read");
        if (entry.more)
            r = cannot(error, item->key, "its change was larger than what the history keeps of one");
        if (r == 0)
            r = rollback_entry(transaction, &entry, answer, error);
        history_entry_done(&entry);
        if (r < 0)
            return r;
    }
    return is_dry_run ? JOB_TAKE_BACK : 0;
}
