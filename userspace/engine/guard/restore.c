/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/guard/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/worker.h"
#include "engine/change/job.h"
#include "engine/engine_internal.h"
#include "registry/row_walk.h"
#include "registry/rows.h"
#include "registry/sqlite/sqlite_salvage.h"

#define PIECE_NS 2000000 /* how long rows are put before the loop goes on */

struct restore_rows {
    struct registry_row *items;
    size_t n;
    size_t capacity;
};

struct registry_restore {
    struct engine *engine;
    char *path;
    const char *location; /* of the registry; NULL: it has no file */
    bool is_other_taken;
    restore_fn done;
    void *user;
    int result; /* of reading */
    struct error error;
    struct restore_end end;
    char *aside;
    struct restore_rows rows;    /* of the backup, by key */
    struct restore_rows surplus; /* keys of the catalog that it does not have */
    struct row_walk walk;
    bool has_walked;
    size_t at_surplus, at_row;
};

/* ---- rows ---- */

static void free_rows(struct restore_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        row_done(&rows->items[i]);
    free(rows->items);
    *rows = (struct restore_rows){0};
}

static int add_row(struct restore_rows *rows, const char *key, const char *value)
{
    struct registry_row *row;

    if (rows->n == rows->capacity) {
        size_t capacity = rows->capacity ? rows->capacity * 2 : 256;
        struct registry_row *larger = realloc(rows->items, capacity * sizeof(*larger));

        if (!larger)
            return -ENOMEM;
        rows->items = larger;
        rows->capacity = capacity;
    }
    row = &rows->items[rows->n];
    *row = (struct registry_row){strdup(key), value ? strdup(value) : NULL};
    if (!row->key || (value && !row->value)) {
        row_done(row);
        return -ENOMEM;
    }
    rows->n++;
    return 0;
}

static int restore_compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct registry_row *)a)->key, ((const struct registry_row *)b)->key);
}

static bool is_in_backup(const struct registry_restore *restore, const char *key)
{
    const struct registry_row wanted = {.key = (char *)key};

    return restore->rows.n &&
           bsearch(&wanted, restore->rows.items, restore->rows.n, sizeof(wanted), restore_compare_keys);
}

static void free_restore(struct registry_restore *restore)
{
    free_rows(&restore->rows);
    free_rows(&restore->surplus);
    free(restore->path);
    free(restore->aside);
    free(restore);
}

static void restore_tell(struct registry_restore *restore, int r, const struct error *error)
{
    restore->done(r, r < 0 ? NULL : &restore->end, error, restore->user);
    free_restore(restore);
}

/* ---- on the worker ---- */

static int read_row(const char *key, const char *value, void *user)
{
    return add_row(&((struct registry_restore *)user)->rows, key, value);
}

static int keep_copy(struct registry_restore *restore)
{
    struct backup_facts unused;
    int r = sqlite_registry_aside_name(restore->location, "before", &restore->aside);

    if (r < 0)
        return error_errno(&restore->error, r, "%s", restore->location);
    return sqlite_backup_write(restore->location, NULL, restore->aside, &unused, &restore->error);
}

static void restore_read(void *user)
{
    struct registry_restore *restore = user;
    int r = sqlite_backup_check(restore->path, "the backup", &restore->end.facts, &restore->error);

    if (r == 0 && (r = sqlite_backup_read(restore->path, read_row, restore, &restore->error)) == -ENOMEM)
        (void)error_errno(&restore->error, r, "reading the backup");
    /* SQLite's order of keys is strcmp()'s, but for what it may do with a collation of its own. */
    if (r == 0 && restore->rows.n)
        qsort(restore->rows.items, restore->rows.n, sizeof(*restore->rows.items), restore_compare_keys);
    if (r == 0 && restore->location)
        r = keep_copy(restore);
    restore->result = r;
}

/* ---- the change ---- */

static int add_surplus(const char *key, void *user)
{
    struct registry_restore *restore = user;

    return is_in_backup(restore, key) ? 0 : add_row(&restore->surplus, key, NULL);
}

static int put_copy(struct transaction *transaction, const struct registry_row *row, struct error *error)
{
    struct registry_row copy = {strdup(row->key), row->value ? strdup(row->value) : NULL};

    if (!copy.key || (row->value && !copy.value)) {
        row_done(&copy);
        return error_errno(error, ENOMEM, "restoring");
    }
    return transaction_put(transaction, copy, error);
}

/* So that the next backup of the same line is known for one. */
static int put_id(struct transaction *transaction, const struct registry_restore *restore,
                  struct error *error)
{
    const struct registry_guard *guard = &restore->engine->guard;
    _cleanup_json_ cJSON *json = NULL;
    struct registry_row row = {0};

    if (strcmp(restore->end.facts.id, guard->id) == 0 || !*restore->end.facts.id)
        return 0;
    json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "id", guard->id);
    if (*guard->copy_of)
        (void)cJSON_AddStringToObject(json, "copyOf", guard->copy_of);
    (void)cJSON_AddStringToObject(json, "restoredFrom", restore->end.facts.id);
    row = (struct registry_row){strdup("registry/id"), cJSON_PrintUnformatted(json)};
    if (!row.key || !row.value) {
        row_done(&row);
        return error_errno(error, ENOMEM, "restoring");
    }
    return transaction_put(transaction, row, error);
}

