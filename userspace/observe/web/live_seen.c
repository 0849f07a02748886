/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/live_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 64u

/* FNV-1a, and murmur's end, so that the low bits are as good as the others. */
uint64_t live_digest(uint64_t before, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = before ? before : UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

/* Where the key is, or belongs. There is always a free place. */
static struct live_entry *seen_place(const struct live_seen *seen, uint64_t key)
{
    size_t at = (size_t)key & (seen->room - 1);

    while (seen->entries[at].key && seen->entries[at].key != key)
        at = (at + 1) & (seen->room - 1);
    return &seen->entries[at];
}

/* Into a table of that room, without those of a kind (LIVE_KINDS: with all). */
static int seen_rebuild(struct live_seen *seen, size_t room, unsigned without)
{
    struct live_seen other = {.entries = calloc(room, sizeof(*other.entries)), .room = room};

    if (!other.entries)
        return -ENOMEM;
    for (size_t i = 0; i < seen->room; i++)
        if (seen->entries[i].key && seen->entries[i].kind != without) {
            *seen_place(&other, seen->entries[i].key) = seen->entries[i];
            other.n++;
        }
    free(seen->entries);
    seen->entries = other.entries;
    seen->room = room;
    seen->n = other.n;
    return 0;
}

void live_seen_done(struct live_seen *seen)
{
    free(seen->entries);
    *seen = (struct live_seen){0};
}

void live_seen_begin_round(struct live_seen *seen)
{
    seen->round++;
    (void)memset(seen->n_in_round, 0, sizeof(seen->n_in_round));
}

int live_seen_take(struct live_seen *seen, enum live_kind kind, uint64_t key, uint64_t digest)
{
    struct live_entry *entry;
    bool is_same;

    if (seen->n >= seen->room / 2 &&
        seen_rebuild(seen, seen->room ? seen->room * 2 : LEAST_ROOM, LIVE_KINDS) < 0)
        return -ENOMEM;
    entry = seen_place(seen, key);
    if (!entry->key) {
        *entry = (struct live_entry){.key = key, .kind = (uint8_t)kind, .round = seen->round - 1};
        seen->n++;
        seen->n_of_kind[kind]++;
    }
    seen->n_in_round[kind] += entry->round != seen->round;
    is_same = entry->digest == digest;
    entry->round = seen->round;
    entry->digest = digest;
    return !is_same;
}

bool live_seen_lacks(const struct live_seen *seen, enum live_kind kind)
{
    return seen->n_in_round[kind] < seen->n_of_kind[kind];
}

int live_seen_forget(struct live_seen *seen, enum live_kind kind)
{
    int r = seen->n_of_kind[kind] ? seen_rebuild(seen, seen->room, kind) : 0;

    if (r == 0)
        seen->n_of_kind[kind] = seen->n_in_round[kind] = 0;
    return r;
}
