/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * uthash, for all who keep a hash table, with tables that grow without a pause.
 *
 * uthash doubles the number of buckets and then moves every entry at once: 20 ms and more at 100,000 entries, in
 * which the loop answers nobody. Here an added entry splits at most one bucket (linear hashing: W. Litwin, "Linear
 * hashing: a new tool for file and table addressing", 1980), so no addition takes longer than the others; only the
 * array of the buckets is still doubled, which is one realloc(). Buckets below `number - 2^k` and those from 2^k on have
 * been split in this round, 2^k being the greatest power of two that is not above the number of buckets.
 *
 * What uthash does otherwise is left as it is. Everybody includes this header instead of uthash's: two files that looked
 * for a bucket in two ways would not find each other's entries.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Entries per bucket, on average, above which an addition splits one. */
#define HASH_BUCKET_ENTRIES 2u

/* `n_buckets` > 0. */
static inline unsigned hash_bucket(unsigned hash, unsigned n_buckets)
{
    unsigned mask = ~0u >> __builtin_clz(n_buckets);
    unsigned bucket = hash & mask;

    return bucket < n_buckets ? bucket : bucket & mask >> 1;
}

/* One bucket more, with its entries out of the one that held them so far. Without memory the table stays as it is. */
static inline void hash_split_bucket(struct UT_hash_table *table)
{
    unsigned n = table->num_buckets;
    struct UT_hash_bucket *from;
    struct UT_hash_bucket *to;
    struct UT_hash_handle *next;

    if ((n & (n - 1)) == 0) {
        struct UT_hash_bucket *buckets =
            n > ~0u / 2 ? NULL
                        : (struct UT_hash_bucket *)realloc(table->buckets, 2 * (size_t)n * sizeof(*buckets));

        if (!buckets)
            return;
        table->buckets = buckets;
    }
    to = &table->buckets[n];
    from = &table->buckets[hash_bucket(n, n)];
    memset(to, 0, sizeof(*to));
    table->num_buckets = n + 1;
    for (struct UT_hash_handle *entry = from->hh_head; entry; entry = next) {
        next = entry->hh_next;
        if (hash_bucket(entry->hashv, n + 1) != n)
            continue;
        if (entry->hh_prev)
            entry->hh_prev->hh_next = next;
        else
            from->hh_head = next;
        if (next)
            next->hh_prev = entry->hh_prev;
        from->count--;
        entry->hh_prev = NULL;
        entry->hh_next = to->hh_head;
        if (to->hh_head)
            to->hh_head->hh_prev = entry;
        to->hh_head = entry;
        to->count++;
    }
}

static inline void hash_add_to_bucket(struct UT_hash_bucket *bucket, struct UT_hash_handle *entry)
{
    struct UT_hash_table *table = entry->tbl;

    bucket->count++;
    entry->hh_next = bucket->hh_head;
    entry->hh_prev = NULL;
    if (bucket->hh_head)
        bucket->hh_head->hh_prev = entry;
    bucket->hh_head = entry;
    if (table->num_items / HASH_BUCKET_ENTRIES > table->num_buckets)
        hash_split_bucket(table);
}

#undef HASH_TO_BKT
#define HASH_TO_BKT(hashv, num_bkts, bkt) ((bkt) = hash_bucket(hashv, num_bkts))

#undef HASH_ADD_TO_BKT
#define HASH_ADD_TO_BKT(head, hh, addhh, oomed) hash_add_to_bucket(&(head), addhh)
