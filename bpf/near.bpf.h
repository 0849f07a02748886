/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A draw for a task on container networks that has led to an endpoint on others: the outcomes that are on one of the task's,
 * or on none, are weighed against each other, those that are not ejected first. Where there are none the draw stands: what is
 * known of networks may be wrong, and such a connect is held against nobody (is_elsewhere()).
 */
#ifndef NEAR_BPF_H
#define NEAR_BPF_H

#include <svcconnect/decision.h>

#include "draw.bpf.h"

/* Of both outcomes of a column, as weigh_column(). */
__attribute__((noinline)) __u64 weigh_near(__u32 column, __u32 networks, __u64 now)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
    __u64 parts = 0;

    if (!slot)
        return 0;
    if (!svc_is_far(slot->networks_a, networks))
        parts = weight_now(slot->threshold >> 8, slot->endpoint_a, now) << 32;
    if (!svc_is_far(slot->networks_b, networks))
        parts |= weight_now((0x100000000ull - slot->threshold) >> 8, slot->endpoint_b, now);
    return parts;
}

/* As draw_around(). */
__attribute__((noinline)) __u32 near_around(__u32 first, __u32 count, __u32 networks, __u64 now)
{
    __u32 start = svc_draw_column(bpf_get_prandom_u32(), count);
    __u32 chosen = DRAW_NONE;
    __u64 total = 0;

    for (__u32 i = 0; i < DRAW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (count & ~(__u32)mask_if_less(offset, count));
        __u64 parts = weigh_near(column, networks, now);

        chosen = choose(chosen, column << 1, parts >> 32, &total);
        chosen = choose(chosen, column << 1 | 1, parts & 0xffffffff, &total);
    }
    return chosen;
}

/* An ejected one on the task's network may answer yet; one on another does not. */
__attribute__((noinline)) __u32 near_choose(__u32 first, __u32 count, __u32 networks)
{
    __u32 chosen = near_around(first, count, networks, bpf_ktime_get_ns());

    return chosen == DRAW_NONE ? near_around(first, count, networks, ~0ull) : chosen;
}

/* After draw(). 0, -1 if the table's slots are not there. */
static __always_inline int draw_near(__u64 descriptor, struct svc_outcome *outcome)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    __u32 networks = scope->networks;
    struct svc_slot *slot;
    __u32 chosen, column;

    if (!svc_is_far(outcome->networks, networks))
        return 0;
    chosen = near_choose(svc_descriptor_first(descriptor), svc_descriptor_count(descriptor), networks);
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
