/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * UDP sockets and the aliases they send to. A socket keeps its endpoint for as long as it sends within the
 * service's stickiness and the endpoint is in the alias's table; replies bear the alias as their source. Only
 * sockets that send to an alias have storage.
 */
#ifndef FLOWS_BPF_H
#define FLOWS_BPF_H

#include <svcconnect/decision.h>

#include "resolver.bpf.h"
#include "route.bpf.h"

#define FLOW_COLUMNS 64 /* looked at, from where the endpoint was on, when a table has changed */

static __always_inline struct svc_flows *flows_of(struct bpf_sock_addr *ctx, int is_made)
{
    struct bpf_sock *sk = ctx->sk;

    if (!sk)
        return 0;
    return bpf_sk_storage_get(&flows, sk, 0, is_made ? BPF_SK_STORAGE_GET_F_CREATE : 0);
}

static __always_inline int is_flow_to(const struct svc_flow *flow, const struct svc_alias_key *key)
{
    return flow->time && flow->alias_port_be == key->port_be && svc_address_equal(flow->alias, key->address);
}

/* The last one used of those to the alias; others of it are endpoints that the socket has left. */
static __always_inline struct svc_flow *flow_to(struct svc_flows *all, const struct svc_alias_key *key)
{
    struct svc_flow *found = 0;

#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++)
        if (is_flow_to(&all->flows[i], key) && (!found || all->flows[i].time > found->time))
            found = &all->flows[i];
    return found;
}

static __always_inline void flow_put(struct svc_flows *all, const struct svc_alias_key *key, __u32 column,
                                     const struct svc_outcome *outcome, __u64 now)
{
    struct svc_flow *flow = &all->flows[0];

#pragma unroll
    for (int i = 1; i < SVC_FLOWS; i++)
        if (all->flows[i].time < flow->time)
            flow = &all->flows[i];
    flow->endpoint = outcome->endpoint;
    flow->flags = outcome->flags;
    flow->column = column;
    flow->alias_port_be = key->port_be;
    flow->port_be = outcome->port_be;
    __builtin_memcpy(flow->alias, key->address, 16);
    __builtin_memcpy(flow->address, outcome->address, 16);
    flow->time = now;
}

/*
 * The socket talks to that address itself now: what comes from there is no alias's any more. Not so when a
 * connected AF_INET6 socket sends to its IPv4 peer: the kernel does that as if the program had named it.
 */
static __always_inline void flows_forget(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                         int is_connect)
{
    struct svc_flows *all = flows_of(ctx, 0);
    struct bpf_sock *sk = ctx->sk;

    if (!all || !sk || (!is_connect && sk->state == BPF_TCP_ESTABLISHED))
        return;
#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++)
        if (all->flows[i].port_be == key->port_be && svc_address_equal(all->flows[i].address, key->address))
            all->flows[i].time = 0;
}

/* Where in the table the endpoint is: column << 1 | (it is outcome b), or DRAW_NONE. Tables of up to
 * FLOW_COLUMNS are looked through whole. */
__attribute__((noinline)) __u32 find_column(__u32 first, __u32 count, __u32 start, __u32 endpoint)
{
    if (start >= count)
        start = 0;
    for (__u32 i = 0; i < FLOW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (offset >= count ? count : 0);
        struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);

        if (!slot)
            break;
        /* An outcome that is never drawn is no outcome: one with all of the column has both places. */
        if (slot->endpoint_a == endpoint && slot->threshold)
            return (column - first) << 1;
        if (slot->endpoint_b == endpoint)
            return (column - first) << 1 | 1;
    }
    return DRAW_NONE;
}

/* May the socket stay where it is? The address is the table's, whatever the flow remembers. */
static __always_inline int flow_stays(struct svc_flow *flow, const struct svc_service *service,
                                      __u64 descriptor, __u64 now, struct svc_outcome *ret_outcome)
{
    __u32 found, column;
    struct svc_slot *slot;

    if (now - flow->time >= service->stickiness_ms * SVC_NS_PER_MS)
        return 0;
    found = find_column(svc_descriptor_first(descriptor), svc_descriptor_count(descriptor), flow->column,
                        flow->endpoint);
    if (found == DRAW_NONE)
        return 0;
    column = svc_descriptor_first(descriptor) + (found >> 1);
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return 0;
    *ret_outcome = svc_slot_outcome(slot, found & 1 ? 0xffffffffu : 0);
    if (ret_outcome->endpoint != flow->endpoint || is_ejected(flow->endpoint, &now))
        return 0;
    flow->column = found >> 1;
    return 1;
}

