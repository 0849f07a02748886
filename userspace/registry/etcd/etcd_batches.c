/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From events and ranges to batches, by the revision at which each key is known. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "registry/etcd/etcd_heads.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_watch_internal.h"

/* ---- one batch ---- */

struct etcd_batch *etcd_batch_new(uint64_t at)
{
    struct etcd_batch *batch = calloc(1, sizeof(*batch));

    if (batch)
        batch->at = at;
    return batch;
}

int etcd_batch_add_row(struct etcd_batch *batch, const char *key, char **value)
{
    struct registry_row row = {0};

    if (ARRAY_MAKE_ROOM(batch->batch.rows, batch->batch.n_rows) < 0 || !(row.key = strdup(key)))
        return -ENOMEM;
    row.value = TAKE_PTR(*value);
    batch->batch.rows[batch->batch.n_rows++] = row;
    return 0;
}

/* What this host does not show is told as gone, which it may be already. */
static int add_fleet_row(struct etcd_watch *watch, struct etcd_batch *batch, const char *row,
                         struct etcd_pair *pair)
{
    char *nothing = NULL;

    return etcd_batch_add_row(batch, row,
                              etcd_known_is_shown(&watch->known, pair->key) ? &pair->value : &nothing);
}

/* Others write them with their rows, and a commit of this host compares them. */
static int add_head_of_namespace(struct etcd_batch *batch, const struct etcd_pair *pair)
{
    struct etcd_pair copy = {.key = strdup(pair->key),
                             .value = pair->value ? strdup(pair->value) : NULL,
                             .mod_revision = pair->mod_revision};
    struct etcd_head head;

    if (!copy.key || (pair->value && !copy.value) ||
        ARRAY_MAKE_ROOM(batch->heads.items, batch->heads.n) < 0) {
        free(copy.key);
        free(copy.value);
        return -ENOMEM;
    }
    batch->heads.items[batch->heads.n++] = copy;
    if (pair->value && etcd_read_head(pair, &head) == 0 && head.revision > batch->revision)
        batch->revision = head.revision;
    return 0;
}

/* What a key that is learnt has become: the head says who wrote, a row goes into the batch, a host's key says whether it
 * is there; other keys are nobody's. */
static int etcd_batch_add_pair(struct etcd_watch *watch, struct etcd_batch *batch, struct etcd_pair *pair)
{
    char row[ETCD_ROW_SIZE];
    const char *host = etcd_host_in_fleet(watch->fleet, pair->key);

    if (strcmp(pair->key, watch->head_key) == 0 && pair->value) {
        if (etcd_read_head(pair, &batch->head) < 0)
            etcd_watch_count(watch, 1, false);
        else
            watch->heard = batch->head.mod_revision;
        return 0;
    }
    if (etcd_is_head(watch->fleet, pair->key))
        return add_head_of_namespace(batch, pair);
    if (strcmp(pair->key, watch->driver_key) == 0)
        etcd_watch_tell_driver(watch, pair->value ? pair->value : "");
    if (host && pair->value && strcmp(host, watch->known.hosts.own) == 0)
        etcd_watch_own_key(watch, pair->value);
    if (host)
        return pair->value ? etcd_watch_host_came(watch, host, batch) : etcd_watch_host_went(watch, host);
    return etcd_row_in_fleet(watch->fleet, pair->key, row) ? add_fleet_row(watch, batch, row, pair) : 0;
}

static int learn(struct etcd_watch *watch, struct etcd_pair *pair)
{
    if (pair->value)
        return etcd_known_learn(&watch->known, pair);
    etcd_known_forget(&watch->known, pair->key);
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
        batch = etcd_batch_new(at);
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
    /* What they would have again may have been taken away. */
    if (etcd_watch_link(watch).gone_hosts)
        etcd_watch_tell_hosts(watch);
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
    struct etcd_watch *watch = resync->watch;
    const struct etcd_known_key *known = etcd_known_find(&watch->known, pair->key);
    bool is_same = known && known->mod_revision == pair->mod_revision;
    int r = etcd_known_learn(&watch->known, pair);
    char row[ETCD_ROW_SIZE];
    bool is_row = etcd_row_in_fleet(watch->fleet, pair->key, row);

    return r < 0 || (is_same && is_row) ? r : etcd_batch_add_pair(watch, resync->batch, pair);
}

