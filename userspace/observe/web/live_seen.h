/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a reader of the live stream has been told, as digests: what is the same as before is not told again. In
 * rounds; of a kind that has fewer items in a round than before something has gone, and all of it is told anew.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum live_kind {
    LIVE_SERVICE,
    LIVE_ALIAS,
    LIVE_ENDPOINT,
    LIVE_TASK,
    LIVE_CALLER,
    LIVE_CANARY,
    LIVE_EVENT,
    LIVE_KINDS
};

struct live_entry {
    uint64_t key; /* 0: empty */
    uint64_t digest;
    uint32_t round;
    uint8_t kind;
};

/* Begins as all 0. */
struct live_seen {
    struct live_entry *entries; /* open addressing; `room` is a power of two or 0 */
    size_t room, n;
    size_t n_of_kind[LIVE_KINDS];
    size_t n_in_round[LIVE_KINDS];
    uint32_t round;
};

void live_seen_done(struct live_seen *seen);
void live_seen_begin_round(struct live_seen *seen);

/* A number for some bytes, going on from another; 0 begins. Never 0. */
uint64_t live_digest(uint64_t before, const void *bytes, size_t length);

/* 1: new, or another than it was; 0: it was told so; -ENOMEM. */
int live_seen_take(struct live_seen *seen, enum live_kind kind, uint64_t key, uint64_t digest);

/* At the end of the kind's items: was there one in an earlier round that did not come in this one? */
bool live_seen_lacks(const struct live_seen *seen, enum live_kind kind);
/* As if nothing of the kind had been told. -ENOMEM: nothing is changed. */
int live_seen_forget(struct live_seen *seen, enum live_kind kind);
