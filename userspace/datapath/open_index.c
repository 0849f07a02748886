/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "datapath/open_index.h"

#include <errno.h>

/* A reader looks into the first bucket first; the second is for when that is crowded. */
#define CROWDED (SVC_BUCKET_WORDS - 2)

uint32_t open_index_buckets(uint32_t entries)
{
    uint32_t buckets = 2;

    while (buckets < UINT32_MAX / 2 && (uint64_t)buckets * SVC_BUCKET_WORDS < (uint64_t)entries * 2)
        buckets *= 2;
    return buckets;
}

static __u64 *open_index_at(const struct open_index *index, uint32_t position)
{
    return &index->buckets[position / SVC_BUCKET_WORDS].words[position % SVC_BUCKET_WORDS];
}

/* The position of such a word in the bucket. */
static uint32_t open_index_find_in(const struct open_index *index, uint32_t bucket, uint64_t word)
{
    for (uint32_t i = 0; i < SVC_BUCKET_WORDS; i++)
        if (index->buckets[bucket].words[i] == word)
            return bucket * SVC_BUCKET_WORDS + i;
    return UINT32_MAX;
}

static uint32_t open_index_find_word(const struct open_index *index, const struct svc_place *place,
                                     uint64_t word)
{
    uint32_t position = open_index_find_in(index, place->first, word);

    return position == UINT32_MAX ? open_index_find_in(index, place->second, word) : position;
}

static unsigned open_index_count_used(const struct open_index *index, uint32_t bucket)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SVC_BUCKET_WORDS; i++)
        n += index->buckets[bucket].words[i] != 0;
    return n;
}

static uint32_t open_index_find_free(const struct open_index *index, const struct svc_place *place)
{
    unsigned first = open_index_count_used(index, place->first);

    if (first >= CROWDED && open_index_count_used(index, place->second) < first)
        return open_index_find_in(index, place->second, 0);
    return open_index_find_in(index, place->first, 0);
}

static void open_index_store(const struct open_index *index, uint32_t position, uint64_t word)
{
    /* Release: who finds the number finds what was written before it. */
    __atomic_store_n(open_index_at(index, position), word, __ATOMIC_RELEASE);
}

uint32_t open_index_position(const struct open_index *index, const struct svc_place *place, uint32_t number)
{
    return open_index_find_word(index, place, svc_index_word(place->tag, number));
}

int open_index_keep(const struct open_index *index, const struct svc_place *place)
{
    uint32_t position = open_index_find_free(index, place);

    if (position == UINT32_MAX)
        return -ENOSPC;
    open_index_store(index, position, svc_index_word(place->tag, 0));
    return 0;
}

void open_index_give_back(const struct open_index *index, const struct svc_place *place)
{
    uint32_t position = open_index_position(index, place, 0);

    if (position != UINT32_MAX)
        open_index_store(index, position, 0);
}

int open_index_put(const struct open_index *index, const struct svc_place *place, uint32_t number)
{
    uint32_t position;

    if (open_index_position(index, place, number) != UINT32_MAX) {
        open_index_give_back(index, place);
        return 1;
    }
    position = open_index_position(index, place, 0);
    if (position == UINT32_MAX)
        position = open_index_find_free(index, place);
    if (position == UINT32_MAX)
        return -ENOSPC;
    open_index_store(index, position, svc_index_word(place->tag, number));
    return 0;
}

bool open_index_remove(const struct open_index *index, const struct svc_place *place, uint32_t number)
{
    uint32_t position = open_index_position(index, place, number);

    if (position == UINT32_MAX)
        return false;
    open_index_store(index, position, 0);
    return true;
}

size_t open_index_words(const struct open_index *index)
{
    return ((size_t)index->mask + 1) * SVC_BUCKET_WORDS;
}

size_t open_index_sweep(const struct open_index *index, const bool *is_right)
{
    size_t cleared = 0;

    for (size_t i = 0; i < open_index_words(index); i++) {
        if (is_right[i] || *open_index_at(index, (uint32_t)i) == 0)
            continue;
        open_index_store(index, (uint32_t)i, 0);
        cleared++;
    }
    return cleared;
}
