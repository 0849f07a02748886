/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_PART 5 /* of a lease: who puts its key back within that has not been away */
#define LOOK_PART  3 /* one in doubt is looked at so often during a lease */

struct etcd_host *etcd_hosts_get(struct etcd_hosts *hosts, const char *id)
{
    struct etcd_host *host;

    HASH_FIND_STR(hosts->all, id, host);
    if (host)
        return host;
    host = calloc(1, sizeof(*host));
    if (!host)
        return NULL;
    (void)snprintf(host->id, sizeof(host->id), "%s", id);
    if (hosts->lease_ms == 0 || strcmp(id, hosts->own) == 0)
        host->state = ETCD_HOST_PRESENT;
    HASH_ADD_STR(hosts->all, id, host);
    return host;
}

void etcd_hosts_done(struct etcd_hosts *hosts)
{
    struct etcd_host *host, *next;

    HASH_ITER (hh, hosts->all, host, next) {
        HASH_DEL(hosts->all, host);
        free(host);
    }
}

bool etcd_hosts_came(struct etcd_host *host)
{
    bool was_gone = host->state == ETCD_HOST_GONE;

    host->state = ETCD_HOST_PRESENT;
    return was_gone;
}

void etcd_hosts_went(struct etcd_hosts *hosts, struct etcd_host *host, uint64_t now_ms)
{
    if (host->state != ETCD_HOST_PRESENT || hosts->lease_ms == 0 || strcmp(host->id, hosts->own) == 0)
        return;
    host->state = ETCD_HOST_DOUBTED;
    host->went_ms = now_ms;
    host->look_ms = now_ms + hosts->lease_ms / GRACE_PART;
}

void etcd_hosts_settle(struct etcd_hosts *hosts, uint64_t now_ms)
{
    bool is_mass;

    for (struct etcd_host *host = hosts->all; host; host = host->hh.next)
        if (host->state == ETCD_HOST_GONE)
            host->went_ms = now_ms;
    is_mass = etcd_hosts_is_mass(hosts, now_ms);
    for (struct etcd_host *host = hosts->all; is_mass && host; host = host->hh.next) {
        if (host->state != ETCD_HOST_GONE)
            continue;
        host->state = ETCD_HOST_DOUBTED;
        host->look_ms = now_ms;
    }
}

bool etcd_hosts_is_mass(const struct etcd_hosts *hosts, uint64_t now_ms)
{
    uint64_t n_went = 0, went_rows = 0, all_rows = 0;

    for (const struct etcd_host *host = hosts->all; host; host = host->hh.next) {
        bool has_gone = host->state == ETCD_HOST_DOUBTED ||
                        (host->state == ETCD_HOST_GONE && host->went_ms + hosts->lease_ms > now_ms);

        if (strcmp(host->id, hosts->own) == 0 || (host->state == ETCD_HOST_GONE && !has_gone))
            continue;
        all_rows += host->n_rows;
        went_rows += has_gone ? host->n_rows : 0;
        n_went += has_gone && host->n_rows > 0;
    }
    return n_went > 1 && went_rows * 100 > all_rows * hosts->most_percent;
}

struct etcd_host *etcd_hosts_due(const struct etcd_hosts *hosts, uint64_t now_ms, uint64_t *ret_next_ms)
{
    struct etcd_host *due = NULL;

    *ret_next_ms = UINT64_MAX;
    for (struct etcd_host *host = hosts->all; host; host = host->hh.next) {
        if (host->state != ETCD_HOST_DOUBTED)
            continue;
        if (host->look_ms <= now_ms)
            due = host;
        if (host->look_ms < *ret_next_ms)
            *ret_next_ms = host->look_ms;
    }
    return due;
}

void etcd_hosts_decide(struct etcd_hosts *hosts, struct etcd_host *host, bool is_gone, uint64_t now_ms)
{
    if (is_gone)
        host->state = ETCD_HOST_GONE;
    else
        host->look_ms = now_ms + hosts->lease_ms / LOOK_PART;
}

struct etcd_hosts_figures etcd_hosts_count(const struct etcd_hosts *hosts)
{
    struct etcd_hosts_figures figures = {0};

    for (const struct etcd_host *host = hosts->all; host; host = host->hh.next) {
        bool is_doubted = host->state == ETCD_HOST_DOUBTED, is_gone = host->state == ETCD_HOST_GONE;

        figures.present += host->state == ETCD_HOST_PRESENT;
        figures.doubted += is_doubted && host->n_rows > 0;
        figures.gone += is_gone && host->n_rows > 0;
        figures.doubted_rows += is_doubted ? host->n_rows : 0;
        figures.gone_rows += is_gone ? host->n_rows : 0;
    }
    return figures;
}
