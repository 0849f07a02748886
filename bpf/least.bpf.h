/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Balancing by load: beside what was drawn a second outcome of the same group is drawn, and the one with fewer open
 * connections for its weight is taken, or where a service wants that the one that is done sooner with them ("the power of two choices", M. Mitzenmacher, 2001). The counts are those of this
 * host's tasks, kept by sock_ops in the endpoint's own line, so it goes on without the daemon.
 */
#ifndef LEAST_BPF_H
#define LEAST_BPF_H

#include <svcconnect/decision.h>

#include "draw.bpf.h"
#include "first_byte.bpf.h"

#define LEAST_TRIES 8 /* draws that may lead to the same endpoint, or to another group */

static __attribute__((noinline)) int has_less_to_do(const struct svc_outlier *theirs,
                                                    const struct svc_outlier *mine)
{
    if (mine->is_by_time)
        return svc_is_endpoint_sooner(theirs, mine, ticks_now(), fade);
    return svc_is_less_loaded(*(const volatile __s32 *)&theirs->open, theirs->load_weight,
                              *(const volatile __s32 *)&mine->open, mine->load_weight);
}

/* column << 1 | (outcome is b) of the one to take instead, or DRAW_NONE. */
__attribute__((noinline)) __u32 draw_second(struct bpf_sock_addr *ctx, __u32 first, __u32 count, __u32 column,
                                            __u32 endpoint)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
    const struct svc_outlier *mine = bpf_map_lookup_elem(&outliers, &endpoint);
    __u32 group = slot ? svc_group_of(slot, endpoint) : 0;
    __u64 now = 0;

    if (!group || !mine)
        return DRAW_NONE;
    for (int i = 0; i < LEAST_TRIES; i++) {
        __u32 random = bpf_get_prandom_u32();
        __u32 at = first + svc_draw_column(random, count);
        const struct svc_outlier *theirs;
        __u32 other, is_b;

        slot = bpf_map_lookup_elem(&slots, &at);
        if (!slot)
            break;
        is_b = svc_draw_fraction(random, count) >= slot->threshold;
        other = svc_slot_outcome(slot, is_b ? 0xffffffffu : 0).endpoint;
        if (other == endpoint || svc_group_of(slot, other) != group)
            continue;
        theirs = bpf_map_lookup_elem(&outliers, &other);
        if (!theirs || !has_less_to_do(theirs, mine))
            break;
        if (!is_ejected(other, &now) && !is_deserted(ctx, TCP, other, at, is_b))
            return at << 1 | is_b;
    }
    return DRAW_NONE;
}

/* After draw(), of a TCP connect. 0, -1 if the table's slots are not there. */
static __always_inline int draw_least(struct bpf_sock_addr *ctx, __u64 descriptor,
                                      struct svc_outcome *outcome)
{
    __u32 chosen = draw_second(ctx, svc_descriptor_first(descriptor), svc_descriptor_count(descriptor),
                               outcome->column, outcome->endpoint);
    __u32 column = chosen >> 1;
    struct svc_slot *slot;

    if (chosen == DRAW_NONE)
        return 0;
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return -1;
    *outcome = svc_slot_outcome(slot, chosen & 1 ? 0xffffffffu : 0);
    outcome->column = column;
    return 0;
}

#endif
