/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which hosts of the fleet are there, by the keys that go with their leases, and whether it is believed when one is
 * not any more: what its host has registered is shown while it is, or while that is in doubt. Pure; times are
 * milliseconds of one clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "registry/etcd/etcd_settings.h"

enum etcd_host_state {
    ETCD_HOST_GONE, /* also one that was never there */
    ETCD_HOST_DOUBTED,
    ETCD_HOST_PRESENT,
};

struct etcd_host {
    char id[ETCD_HOST_SIZE];
    enum etcd_host_state state;
    uint64_t went_ms; /* when it went */
    uint64_t look_ms; /* doubted: when it is to be decided */
    size_t n_rows;    /* that are its own */
    UT_hash_handle hh;
};

struct etcd_hosts {
    struct etcd_host *all;
    const char *own;   /* this one is always there */
    uint32_t lease_ms; /* so long after it died a host's lease ends; 0: hosts have none, and none ever goes */
    uint32_t
        most_percent; /* a larger share of the instances that goes within one lease is not believed at once */
};

/* Made if need be. NULL: out of memory. */
struct etcd_host *etcd_hosts_get(struct etcd_hosts *hosts, const char *id);
void etcd_hosts_done(struct etcd_hosts *hosts);

static inline bool etcd_host_is_shown(const struct etcd_host *host)
{
    return !host || host->state != ETCD_HOST_GONE;
}

/* Its key was written. True: its rows are to be shown again. */
bool etcd_hosts_came(struct etcd_host *host);

/* Its key has gone: in doubt, so that a host that puts it back at once has never been away. */
void etcd_hosts_went(struct etcd_hosts *hosts, struct etcd_host *host, uint64_t now_ms);

/* All keys were read: which hosts are not there. Of many it is in doubt. */
void etcd_hosts_settle(struct etcd_hosts *hosts, uint64_t now_ms);

/* Have several hosts gone within one lease, with a larger share of the others' instances than the setting says? */
bool etcd_hosts_is_mass(const struct etcd_hosts *hosts, uint64_t now_ms);

/* One that is to be decided now; NULL. *ret_next_ms: when the next one is, UINT64_MAX: none. */
struct etcd_host *etcd_hosts_due(const struct etcd_hosts *hosts, uint64_t now_ms, uint64_t *ret_next_ms);

/* The decision: it has gone, or is looked at again later. */
void etcd_hosts_decide(struct etcd_hosts *hosts, struct etcd_host *host, bool is_gone, uint64_t now_ms);

struct etcd_hosts_figures {
    uint64_t present, doubted, gone; /* of these only who has instances */
    uint64_t doubted_rows, gone_rows;
};
struct etcd_hosts_figures etcd_hosts_count(const struct etcd_hosts *hosts);
