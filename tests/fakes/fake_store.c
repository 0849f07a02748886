/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A sorted array of rows. */
#include "fake_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_store {
    struct fake_row *rows;
    size_t n_rows, capacity;
    uint64_t revision;
    size_t max_rows;
    const char *setting;
    size_t n_whole; /* how many rows a load comes to */
    struct fake_counts counts;
};

static void *needed(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* Where the key is, or would be put. */
static size_t place_of(const struct fake_store *store, const char *key)
{
    size_t low = 0, high = store->n_rows;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(store->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct fake_row *find_row(const struct fake_store *store, const char *key)
{
    size_t i = place_of(store, key);

    return i < store->n_rows && strcmp(store->rows[i].key, key) == 0 ? &store->rows[i] : NULL;
}

static void delete_row(struct fake_store *store, const char *key)
{
    struct fake_row *row = find_row(store, key);

    if (!row)
        return;
    free(row->key);
    free(row->value);
    store->n_rows--;
    memmove(row, row + 1, (size_t)(store->rows + store->n_rows - row) * sizeof(*row));
}

static void put_row(struct fake_store *store, const char *key, const char *value)
{
    struct fake_row *row = find_row(store, key);

    if (!row) {
        size_t i = place_of(store, key);

        if (store->n_rows == store->capacity) {
            store->capacity = store->capacity * 2 + 16;
            store->rows = needed(reallocarray(store->rows, store->capacity, sizeof(*store->rows)));
        }
        row = &store->rows[i];
        memmove(row + 1, row, (store->n_rows++ - i) * sizeof(*row));
        *row = (struct fake_row){.key = needed(strdup(key))};
    }
    free(row->value);
    row->value = needed(strdup(value));
    row->revision = store->revision;
}

static int check_compares(const struct fake_store *store, const struct registry_commit *commit,
                          struct error *error)
{
    for (size_t i = 0; i < commit->n_compares; i++) {
        const struct registry_compare *compare = &commit->compares[i];
        const struct fake_row *row = find_row(store, compare->key);

        if ((row ? row->revision : REGISTRY_ABSENT) != compare->revision)
            return error_set(error, EAGAIN, "registry fake: %s was changed by another host", compare->key);
    }
    return 0;
}

int fake_store_write(struct fake_store *store, const struct registry_commit *commit, struct error *error)
{
    int r = check_compares(store, commit, error);

    if (r < 0)
        return r;
    if (store->max_rows && commit->n_rows > store->max_rows)
        return error_set(error, E2BIG, "registry fake: %zu rows at once, at most %zu are taken: raise %s",
                         commit->n_rows, store->max_rows, store->setting);
    store->revision++;
    for (size_t i = 0; i < commit->n_rows; i++) {
        if (commit->rows[i].value)
            put_row(store, commit->rows[i].key, commit->rows[i].value);
        else
            delete_row(store, commit->rows[i].key);
    }
    store->counts.commits++;
    store->counts.rows += commit->n_rows;
    return 0;
}

void fake_store_count_begun(struct fake_store *store)
{
    store->counts.begun++;
}

void fake_store_count_refused(struct fake_store *store)
{
    store->counts.refused++;
}

int fake_store_load(const struct fake_store *store, const char *prefix, registry_row_fn on_row, void *user)
{
    size_t n = 0;
    int r = 0;

    for (size_t i = place_of(store, prefix); i < store->n_rows && r == 0; i++) {
        if (strncmp(store->rows[i].key, prefix, strlen(prefix)) != 0)
            break;
        if (n++ == store->n_whole)
            return -EUCLEAN;
        r = on_row(store->rows[i].key, store->rows[i].value, user);
    }
    return r;
}

struct fake_store *fake_store_new(void)
{
    struct fake_store *store = needed(calloc(1, sizeof(*store)));

    store->n_whole = SIZE_MAX;
    return store;
}

void fake_store_free(struct fake_store **store)
{
    if (!*store)
        return;
    for (size_t i = 0; i < (*store)->n_rows; i++) {
        free((*store)->rows[i].key);
        free((*store)->rows[i].value);
    }
    free((*store)->rows);
    free(*store);
    *store = NULL;
}

void fake_store_limit_rows(struct fake_store *store, size_t n_rows, const char *setting)
{
    store->max_rows = n_rows;
    store->setting = setting;
}

void fake_store_damage(struct fake_store *store, size_t n_whole)
{
    store->n_whole = n_whole;
}

const struct fake_row *fake_store_rows(const struct fake_store *store, size_t *ret_n)
{
    *ret_n = store->n_rows;
    return store->rows;
}

const struct fake_row *fake_store_find(const struct fake_store *store, const char *key)
{
    return find_row(store, key);
}

uint64_t fake_store_revision(const struct fake_store *store)
{
    return store->revision;
}

struct fake_counts fake_store_counts(const struct fake_store *store)
{
    return store->counts;
}
