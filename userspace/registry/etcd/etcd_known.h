/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is known of the fleet's keys: at which revision each was written, and of instances whose host's they are, with
 * the value where the host is another one, which may go and come back. One thread changes it (the owner before the
 * watch is started, then the watch's); others may ask what says so.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/etcd/etcd_hosts.h"
#include "registry/etcd/etcd_text.h"

struct etcd_known_key {
    char *key;
    char *value;             /* an instance's of another host; else NULL */
    struct etcd_host *owner; /* NULL: nobody's, it stays until it is deleted */
    uint64_t mod_revision;
    bool is_there; /* at the reading that is under way */
    UT_hash_handle hh;
};

struct etcd_known {
    const char *fleet;
    struct etcd_known_key *keys;
    struct etcd_hosts hosts;
    pthread_mutex_t mutex; /* the others' look, and the one's changes */
};

/* The texts are the caller's. */
void etcd_known_init(struct etcd_known *known, const char *fleet, const struct etcd_settings *settings);
void etcd_known_done(struct etcd_known *known);
void etcd_known_forget_all(struct etcd_known *known);

struct etcd_known_key *etcd_known_find(const struct etcd_known *known, const char *key);

/* A pair as it was written. Whose it is is taken out of the value, which then is as its host wrote it. -ENOMEM. */
int etcd_known_learn(struct etcd_known *known, struct etcd_pair *pair);
void etcd_known_forget(struct etcd_known *known, const char *key);

/* Is a row to be had, or does its host lead a life of its own? `key` is etcd's. */
bool etcd_known_is_shown(const struct etcd_known *known, const char *key);

/* May be called by any thread: the value of a row as this host writes it to etcd, with whose it is. The caller frees
 * it; NULL: out of memory. */
char *etcd_known_own(struct etcd_known *known, const char *key, const char *value);