/* What is too much goes first: an alias may have moved from one service to another. */
static int restore_run(struct transaction *transaction, void *user, struct error *error)
{
    struct registry_restore *restore = user;
    uint64_t until = clock_monotonic_ns() + PIECE_NS;
    int r = 0;

    if (transaction_is_new_run(transaction)) {
        free_rows(&restore->surplus);
        restore->walk = (struct row_walk){0};
        restore->has_walked = false;
        restore->at_surplus = restore->at_row = 0;
    }
    transaction_privilege(transaction);
    while (!restore->has_walked && r >= 0 && clock_monotonic_ns() < until) {
        r = row_walk_step(&restore->walk, transaction_catalog(transaction), add_surplus, restore);
        restore->has_walked = r == 0;
    }
    if (r < 0)
        return error_errno(error, r, "restoring");
    while (restore->has_walked && restore->at_surplus < restore->surplus.n && clock_monotonic_ns() < until)
        if ((r = put_copy(transaction, &restore->surplus.items[restore->at_surplus++], error)) < 0)
            return r;
    while (restore->has_walked && restore->at_surplus == restore->surplus.n &&
           restore->at_row < restore->rows.n && clock_monotonic_ns() < until)
        if ((r = put_copy(transaction, &restore->rows.items[restore->at_row++], error)) < 0)
            return r;
    if (!restore->has_walked || restore->at_surplus < restore->surplus.n || restore->at_row < restore->rows.n)
        return JOB_GO_ON;
    return put_id(transaction, restore, error);
}

/* Rows that could not be read, and are in the backup, are good again: accepting must not put them aside. */
static void forget_unreadable(struct registry_restore *restore)
{
    struct registry_guard *guard = &restore->engine->guard;
    size_t n = 0;

    for (size_t i = 0; i < guard->n_unreadable; i++)
        if (is_in_backup(restore, guard->unreadable[i].key))
            row_done(&guard->unreadable[i]);
        else
            guard->unreadable[n++] = guard->unreadable[i];
    guard->n_unreadable = n;
}

static void restore_accept(void *user)
{
    struct registry_restore *restore = user;
    struct error error = {0};
    int r;

    forget_unreadable(restore);
    r = registry_guard_accept(restore->engine, &restore->end.was, &error);
    restore->end.revision = registry_revision(restore->engine->registry);
    restore_tell(restore, r, &error);
}

static void restore_done(int r, uint64_t revision, const struct error *error, void *user)
{
    struct registry_restore *restore = user;
    struct registry_guard *guard = &restore->engine->guard;

    restore->end.revision = revision;
    restore->end.was = registry_verdict_name(guard->verdict);
    restore->end.aside = restore->aside;
    if (r == 0) {
        if (strcmp(restore->end.facts.id, guard->id) != 0)
            memcpy(guard->restored_from, restore->end.facts.id, sizeof(guard->restored_from));
        log_info(
            "the registry was restored from a backup of revision %llu: %llu services, %llu instances; what "
            "was there "
            "is kept as %s",
            (unsigned long long)restore->end.facts.revision, (unsigned long long)restore->end.facts.services,
            (unsigned long long)restore->end.facts.instances, restore->aside ? restore->aside : "(nothing)");
    } else if (restore->aside) {
        (void)unlink(restore->aside);
    }
    if (r == 0 && registry_guard_is_degraded(guard)) {
        r = engine_when_steady(restore->engine, restore_accept, restore);
        if (r == 0)
            return;
    }
    restore_tell(restore, r, error);
}

static int restore_refuse_stranger(const struct registry_restore *restore, struct error *error)
{
    const struct registry_guard *guard = &restore->engine->guard;
    const struct backup_facts here = {.rows = restore->engine->catalog->n_services +
                                              restore->engine->catalog->n_instances};
    const char *const own[] = {guard->id, guard->copy_of, guard->restored_from, guard->seen.id};

    /* The name that its registry gets would be another one than what the other hosts have pinned. */
    if (registry_batch_fd(restore->engine->registry) >= 0)
        return error_set(
            error, EEXIST,
            "the registry is shared by hosts, and a backup is of one host's own: nothing was changed; "
            "bring etcd back by what it saves itself (etcdctl snapshot)");
    if (restore->is_other_taken || here.rows == 0)
        return 0;
    return sqlite_backup_is_of(&restore->end.facts, own, ARRAY_SIZE(own))
               ? 0
               : error_set(error, EEXIST,
                           "the backup is of another registry (id %.40s) than the one that runs (id %.40s): "
                           "nothing was "
                           "changed; if it is the one that is wanted, give --other",
                           *restore->end.facts.id ? restore->end.facts.id : "none", guard->id);
}

static void restore_was_read(int r, void *user)
{
    struct registry_restore *restore = user;
    const struct job job = {.run = restore_run, .done = restore_done, .user = restore};

    if (r == 0)
        r = restore->result;
    else
        (void)error_errno(&restore->error, r, "restoring");
    if (r == 0)
        r = restore_refuse_stranger(restore, &restore->error);
    if (r == 0 && (r = engine_submit(restore->engine, &job)) < 0)
        (void)error_errno(&restore->error, r, "restoring");
    if (r == 0)
        return;
    if (restore->aside)
        (void)unlink(restore->aside);
    restore_tell(restore, r, &restore->error);
}

int registry_restore(struct engine *engine, struct worker *worker, const char *path, bool is_other_taken,
                     restore_fn done, void *user)
{
    struct registry_restore *restore = calloc(1, sizeof(*restore));
    const struct work work = {.run = restore_read, .done = restore_was_read, .user = restore};
    int r = restore ? 0 : -ENOMEM;

    if (r < 0)
        return r;
    *restore = (struct registry_restore){
        .engine = engine,
        .path = strdup(path),
        .location = engine->owns_registry ? registry_location(engine->registry) : NULL,
        .is_other_taken = is_other_taken,
        .done = done,
        .user = user,
    };
    r = restore->path ? worker_submit(worker, &work) : -ENOMEM;
    if (r < 0)
        free_restore(restore);
    return r;
}