/* What was there and is not any more. */
static int resync_gone(struct etcd_watch *watch, struct etcd_batch *batch)
{
    int r = 0;

    for (struct etcd_known_key *key = watch->known.keys; r == 0 && key; key = key->hh.next) {
        struct etcd_pair gone = {.key = key->key, .mod_revision = batch->at};

        if (!key->is_there)
            r = etcd_batch_add_pair(watch, batch, &gone);
    }
    return r;
}

static void resync_forget_gone(struct etcd_watch *watch)
{
    struct etcd_known_key *key, *next;

    HASH_ITER (hh, watch->known.keys, key, next) {
        if (!key->is_there)
            etcd_known_forget(&watch->known, key->key);
    }
}

int etcd_watch_resync(struct etcd_watch *watch, size_t *ret_n_rows, struct error *error)
{
    struct resync resync = {.watch = watch, .batch = etcd_batch_new(0)};
    struct etcd_known_key *key;
    size_t n_strange = 0;
    int r = resync.batch ? 0 : -ENOMEM;

    for (key = watch->known.keys; key; key = key->hh.next)
        key->is_there = false;
    if (r == 0)
        r = etcd_pages(&watch->asking, watch->fleet, &resync.batch->at, resync_pair, &resync, &n_strange,
                       error);
    if (r == 0)
        r = resync_gone(watch, resync.batch);
    if (r < 0) {
        /* What was learnt and not handed over would be taken for known. */
        for (key = watch->known.keys; key; key = key->hh.next)
            key->mod_revision = 0;
        etcd_batch_free(resync.batch);
        return r;
    }
    resync_forget_gone(watch);
    etcd_watch_count(watch, n_strange, true);
    watch->next = resync.batch->at + 1;
    watch->audited = resync.batch->at;
    watch->n_strange = n_strange;
    *ret_n_rows = resync.batch->batch.n_rows;
    etcd_watch_tell_hosts(watch);
    etcd_watch_queue(watch, resync.batch, true);
    return 0;
}

/* ---- what the owner reads before the start ---- */

int etcd_watch_know(struct etcd_watch *watch, struct etcd_pair *pair)
{
    const char *host = etcd_host_in_fleet(watch->fleet, pair->key);
    struct etcd_host *present = host ? etcd_hosts_get(&watch->known.hosts, host) : NULL;

    if (host && !present)
        return -ENOMEM;
    if (present)
        (void)etcd_hosts_came(present);
    if (strcmp(pair->key, watch->driver_key) == 0)
        etcd_watch_tell_driver(watch, pair->value);
    return etcd_known_learn(&watch->known, pair);
}

void etcd_watch_knows_all(struct etcd_watch *watch)
{
    etcd_hosts_settle(&watch->known.hosts, clock_monotonic_ms());
    etcd_watch_tell_hosts(watch);
}

bool etcd_watch_shows(struct etcd_watch *watch, const char *row)
{
    _cleanup_free_ char *key = etcd_key_in_fleet(watch->fleet, row);
    bool is_shown;

    if (!key)
        return true;
    /* A load may come while the watch goes on. */
    (void)pthread_mutex_lock(&watch->known.mutex);
    is_shown = etcd_known_is_shown(&watch->known, key);
    (void)pthread_mutex_unlock(&watch->known.mutex);
    return is_shown;
}

int etcd_watch_ask_head(struct etcd_watch *watch, struct etcd_head *ret_head, struct error *error)
{
    return etcd_ask_head(&watch->asking, watch->head_key, ret_head, error);
}
