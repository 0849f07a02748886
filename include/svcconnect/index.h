/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a key lies in an open table of buckets: pure functions for both compilers, as in decision.h. The layout
 * is struct svc_bucket in abi.h.
 *
 * A key may lie in one of two buckets. The second one follows from the first and the tag alone, and the first
 * from the second by the same step, so that two keys of one tag which share a bucket share both.
 */
#ifndef SVCCONNECT_INDEX_H
#define SVCCONNECT_INDEX_H

#include <svcconnect/decision.h>

/* Where a key may lie; `tag` is never 0. */
struct svc_place {
    __u32 first;
    __u32 second;
    __u32 tag;
};

/* `mask`: buckets - 1; their number is a power of two, at least 2. */
SVC_INLINE __u32 svc_index_other(__u32 bucket, __u32 tag, __u32 mask)
{
    return (bucket ^ (tag * 0x9e3779b1u >> 7 | 1)) & mask;
}

/* Keys of `aliases` and of `peers` have one form: a scope, a port, a protocol and an address. */
SVC_INLINE struct svc_place svc_index_place(__u32 scope, __be16 port_be, __u8 protocol,
                                            const __u8 address[16], __u32 mask)
{
    struct svc_place place;
    __u64 hash;

    hash = ((__u64)svc_address_word(address, 3) << 32 | scope) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 32;
    hash += (__u64)svc_address_word(address, 2) << 32 | (__u32)port_be << 8 | protocol;
    hash *= 0xbf58476d1ce4e5b9ull;
    hash ^= hash >> 29;
    hash += (__u64)svc_address_word(address, 0) << 32 | svc_address_word(address, 1);
    hash *= 0x94d049bb133111ebull;
    hash ^= hash >> 32;
    place.tag = (__u32)(hash >> 32);
    if (place.tag == 0)
        place.tag = 1;
    place.first = (__u32)hash & mask;
    place.second = svc_index_other(place.first, place.tag, mask);
    return place;
}

SVC_INLINE struct svc_place svc_index_alias(const struct svc_alias_key *key, __u32 mask)
{
    return svc_index_place(key->scope, key->port_be, key->protocol, key->address, mask);
}

SVC_INLINE struct svc_place svc_index_peer(const struct svc_peer_key *key, __u32 mask)
{
    return svc_index_place(key->namespace_scope, key->port_be, key->protocol, key->address, mask);
}

/* Is this endpoint the one at the address, in the namespace, that the key asks for? */
SVC_INLINE int svc_outlier_matches(const struct svc_outlier *outlier, const struct svc_peer_key *key)
{
    return outlier->namespace_scope == key->namespace_scope && outlier->protocol == key->protocol &&
           outlier->port_be == key->port_be && svc_address_equal(outlier->address, key->address);
}

SVC_INLINE __u64 svc_index_word(__u32 tag, __u32 number)
{
    return (__u64)tag << 32 | number;
}

SVC_INLINE __u32 svc_index_word_number(__u64 word)
{
    return (__u32)word;
}

/* Each word is read once and whole: somebody may be about to change it. */
SVC_INLINE __u64 svc_bucket_word(const struct svc_bucket *bucket, __u32 i)
{
    return *(const volatile __u64 *)&bucket->words[i & (SVC_BUCKET_WORDS - 1)];
}

/* The first word of the tag that leads to a number; 0: there is none. Others of the tag may follow. */
SVC_INLINE __u64 svc_bucket_find(const struct svc_bucket *bucket, __u32 tag)
{
#pragma GCC unroll 8
    for (__u32 i = 0; i < SVC_BUCKET_WORDS; i++) {
        __u64 word = svc_bucket_word(bucket, i);

        if (word >> 32 == tag && svc_index_word_number(word))
            return word;
    }
    return 0;
}

#endif
