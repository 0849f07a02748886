/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * This host's lease: a thread keeps it alive with one request per third of its life, and keeps the key that says that
 * the host is there. A key that has gone, or a lease that has, is put back as soon as that is heard. The same lease
 * holds the key of who drives the canaries, which a host takes where nobody has it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "registry/etcd/etcd_client.h"
#include "registry/registry.h"

struct etcd_presence {
    struct etcd_settings settings; /* hastier than the owner's */
    char *key, *value, *driver_key, *seen_key, *tallies_key, *all_tallies;
    struct etcd_client client;
    pthread_t thread;
    bool has_thread, has_mutex;
    uint64_t lease; /* the thread's */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex. */
    bool is_stopping;
    bool is_missing;     /* the key is to be written */
    bool is_contested;   /* with the next request that keeps the lease */
    bool is_driver_free; /* nobody drives */
    bool is_allowed;     /* the user may write the key */
    bool is_driver;      /* this host does */
    char *report;        /* what this host sees; NULL: nothing was told */
    char *tallies;       /* what it counts; NULL: nothing was told, and nobody is asked */
    cJSON *sums;         /* of what the other hosts count; NULL: not known */
    bool is_report_new;  /* it is to be written */
    bool are_tallies_new;
    uint64_t n_put_back;
};

/* Texts of the settings are the caller's until the end; `writer` is copied. No thread yet. -ENOMEM. */
int etcd_presence_init(struct etcd_presence *presence, const struct etcd_settings *settings,
                       const char *writer);

/* The first lease, waiting for it, so that what this host writes is seen; then the thread. -EACCES is no error: such a
 * host only follows. Others with the error. */
int etcd_presence_start(struct etcd_presence *presence, struct error *error);
void etcd_presence_done(struct etcd_presence *presence);

/* By any thread: the key has gone; who drives has changed. */
void etcd_presence_missing(struct etcd_presence *presence);
void etcd_presence_contested(struct etcd_presence *presence); /* who wrote it is to see that there are two */
void etcd_presence_driver(struct etcd_presence *presence, const char *host); /* "": nobody */

/* What this host sees, which goes with its lease: written when that is kept alive next, if it is not what was told
 * before. -ENOMEM. */
int etcd_presence_report(struct etcd_presence *presence, const char *text);

/* What this host counts, written likewise; while it counts something and drives, it reads the others' as often. */
int etcd_presence_tell(struct etcd_presence *presence, const struct registry_tally *tallies, size_t n);
void etcd_presence_read_tallies(struct etcd_presence *presence); /* the thread's */
void etcd_presence_others(struct etcd_presence *presence, const char *name,
                          uint64_t ret_counts[static REGISTRY_COUNTS]);

struct etcd_presence_figures {
    bool is_allowed;
    uint64_t n_put_back;
};
struct etcd_presence_figures etcd_presence_figures(struct etcd_presence *presence);
