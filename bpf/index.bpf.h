/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a key to the entry of an array by a table of buckets in mapped memory: no hash map is on the way. */
#ifndef INDEX_BPF_H
#define INDEX_BPF_H

#include <svcconnect/index.h>

#include "maps.bpf.h"

/* Set by the daemon at load: buckets - 1. */
const volatile __u32 alias_index_mask = 0;

static __always_inline struct svc_place alias_place(const struct svc_alias_key *key)
{
    return svc_index_alias(key, alias_index_mask);
}

/* The service that a word leads to, if it is the one that is asked for. */
static __always_inline struct svc_service *service_of_word(__u64 word, const struct svc_alias_key *key)
{
    __u32 number = svc_index_word_number(word) - 1;
    struct svc_service *service = bpf_map_lookup_elem(&services, &number);

    return service && svc_service_matches(service, key) ? service : 0;
}

/* Through all words of both buckets: the second one is in use, or two keys have one tag, or there is no such
 * alias. */
static __attribute__((noinline)) struct svc_service *find_in_both(const struct svc_alias_key *key)
{
    struct svc_place place = alias_place(key);

    for (__u32 i = 0; i < 2 * SVC_BUCKET_WORDS; i++) {
        __u32 number = i < SVC_BUCKET_WORDS ? place.first : place.second;
        const struct svc_bucket *bucket = bpf_map_lookup_elem(&alias_index, &number);
        struct svc_service *service;
        __u64 word;

        if (!bucket)
            return 0;
        word = svc_bucket_word(bucket, i);
        if (word >> 32 != place.tag)
            continue;
        service = service_of_word(word, key);
        if (service)
            return service;
    }
    return 0;
}

/* NULL: no such alias. Nearly always the first bucket's first word of the tag is it. */
static __always_inline struct svc_service *find_service(const struct svc_alias_key *key)
{
    struct svc_place place = alias_place(key);
    const struct svc_bucket *bucket = bpf_map_lookup_elem(&alias_index, &place.first);
    __u64 word = bucket ? svc_bucket_find(bucket, place.tag) : 0;
    struct svc_service *service = word ? service_of_word(word, key) : 0;

    return service ? service : find_in_both(key);
}

#endif
