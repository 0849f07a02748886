/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One outcome of a published table. One that is ejected, or on this host with nobody listening, is drawn again,
 * which leaves the others their exact weights; where that keeps failing, the columns around are weighed against
 * each other; where all are out the first draw stands, so that a table is never empty by what is only believed.
 */
#ifndef DRAW_BPF_H
#define DRAW_BPF_H

#include <svcconnect/decision.h>

#include "affinity.bpf.h"
#include "liveness.bpf.h"
#include "outlier.bpf.h"

#define DRAW_TRIES 4
#define DRAW_COLUMNS                                                                                         \
    64 /* weighed at most: tables up to that size keep exact weights however many are ejected */
#define DRAW_NONE 0xffffffffu

/* -1: no such slot. */
static __always_inline int draw_once(__u32 first, __u32 count, __u64 client, struct svc_outcome *ret_outcome,
                                     __u32 *ret_is_b)
{
    __u32 random = draw_word(client, 0);
    __u32 column = first + svc_draw_column(random, count);
    struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);

    if (!slot)
        return -1;
    *ret_outcome = svc_slot_outcome(slot, svc_draw_fraction(random, count));
    ret_outcome->column = column;
    *ret_is_b = svc_draw_fraction(random, count) >= slot->threshold;
    return 0;
}

/* All ones if a < b, else 0, without a branch; neither is above 2^63. */
static __always_inline __u64 mask_if_less(__u64 a, __u64 b)
{
    return (__u64)((__s64)(a - b) >> 63);
}

/* What the part of a column weighs: nothing while its endpoint is ejected. */
static __always_inline __u64 weight_now(__u64 part, __u32 endpoint, __u64 now)
{
    const struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);

    return outlier && *(const volatile __u64 *)&outlier->ejected_until > now ? 0 : part;
}

/* Of both outcomes of a column: a's << 32 | b's, in parts of 2^24, so that sums and products stay within 64
 * bits. What a column does not lead to is not asked about. */
__attribute__((noinline)) __u64 weigh_column(struct bpf_sock_addr *ctx, __u32 column, __u64 now)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
    __u8 protocol = ctx->type == SVC_SOCK_STREAM ? TCP : 0;
    __u64 a, b;

    if (!slot)
        return 0;
    a = weight_now(slot->threshold >> 8, slot->endpoint_a, now);
    b = weight_now((0x100000000ull - slot->threshold) >> 8, slot->endpoint_b, now);
    if (a && is_deserted(ctx, protocol, slot->endpoint_a, column, 0))
        a = 0;
    if (b && is_deserted(ctx, protocol, slot->endpoint_b, column, 1))
        b = 0;
    return a << 32 | b;
}

/* Takes the outcome instead of the one chosen so far, with its probability: a reservoir of one. */
static __always_inline __u32 choose(__u32 chosen, __u32 outcome, __u64 part, __u64 *total)
{
    __u32 taken;

    *total += part;
    taken = (__u32)mask_if_less((__u64)bpf_get_prandom_u32() * *total >> 32, part);
    return (chosen & ~taken) | (outcome & taken);
}

/*
 * Weighs the outcomes of up to DRAW_COLUMNS columns that are not out, each by its part of its column, and
 * takes one with that probability. Returns column << 1 | (outcome is b), or DRAW_NONE. The rounds have no
 * branch: the verifier would walk both sides in every one of them.
 */
__attribute__((noinline)) __u32 draw_around(struct bpf_sock_addr *ctx, __u32 first, __u32 count, __u64 now)
{
    __u32 start = svc_draw_column(bpf_get_prandom_u32(), count);
    __u32 chosen = DRAW_NONE;
    __u64 total = 0;

    for (__u32 i = 0; i < DRAW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (count & ~(__u32)mask_if_less(offset, count));
        __u64 parts = weigh_column(ctx, column, now);

        chosen = choose(chosen, column << 1, parts >> 32, &total);
        chosen = choose(chosen, column << 1 | 1, parts & 0xffffffff, &total);
    }
    return chosen;
}

/*
 * After a draw that was out: what draw_around() returns. A global function as well, which the verifier
 * walks once for each program, and which keeps what is rare out of the way of what is not.
 */
__attribute__((noinline)) __u32 draw_again(struct bpf_sock_addr *ctx, __u32 first, __u32 count, __u64 now,
                                           __u64 client)
{
    __u8 protocol = ctx->type == SVC_SOCK_STREAM ? TCP : 0;

    for (int attempt = 1; attempt < DRAW_TRIES; attempt++) {
        __u32 random = draw_word(client, (__u32)attempt);
        __u32 column = first + svc_draw_column(random, count);
        const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
        __u32 is_b, endpoint;

        if (!slot)
            break;
        is_b = svc_draw_fraction(random, count) >= slot->threshold;
        endpoint = svc_slot_outcome(slot, is_b ? 0xffffffffu : 0).endpoint;
        if (!is_ejected(endpoint, &now) && !is_deserted(ctx, protocol, endpoint, column, is_b))
            return column << 1 | is_b;
    }
    return draw_around(ctx, first, count, now);
}

/* `client`: of affinity_client(). 0 with *ret_outcome filled, -1 if the table's slots are not there. */
static __always_inline int draw(struct bpf_sock_addr *ctx, __u64 descriptor, __u8 protocol, __u64 client,
                                struct svc_outcome *ret_outcome)
{
    __u32 first = svc_descriptor_first(descriptor);
    __u32 count = svc_descriptor_count(descriptor);
    struct svc_slot *slot;
    __u64 now = 0;
    __u32 chosen, column, is_b;
    int was_ejected;

    if (draw_once(first, count, client, ret_outcome, &is_b) < 0)
        return -1;
    was_ejected = is_ejected(ret_outcome->endpoint, &now);
    if (!was_ejected && !is_deserted(ctx, protocol, ret_outcome->endpoint, ret_outcome->column, is_b))
        return 0;
    if (was_ejected)
        COUNT(redrawn);
    chosen = draw_again(ctx, first, count, now, client);
    if (chosen == DRAW_NONE) {
        if (was_ejected)
            COUNT(all_ejected);
        return 0;
    }
    if (!was_ejected)
        count_saved();
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
