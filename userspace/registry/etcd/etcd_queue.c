/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the watch's thread, the committer's and the owner share, under one mutex. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/etcd/etcd_watch_internal.h"

/* ---- the queue ---- */

void etcd_batch_free(struct etcd_batch *batch)
{
    if (!batch)
        return;
    registry_batch_done(&batch->batch);
    etcd_pairs_done(&batch->heads);
    free(batch);
}

/* Is it one that this host wrote, and knows to have written? */
static bool is_own_commit(struct etcd_watch *watch, const struct etcd_head *head)
{
    if (head->mod_revision == 0 || strcmp(head->writer, watch->writer) != 0)
        return false;
    if (head->commit == watch->in_flight) {
        watch->confirmed = head->mod_revision;
        return true;
    }
    for (size_t i = 0; i < watch->n_unknown; i++)
        if (watch->unknown[i] == head->commit)
            return false;
    return true;
}

void etcd_watch_queue(struct etcd_watch *watch, struct etcd_batch *batch, bool is_resync)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->seen = batch->at;
    if ((is_own_commit(watch, &batch->head) && !is_resync) || batch->batch.n_rows == 0) {
        /* A commit without a row of ours moves the heads all the same. */
        if (batch->batch.n_rows == 0 && (batch->head.mod_revision || batch->heads.n) &&
            (is_resync || strcmp(batch->head.writer, watch->writer) != 0)) {
            *watch->last = TAKE_PTR(batch);
            watch->last = &(*watch->last)->next;
        }
    } else {
        *watch->last = batch;
        watch->last = &batch->next;
        batch = NULL;
    }
    if (watch->first)
        (void)eventfd_write(watch->fd, 1);
    (void)pthread_cond_broadcast(&watch->changed);
    (void)pthread_mutex_unlock(&watch->mutex);
    etcd_batch_free(batch);
}

struct etcd_batch *etcd_watch_take(struct etcd_watch *watch)
{
    struct etcd_batch *batch;
    eventfd_t count;

    (void)pthread_mutex_lock(&watch->mutex);
    batch = watch->first;
    if (batch) {
        watch->first = batch->next;
        if (!watch->first)
            watch->last = &watch->first;
    }
    if (!watch->first)
        (void)eventfd_read(watch->fd, &count);
    (void)pthread_mutex_unlock(&watch->mutex);
    return batch;
}

/* ---- commits of this host ---- */

void etcd_watch_begin_commit(struct etcd_watch *watch, uint64_t number)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->in_flight = number;
    watch->confirmed = 0;
    (void)pthread_mutex_unlock(&watch->mutex);
}

int etcd_watch_end_commit(struct etcd_watch *watch, uint64_t number, int r, uint64_t *revision)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->in_flight = 0;
    if (r < 0 && watch->confirmed) {
        *revision = watch->confirmed;
        r = 0;
    }
    /* If it comes after all it is taken as another's, since nobody here has been told that it is written. */
    if (r == -ENOTCONN && ARRAY_MAKE_ROOM(watch->unknown, watch->n_unknown) == 0)
        watch->unknown[watch->n_unknown++] = number;
    (void)pthread_mutex_unlock(&watch->mutex);
    return r;
}

void etcd_watch_wait_for(struct etcd_watch *watch, uint64_t revision, uint32_t most_ms)
{
    struct timespec until;

    if (!watch->has_thread)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += most_ms / 1000;
    (void)pthread_mutex_lock(&watch->mutex);
    while (watch->seen < revision && !watch->is_stopping &&
           pthread_cond_timedwait(&watch->changed, &watch->mutex, &until) == 0)
        ;
    (void)pthread_mutex_unlock(&watch->mutex);
}

/* ---- whether etcd is there ---- */

struct registry_link etcd_watch_link(struct etcd_watch *watch)
{
    struct registry_link link;

    (void)pthread_mutex_lock(&watch->mutex);
    link = watch->link;
    link.is_driver = strcmp(watch->driver, watch->settings->host) == 0;
    /* It writes it three times in each lease as long as it is there. */
    if (watch->twin_ms + 2 * watch->known.hosts.lease_ms < clock_monotonic_ms())
        link.twin[0] = '\0';
    (void)pthread_mutex_unlock(&watch->mutex);
    return link;
}

void etcd_watch_lost(struct etcd_watch *watch, const char *text)
{
    bool is_new;

    (void)pthread_mutex_lock(&watch->mutex);
    is_new = watch->link.lost_since == 0;
    if (is_new)
        watch->link.lost_since = clock_wall_s();
    (void)snprintf(watch->link.text, sizeof(watch->link.text), "%s", text);
    (void)pthread_mutex_unlock(&watch->mutex);
    if (is_new)
        log_warning("registry %s is lost, going on with what is known: %s", watch->settings->location, text);
}

void etcd_watch_found(struct etcd_watch *watch)
{
    int64_t since;

    (void)pthread_mutex_lock(&watch->mutex);
    since = watch->link.lost_since;
    watch->link.lost_since = 0;
    watch->link.text[0] = '\0';
    watch->link.n_found += since != 0;
    (void)pthread_mutex_unlock(&watch->mutex);
    /* Others were cut off as well, perhaps, and have their keys to put back. */
    if (since)
        watch->believe_ms = clock_monotonic_ms() + watch->known.hosts.lease_ms;
    if (since)
        log_info("registry %s is there again after %lld s", watch->settings->location,
                 (long long)(clock_wall_s() - since));
}

void etcd_watch_count_differences(struct etcd_watch *watch, size_t n)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->link.n_differences += n;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void etcd_watch_tell_driver(struct etcd_watch *watch, const char *host)
{
    (void)pthread_mutex_lock(&watch->mutex);
    (void)snprintf(watch->driver, sizeof(watch->driver), "%s", host);
    (void)pthread_mutex_unlock(&watch->mutex);
    etcd_presence_driver(watch->presence, host);
}

void etcd_watch_tell_hosts(struct etcd_watch *watch)
{
    struct etcd_hosts_figures figures = etcd_hosts_count(&watch->known.hosts);

    (void)pthread_mutex_lock(&watch->mutex);
    watch->link.hosts = figures.present;
    watch->link.doubted_hosts = figures.doubted;
    watch->link.doubted_instances = figures.doubted_rows;
    watch->link.gone_hosts = figures.gone;
    watch->link.gone_instances = figures.gone_rows;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void etcd_watch_count(struct etcd_watch *watch, size_t n_strange, bool is_resync)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->link.n_skipped += n_strange;
    watch->link.n_resyncs += is_resync;
    (void)pthread_mutex_unlock(&watch->mutex);
}
