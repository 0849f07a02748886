/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From events and ranges to batches, by the revision at which each key is known. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_watch_internal.h"

struct etcd_known {
    char *key;
    uint64_t mod_revision;
    bool is_there; /* at the resync that is under way */
    UT_hash_handle hh;
};

static struct etcd_known *find_known(const struct etcd_watch *watch, const char *key)
{
    struct etcd_known *known;

    HASH_FIND_STR(watch->known, key, known);
    return known;
}

int etcd_watch_know(struct etcd_watch *watch, const char *key, uint64_t mod_revision)
{
    struct etcd_known *known = find_known(watch, key);

    if (!known) {
        known = calloc(1, sizeof(*known));
        if (!known || !(known->key = strdup(key))) {
            free(known);
            return -ENOMEM;
        }
        HASH_ADD_KEYPTR(hh, watch->known, known->key, strlen(known->key), known);
    }
    known->mod_revision = mod_revision;
    known->is_there = true;
    return 0;
}

static void forget(struct etcd_watch *watch, struct etcd_known *known)
{
    HASH_DEL(watch->known, known);
    free(known->key);
    free(known);
}

void etcd_watch_forget_all(struct etcd_watch *watch)
{
    struct etcd_known *known, *next;

    HASH_ITER (hh, watch->known, known, next)
        forget(watch, known);
}

/* ---- one batch ---- */

static struct etcd_batch *new_batch(uint64_t at)
{
    struct etcd_batch *batch = calloc(1, sizeof(*batch));

    if (batch)
        batch->at = at;
    return batch;
}

/* Takes the value over. */
static int etcd_batch_add_row(struct etcd_batch *batch, const char *key, char **value)
{
    struct registry_row row = {0};

    if (ARRAY_MAKE_ROOM(batch->batch.rows, batch->batch.n_rows) < 0 || !(row.key = strdup(key)))
        return -ENOMEM;
    row.value = TAKE_PTR(*value);
    batch->batch.rows[batch->batch.n_rows++] = row;
    return 0;
}

/* What a key has become: the head says who wrote, a row goes into the batch, other keys are nobody's. */
static int etcd_batch_add_pair(struct etcd_watch *watch, struct etcd_batch *batch, struct etcd_pair *pair)
{
    const char *row = etcd_row_in_fleet(watch->fleet, pair->key);

    if (strcmp(pair->key, watch->head_key) == 0 && pair->value) {
        if (etcd_read_head(pair, &batch->head) < 0)
            etcd_watch_count(watch, 1, false);
        else
            watch->heard = batch->head.mod_revision;
        return 0;
    }
    return row ? etcd_batch_add_row(batch, row, &pair->value) : 0;
}

static int learn(struct etcd_watch *watch, const struct etcd_pair *pair)
{
    struct etcd_known *known;

    if (pair->value)
        return etcd_watch_know(watch, pair->key, pair->mod_revision);
    known = find_known(watch, pair->key);
    if (known)
        forget(watch, known);
    return 0;
}

/* ---- events ---- */

int etcd_watch_take_events(struct etcd_watch *watch, struct etcd_pairs *events)
{
    size_t i = 0;

    etcd_watch_count(watch, events->n_strange, false);
    while (i < events->n) {
        uint64_t at = events->items[i].mod_revision;
        struct etcd_batch *batch;
        int r = 0;

        if (at < watch->next) {
            i++;
            continue;
        }
        batch = new_batch(at);
        if (!batch)
            return -ENOMEM;
        for (; r == 0 && i < events->n && events->items[i].mod_revision == at; i++) {
            r = learn(watch, &events->items[i]);
            if (r == 0)
                r = etcd_batch_add_pair(watch, batch, &events->items[i]);
        }
        if (r < 0) {
            etcd_batch_free(batch);
            return r;
        }
        watch->next = at + 1;
        etcd_watch_queue(watch, batch, false);
    }
    return 0;
}

/* ---- all of it once more ---- */

struct resync {
    struct etcd_watch *watch;
    struct etcd_batch *batch;
};

static int resync_pair(struct etcd_pair *pair, void *user)
{
    struct resync *resync = user;
    struct etcd_known *known = find_known(resync->watch, pair->key);
    bool is_same = known && known->mod_revision == pair->mod_revision;
    int r = etcd_watch_know(resync->watch, pair->key, pair->mod_revision);
    bool is_head = strcmp(pair->key, resync->watch->head_key) == 0;

    return r < 0 || (is_same && !is_head) ? r : etcd_batch_add_pair(resync->watch, resync->batch, pair);
}

int etcd_watch_resync(struct etcd_watch *watch, struct error *error)
{
    struct resync resync = {.watch = watch, .batch = new_batch(0)};
    struct etcd_known *known, *next;
    size_t n_strange = 0;
    int r = resync.batch ? 0 : -ENOMEM;

    for (known = watch->known; known; known = known->hh.next)
        known->is_there = false;
    if (r == 0)
        r = etcd_pages(&watch->asking, watch->fleet, &resync.batch->at, resync_pair, &resync, &n_strange,
                       error);
    for (known = watch->known; r == 0 && known; known = known->hh.next) {
        const char *row = etcd_row_in_fleet(watch->fleet, known->key);

        if (!known->is_there && row)
            r = etcd_batch_add_row(resync.batch, row, &(char *){NULL});
    }
    if (r < 0) {
        /* What was learnt and not handed over would be taken for known. */
        for (known = watch->known; known; known = known->hh.next)
            known->mod_revision = 0;
        etcd_batch_free(resync.batch);
        return r;
    }
    HASH_ITER (hh, watch->known, known, next) {
        if (!known->is_there)
            forget(watch, known);
    }
    etcd_watch_count(watch, n_strange, true);
    watch->next = resync.batch->at + 1;
    etcd_watch_queue(watch, resync.batch, true);
    return 0;
}

int etcd_watch_ask_head(struct etcd_watch *watch, struct etcd_head *ret_head, struct error *error)
{
    return etcd_ask_head(&watch->asking, watch->head_key, ret_head, error);
}
