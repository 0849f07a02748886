/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The heads that commits compare: one of each namespace's rows and one of the rows of none. So who writes in one
 * namespace makes nobody who writes in another begin anew. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct etcd_known_head {
    char *key;
    uint64_t mod_revision; /* 0: it is not there */
    uint64_t at;           /* etcd's revision at which that was so */
    UT_hash_handle hh;
};

/* By key; zeroed: none is known. */
struct etcd_heads {
    struct etcd_known_head *all;
};

void etcd_heads_done(struct etcd_heads *heads);

/* The key of the head that a commit of this row compares, that of its namespace; and of the one that it compares too if it
 * lies with what is of none (etcd_keys.c). The caller frees them. NULL: out of memory. */
char *etcd_head_of_row(const char *fleet, const char *row);
char *etcd_head_of_common(const char *fleet);

/* Is this the key of such a head? Not that of the fleet's own, which nobody compares. */
bool etcd_is_head(const char *fleet, const char *key);

/* The key was written, or deleted, at that revision of etcd; what is older than what is known is passed over. -ENOMEM,
 * but not for a key that was learnt before. */
int etcd_heads_learn(struct etcd_heads *heads, const char *key, uint64_t at, bool is_there);
uint64_t etcd_heads_revision(const struct etcd_heads *heads, const char *key); /* 0: it is not there */
size_t etcd_heads_count(const struct etcd_heads *heads);                       /* of those that are */