static __always_inline int flow_is_at(const struct svc_flow *flow, const struct svc_outcome *outcome)
{
    __u32 words[4] = {outcome->address[0], outcome->address[1], outcome->address[2], outcome->address[3]};

    return flow->port_be == outcome->port_be && svc_address_equal(flow->address, (const __u8 *)words);
}

/* Remembers that the socket asks a name server, for the sake of the answer's source. */
static __always_inline void flow_note(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                      const struct svc_outcome *outcome)
{
    struct svc_flows *all = flows_of(ctx, 1);
    struct svc_flow *flow;

    if (!all)
        return;
    flow = flow_to(all, key);
    if (flow && flow_is_at(flow, outcome))
        flow->time = bpf_ktime_get_ns();
    else
        flow_put(all, key, 0, outcome, bpf_ktime_get_ns());
}

/* As route(), for a socket whose earlier choice may stand. `may_stay` 0: a connect chooses anew. */
static __always_inline enum route_verdict flow_route(struct bpf_sock_addr *ctx,
                                                     const struct svc_alias_key *key, int is_v4, int may_stay,
                                                     struct svc_outcome *ret_outcome)
{
    struct svc_service *service;
    struct svc_flows *all;
    struct svc_flow *flow;
    __u64 descriptor, now;
    int is_alias;

    if (resolver_route(ctx, key, ret_outcome)) {
        flow_note(ctx, key, ret_outcome);
        return ROUTE_TO;
    }
    service = find_service(key, &is_alias);
    if (!is_alias) {
        COUNT(miss);
        flows_forget(ctx, key, !may_stay);
        return ROUTE_PASS;
    }
    if (!service) {
        COUNT(inconsistent);
        return ROUTE_REFUSE;
    }
    descriptor = *(volatile __u64 *)(is_v4 ? &service->table4 : &service->table6);
    if (svc_descriptor_count(descriptor) == 0) {
        COUNT(no_endpoint);
        return ROUTE_REFUSE;
    }
    all = flows_of(ctx, 1);
    now = bpf_ktime_get_ns();
    if (all && may_stay) {
        flow = flow_to(all, key);
        if (flow && flow_stays(flow, service, descriptor, now, ret_outcome) &&
            flow_is_at(flow, ret_outcome)) {
            flow->time = now;
            return ROUTE_TO;
        }
    }
    if (draw(descriptor, ret_outcome) < 0) {
        COUNT(inconsistent);
        return ROUTE_REFUSE;
    }
    COUNT(hit);
    count_connect(ret_outcome->endpoint, key->protocol);
    ret_outcome->flags = service->flags;
    /* Without memory for it the socket has no lasting choice, and its replies bear the endpoint's address. */
    if (all)
        flow_put(all, key, ret_outcome->column - svc_descriptor_first(descriptor), ret_outcome, now);
    return ROUTE_TO;
}

/* connect(): chooses, and remembers for the sake of the replies' source. */
static __always_inline enum route_verdict flow_begin(struct bpf_sock_addr *ctx,
                                                     const struct svc_alias_key *key, int is_v4,
                                                     struct svc_outcome *ret_outcome)
{
    return flow_route(ctx, key, is_v4, 0, ret_outcome);
}

/* connect() of any protocol. */
static __always_inline enum route_verdict connect_route(struct bpf_sock_addr *ctx,
                                                        const struct svc_alias_key *key, int is_v4,
                                                        struct svc_outcome *ret_outcome)
{
    enum route_verdict verdict;

    if (key->protocol == UDP)
        return flow_begin(ctx, key, is_v4, ret_outcome);
    if (resolver_route(ctx, key, ret_outcome))
        return ROUTE_TO;
    verdict = route(key, is_v4, ret_outcome);
    if (verdict == ROUTE_TO && ret_outcome->flags & SVC_SERVICE_PEER_ALIAS)
        flow_note(ctx, key, ret_outcome);
    return verdict;
}

/* sendto(): the socket's own choice while it lasts. */
static __always_inline enum route_verdict flow_send(struct bpf_sock_addr *ctx,
                                                    const struct svc_alias_key *key, int is_v4,
                                                    struct svc_outcome *ret_outcome)
{
    return flow_route(ctx, key, is_v4, 1, ret_outcome);
}

/* A datagram has come from `address`: the alias that the socket knows it by, NULL for none. */
static __always_inline struct svc_flow *flow_from(struct bpf_sock_addr *ctx, const __u8 address[16],
                                                  __be16 port_be)
{
    struct svc_flows *all = flows_of(ctx, 0);
    struct svc_flow *found = 0;

    if (!all)
        return 0;
#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++) {
        struct svc_flow *flow = &all->flows[i];

        if (flow->time && flow->port_be == port_be && svc_address_equal(flow->address, address) &&
            (!found || flow->time > found->time))
            found = flow;
    }
    return found;
}

#endif
