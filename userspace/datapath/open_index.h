/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The writer's side of an open table of buckets (struct svc_bucket): the memory that programs read meanwhile.
 * One writer. An entry comes, goes and is replaced by one store; nothing is ever moved, so that no reader misses
 * one that is there. A place may be kept for a key before there is a number for it: then putting it cannot fail.
 *
 * Two keys may have one place and tag. Which of them a number belongs to is not told here: whoever reads or
 * removes compares what the number leads to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/index.h>

struct open_index {
    struct svc_bucket *buckets; /* not owned */
    uint32_t mask;              /* their number - 1 */
};

/* How many buckets hold so many entries with at most half of all words in use: a power of two, at least 2. */
uint32_t open_index_buckets(uint32_t entries);

/* -ENOSPC: there is no place left for this key. */
int open_index_keep(const struct open_index *index, const struct svc_place *place);
/* Gives back a place that was kept and not put into. */
void open_index_give_back(const struct open_index *index, const struct svc_place *place);

/* Takes the place that was kept, else a free one. `number` is not 0. 1: it was there already. -ENOSPC as above. */
int open_index_put(const struct open_index *index, const struct svc_place *place, uint32_t number);
/* False: it was not there. */
bool open_index_remove(const struct open_index *index, const struct svc_place *place, uint32_t number);

/* Clears every word that is not right, by its position; returns how many it were. */
size_t open_index_sweep(const struct open_index *index, const bool *is_right);
size_t open_index_words(const struct open_index *index);

/* Which of all words, bucket by bucket, leads to the number; UINT32_MAX: none. */
uint32_t open_index_position(const struct open_index *index, const struct svc_place *place, uint32_t number);
