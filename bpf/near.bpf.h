/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A draw for a task on container networks that has led to an endpoint on others: the outcomes that are on one of the task's,
 * or on none, are weighed against each other, those that are neither ejected nor deserted first. Where there are none the draw stands: what is
 * known of networks may be wrong, and such a connect is held against nobody (is_elsewhere()).
 */
#ifndef NEAR_BPF_H
#define NEAR_BPF_H

#include <svcconnect/decision.h>

#include "draw.bpf.h"

#define NEAR_WHATEVER (~0ull) /* as the time: nobody is ejected, and nobody is asked for */

/* Of both outcomes of a column, as weigh_column(). */
__attribute__((noinline)) __u64 weigh_near(struct bpf_sock_addr *ctx, __u32 column, __u32 networks, __u64 now)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
    __u8 protocol = ctx->type == SVC_SOCK_STREAM && now != NEAR_WHATEVER ? TCP : 0;
    __u64 a = 0, b = 0;

    if (!slot)
        return 0;
    if (!svc_is_far(slot->networks_a, networks))
        a = weight_now(slot->threshold >> 8, slot->endpoint_a, now);
    if (!svc_is_far(slot->networks_b, networks))
        b = weight_now((0x100000000ull - slot->threshold) >> 8, slot->endpoint_b, now);
    if (a && is_deserted(ctx, protocol, slot->endpoint_a, column, 0))
        a = 0;
    if (b && is_deserted(ctx, protocol, slot->endpoint_b, column, 1))
        b = 0;
    return a << 32 | b;
}

/* As draw_around(). */
__attribute__((noinline)) __u32 near_around(struct bpf_sock_addr *ctx, __u32 first, __u32 count,
                                            __u32 networks, __u64 now)
{
    __u32 start = svc_draw_column(bpf_get_prandom_u32(), count);
    __u32 chosen = DRAW_NONE;
    __u64 total = 0;

    for (__u32 i = 0; i < DRAW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (count & ~(__u32)mask_if_less(offset, count));
        __u64 parts = weigh_near(ctx, column, networks, now);

        chosen = choose(chosen, column << 1, parts >> 32, &total);
        chosen = choose(chosen, column << 1 | 1, parts & 0xffffffff, &total);
    }
    return chosen;
}

/* An ejected one on the task's network, or one where nobody is found, may answer yet; one on another does not. */
__attribute__((noinline)) __u32 near_choose(struct bpf_sock_addr *ctx, __u32 first, __u32 count,
                                            __u32 networks)
{
    __u32 chosen = near_around(ctx, first, count, networks, bpf_ktime_get_ns());

    return chosen == DRAW_NONE ? near_around(ctx, first, count, networks, NEAR_WHATEVER) : chosen;
}

/* After draw(). 0, -1 if the table's slots are not there. */
static __always_inline int draw_near(struct bpf_sock_addr *ctx, __u64 descriptor, struct svc_outcome *outcome)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    __u32 networks = scope->networks;
    struct svc_slot *slot;
    __u32 chosen, column;

    if (!svc_is_far(outcome->networks, networks))
        return 0;
    chosen = near_choose(ctx, svc_descriptor_first(descriptor), svc_descriptor_count(descriptor), networks);
    if (chosen == DRAW_NONE)
        return 0;
    column = chosen >> 1;
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return -1;
    *outcome = svc_slot_outcome(slot, chosen & 1 ? 0xffffffffu : 0);
    outcome->column = column;
    return 0;
}

#endif
