/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One outcome of a published table. An ejected one is drawn again, which leaves the others their exact
 * weights; where that keeps failing, the columns around are weighed against each other; where all are ejected
 * the first draw stands, so that a table is never empty by ejection.
 */
#ifndef DRAW_BPF_H
#define DRAW_BPF_H

#include <svcconnect/decision.h>

#include "outlier.bpf.h"

#define DRAW_TRIES 4
#define DRAW_COLUMNS                                                                                         \
    64 /* weighed at most: tables up to that size keep exact weights however many are ejected */
#define DRAW_NONE 0xffffffffu

/* -1: no such slot. */
static __always_inline int draw_once(__u32 first, __u32 count, struct svc_outcome *ret_outcome)
{
    __u32 random = bpf_get_prandom_u32();
    __u32 column = first + svc_draw_column(random, count);
    struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);

    if (!slot)
        return -1;
    *ret_outcome = svc_slot_outcome(slot, svc_draw_fraction(random, count));
    ret_outcome->column = column;
    return 0;
}

/* What the part of a column weighs: nothing while its endpoint is ejected. */
static __always_inline __u64 weight_now(__u64 part, __u32 endpoint, __u64 now)
{
    struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);

    return outlier && *(volatile __u64 *)&outlier->ejected_until > now ? 0 : part;
}

/*
 * Weighs the outcomes of up to DRAW_COLUMNS columns that are not ejected, each by its part of its column, and
 * takes one with that probability (a reservoir of one). Returns column << 1 | (outcome is b), or DRAW_NONE.
 * Kept free of other branches: the verifier walks every path of every round.
 */
__attribute__((noinline)) __u32 draw_around(__u32 first, __u32 count, __u64 now)
{
    __u32 start = svc_draw_column(bpf_get_prandom_u32(), count);
    __u32 chosen = DRAW_NONE;
    __u64 total = 0;

    for (__u32 i = 0; i < DRAW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (offset >= count ? count : 0);
        struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
        __u64 part;

        if (!slot)
            break;
        /* Parts of 2^24: sums and products stay within 64 bits. */
        part = weight_now(slot->threshold >> 8, slot->endpoint_a, now);
        total += part;
        if ((__u64)bpf_get_prandom_u32() * total >> 32 < part)
            chosen = column << 1;
        part = weight_now((0x100000000ull - slot->threshold) >> 8, slot->endpoint_b, now);
        total += part;
        if ((__u64)bpf_get_prandom_u32() * total >> 32 < part)
            chosen = column << 1 | 1;
    }
    return chosen;
}

/* 0 with *ret_outcome filled, -1 if the table's slots are not there. */
static __always_inline int draw(__u64 descriptor, struct svc_outcome *ret_outcome)
{
    __u32 first = svc_descriptor_first(descriptor);
    __u32 count = svc_descriptor_count(descriptor);
    struct svc_outcome again;
    struct svc_slot *slot;
    __u64 now = 0;
    __u32 chosen, column;

    if (draw_once(first, count, ret_outcome) < 0)
        return -1;
    if (!is_ejected(ret_outcome->endpoint, &now))
        return 0;
    COUNT(redrawn);
    for (int attempt = 1; attempt < DRAW_TRIES; attempt++) {
        if (draw_once(first, count, &again) < 0)
            return -1;
        if (!is_ejected(again.endpoint, &now)) {
            *ret_outcome = again;
            return 0;
        }
    }
    chosen = draw_around(first, count, now);
    if (chosen == DRAW_NONE) {
        COUNT(all_ejected);
        return 0;
    }
    column = chosen >> 1;
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return -1;
    /* A fraction of 0 is below every threshold but that of a column with one outcome, where both are the
     * same. */
    *ret_outcome = svc_slot_outcome(slot, chosen & 1 ? 0xffffffffu : 0);
    ret_outcome->column = column;
    return 0;
}

#endif
