/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Does anybody listen at an endpoint of this host? Asked before a TCP connect is sent there, so that one that
 * nobody would answer is drawn again and never fails. What cannot be told counts as answered: the namespace is
 * not known, or has no number as seen from the caller's; or nobody has ever been found there, so that the
 * answer may come from elsewhere (a forwarded port). Of a container that has just begun nothing is known for a moment, and
 * nobody listens there yet.
 */
#ifndef LIVENESS_BPF_H
#define LIVENESS_BPF_H

#include <svcconnect/decision.h>

#include "count.bpf.h"

static __always_inline int is_of_this_host(__u32 endpoint)
{
    __u32 word = endpoint / SVC_ENDPOINTS_PER_WORD;
    const __u64 *bits = bpf_map_lookup_elem(&local_endpoints, &word);

    return bits && *(const volatile __u64 *)bits >> (endpoint % SVC_ENDPOINTS_PER_WORD) & 1;
}

/*
 * The listener at that address in the namespace: 1, 0: none. Any source will do: no connection of the address
 * 0 exists, so only listeners match. Of a group that shares the port one is found, and a full queue of
 * connections to be accepted does not show.
 */
static __always_inline int find_listener(struct bpf_sock_addr *ctx, const struct svc_outcome *outcome,
                                         __u64 netns)
{
    struct bpf_sock_tuple tuple = {};
    struct bpf_sock *listener;
    __u32 size = sizeof(tuple.ipv6);

    if (svc_outcome_is_mapped(outcome)) {
        tuple.ipv4.daddr = outcome->address[3];
        tuple.ipv4.dport = outcome->port_be;
        size = sizeof(tuple.ipv4);
        listener = bpf_sk_lookup_tcp(ctx, &tuple, size, netns, 0);
    } else {
        tuple.ipv6.daddr[0] = outcome->address[0];
        tuple.ipv6.daddr[1] = outcome->address[1];
        tuple.ipv6.daddr[2] = outcome->address[2];
        tuple.ipv6.daddr[3] = outcome->address[3];
        tuple.ipv6.dport = outcome->port_be;
        listener = bpf_sk_lookup_tcp(ctx, &tuple, size, netns, 0);
    }
    if (!listener)
        return 0;
    bpf_sk_release(listener);
    return 1;
}

#define NETNS_NOT_KNOWN (-2)
#define NETNS_NOT_YET   (-3)

/* The number that the caller's namespace has for the endpoint's; -1: it is the caller's own; or one of the above. */
static __always_inline __s64 netns_of(struct bpf_sock_addr *ctx, const struct svc_neighbour *neighbour)
{
    struct svc_netns_pair pair = {.target = *(const volatile __u64 *)&neighbour->netns_cookie};
    const __u32 *id;

    if (pair.target == SVC_NETNS_OF_CALLER)
        return BPF_F_CURRENT_NETNS;
    if (pair.target == SVC_NETNS_NOT_YET)
        return NETNS_NOT_YET;
    pair.caller = bpf_get_netns_cookie(ctx);
    if (pair.caller == pair.target)
        return BPF_F_CURRENT_NETNS;
    id = bpf_map_lookup_elem(&netns_ids, &pair);
    return id ? (__s64)*id : NETNS_NOT_KNOWN;
}

/*
 * Would a connect to this outcome of the column be answered? A global function, which the verifier walks once
 * for each program; the slot that it reads again has just been read.
 */
__attribute__((noinline)) int is_answered(struct bpf_sock_addr *ctx, __u32 column, __u32 is_b)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);
    struct svc_neighbour *neighbour;
    struct svc_outcome outcome;
    __s64 netns;

    if (!slot)
        return 1;
    outcome = svc_slot_outcome(slot, is_b ? 0xffffffffu : 0);
    neighbour = bpf_map_lookup_elem(&neighbours, &outcome.endpoint);
    if (!neighbour)
        return 1;
    netns = netns_of(ctx, neighbour);
    if (netns < BPF_F_CURRENT_NETNS)
        return netns == NETNS_NOT_KNOWN;
    if (!find_listener(ctx, &outcome, (__u64)netns))
        return !*(volatile __u32 *)&neighbour->is_seen;
    if (!*(volatile __u32 *)&neighbour->is_seen)
        *(volatile __u32 *)&neighbour->is_seen = 1;
    return 1;
}

/* Of no use to a datagram: nobody listens for those. */
static __always_inline int is_deserted(struct bpf_sock_addr *ctx, __u8 protocol, __u32 endpoint, __u32 column,
                                       __u32 is_b)
{
    return protocol == TCP && is_of_this_host(endpoint) && !is_answered(ctx, column, is_b);
}

static __always_inline void count_saved(void)
{
    __u32 zero = 0;
    struct svc_refusals *here = bpf_map_lookup_elem(&refusals, &zero);

    if (here)
        here->saved++;
}

#endif
