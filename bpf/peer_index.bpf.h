/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From an endpoint's address, as a namespace sees it, to the first endpoint that has it. */
#ifndef PEER_INDEX_BPF_H
#define PEER_INDEX_BPF_H

#include <svcconnect/index.h>

#include "maps.bpf.h"

/* Set by the daemon at load: buckets - 1. */
const volatile __u32 peer_index_mask = 0;

/* The endpoint that a word leads to, if it is one that is asked for; 0. */
static __always_inline __u32 peer_of_word(__u64 word, const struct svc_peer_key *key)
{
    __u32 endpoint = svc_index_word_number(word) - 1;
    const struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);

    return outlier && svc_outlier_matches(outlier, key) ? endpoint : 0;
}

/* Through all words of both buckets: two keys may have one tag. */
static __attribute__((noinline)) __u32 peer_among(const struct svc_peer_key *key)
{
    struct svc_place place = svc_index_peer(key, peer_index_mask);

    for (__u32 i = 0; i < 2 * SVC_BUCKET_WORDS; i++) {
        __u32 number = i < SVC_BUCKET_WORDS ? place.first : place.second;
        const struct svc_bucket *bucket = bpf_map_lookup_elem(&peer_index, &number);
        __u32 endpoint;
        __u64 word;

        if (!bucket)
            return 0;
        word = svc_bucket_word(bucket, i);
        endpoint = word >> 32 == place.tag ? peer_of_word(word, key) : 0;
        if (endpoint)
            return endpoint;
    }
    return 0;
}

static __attribute__((noinline)) __u64 peer_bucket_find(__u32 number, __u32 tag)
{
    const struct svc_bucket *bucket = bpf_map_lookup_elem(&peer_index, &number);

    return bucket ? svc_bucket_find(bucket, tag) : 0;
}

/* 0: no endpoint is there. Most sockets' peers are none: then no tag is found, and that is all. */
static __attribute__((noinline)) __u32 peer_find(const struct svc_peer_key *key)
{
    struct svc_place place = svc_index_peer(key, peer_index_mask);
    __u64 word = peer_bucket_find(place.first, place.tag);
    __u32 endpoint;

    if (!word)
        word = peer_bucket_find(place.second, place.tag);
    if (!word)
        return 0;
    endpoint = peer_of_word(word, key);
    return endpoint ? endpoint : peer_among(key);
}

#endif
