/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * UDP sockets and the aliases they send to. A socket keeps its endpoint for as long as it sends within the
 * service's stickiness and the endpoint is in the alias's table; replies bear the alias as their source. Only
 * sockets that send to an alias have storage.
 */
#ifndef FLOWS_BPF_H
#define FLOWS_BPF_H

#include "callers.bpf.h"
#include "destination.bpf.h"
#include "resolver.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

#define FLOW_COLUMNS 64 /* looked at, from where the endpoint was on, when a table has changed */

static __always_inline void address_copy(void *to, const void *from)
{
    svc_word *x = to;
    const svc_word *y = from;

    x[0] = y[0];
    x[1] = y[1];
    x[2] = y[2];
    x[3] = y[3];
}

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
static __attribute__((noinline)) struct svc_flow *flow_to(struct svc_flows *all,
                                                          const struct svc_alias_key *key)
{
    struct svc_flow *found = 0;

#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++)
        if (is_flow_to(&all->flows[i], key) && (!found || all->flows[i].time > found->time))
            found = &all->flows[i];
    return found;
}

/* In the place of the one that has been silent longest. */
static __attribute__((noinline)) int flow_put(struct svc_flows *all, const struct svc_alias_key *key,
                                              const struct svc_outcome *outcome)
{
    struct svc_flow *flow = &all->flows[0];

#pragma unroll
    for (int i = 1; i < SVC_FLOWS; i++)
        if (all->flows[i].time < flow->time)
            flow = &all->flows[i];
    flow->endpoint = outcome->endpoint;
    flow->flags = outcome->flags;
    flow->column = outcome->column;
    flow->alias_port_be = key->port_be;
    flow->port_be = outcome->port_be;
    address_copy(flow->alias, key->address);
    address_copy(flow->address, outcome->address);
    flow->time = bpf_ktime_get_ns();
    return 0;
}

/*
 * The socket talks to that address itself now: what comes from there is no alias's any more. Not so when a
 * connected AF_INET6 socket sends to its IPv4 peer: the kernel does that as if the program had named it.
 */
static __attribute__((noinline)) int flows_forget(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                                  int is_connect)
{
    struct svc_flows *all = flows_of(ctx, 0);
    struct bpf_sock *sk = ctx->sk;

    if (!all || !sk || (!is_connect && sk->state == BPF_TCP_ESTABLISHED))
        return 0;
#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++)
        if (all->flows[i].port_be == key->port_be && svc_address_equal(all->flows[i].address, key->address))
            all->flows[i].time = 0;
    return 0;
}

/* 0: the slot does not lead to the endpoint; 1: by its outcome a; 2: by b. An outcome that is never drawn is
 * no outcome: one with all of the column has both places. */
__attribute__((noinline)) __u32 outcome_of(__u32 column, __u32 endpoint)
{
    const struct svc_slot *slot = bpf_map_lookup_elem(&slots, &column);

    if (!slot)
        return 0;
    if (slot->endpoint_a == endpoint && slot->threshold)
        return 1;
    return slot->endpoint_b == endpoint ? 2 : 0;
}

/*
 * Where in the table the endpoint is, looking from the slot `hint` on: slot << 1 | (it is outcome b), or
 * DRAW_NONE. Tables of up to FLOW_COLUMNS are looked through whole. Global functions, as in draw.bpf.h: the
 * verifier walks the rounds once, not once for every way to get here.
 */
__attribute__((noinline)) __u32 find_column(__u32 first, __u32 count, __u32 hint, __u32 endpoint)
{
    __u32 start = hint - first;

    if (start >= count)
        start = 0;
    for (__u32 i = 0; i < FLOW_COLUMNS && i < count; i++) {
        __u32 offset = start + i;
        __u32 column = first + offset - (count & ~(__u32)mask_if_less(offset, count));
        __u32 outcome = outcome_of(column, endpoint);

        if (outcome)
            return column << 1 | (outcome - 1);
    }
    return DRAW_NONE;
}

static __always_inline int flow_is_at(const struct svc_flow *flow, const struct svc_outcome *outcome)
{
    return flow->port_be == outcome->port_be &&
           svc_address_equal(flow->address, (const __u8 *)outcome->address);
}

/* May the socket stay where it is? The address is the table's, whatever the flow remembers. */
static __attribute__((noinline)) int flow_stays(struct svc_flow *flow, const struct svc_alias_key *key,
                                                enum svc_reach reach, struct svc_outcome *ret_outcome)
{
    __u64 now = bpf_ktime_get_ns();
    struct svc_service *service;
    struct svc_slot *slot;
    __u64 descriptor;
    __u32 found, column, policy;

    service = find_service(key);
    if (!service || now - flow->time >= service->stickiness_ms * SVC_NS_PER_MS)
        return 0;
    policy = svc_policy_of(*(const volatile __u32 *)&service->flags);
    if (policy && policy_parts(policy))
        return 0;
    descriptor = descriptor_for(service, reach);
    found = find_column(svc_descriptor_first(descriptor), svc_descriptor_count(descriptor), flow->column,
                        flow->endpoint);
    if (found == DRAW_NONE)
        return 0;
    column = found >> 1;
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return 0;
    *ret_outcome = svc_slot_outcome(slot, found & 1 ? 0xffffffffu : 0);
    if (ret_outcome->endpoint != flow->endpoint || !flow_is_at(flow, ret_outcome) ||
        is_ejected(flow->endpoint, &now))
        return 0;
    flow->column = column;
    flow->time = now;
    return 1;
}

/*
 * Remembers where the socket went. Without memory for it there is no lasting choice, and replies bear the
 * endpoint's address.
 */
static __always_inline void flow_note(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                      const struct svc_outcome *outcome)
{
    struct svc_flows *all = flows_of(ctx, 1);
    struct svc_flow *flow = all ? flow_to(all, key) : 0;

    if (flow && flow->endpoint == outcome->endpoint && flow_is_at(flow, outcome))
        flow->time = bpf_ktime_get_ns();
    else if (all)
        (void)flow_put(all, key, outcome);
}

/* A TCP socket has one peer, and it is about to have another one. */
static __attribute__((noinline)) int flows_forget_all(struct bpf_sock_addr *ctx)
{
    struct svc_flows *all = flows_of(ctx, 0);

    if (!all)
        return 0;
#pragma unroll
    for (int i = 0; i < SVC_FLOWS; i++)
        all->flows[i].time = 0;
    return 0;
}

/* What getpeername() is to tell of a TCP socket from now on: the alias, or what the kernel says. */
static __always_inline void note_peer_name(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                           const struct svc_outcome *outcome, int is_alias)
{
    struct svc_outlier *any = outlier_of_any();

    if (is_alias) {
        if (any && any->next == 0)
            *(volatile __u32 *)&any->next = 1;
        flow_note(ctx, key, outcome);
    } else if (any && *(volatile __u32 *)&any->next) {
        (void)flows_forget_all(ctx);
    }
}

/* connect() of any protocol: chooses anew. ROUTE_STRAY is counted, and to be refused. */
static __always_inline enum route_verdict connect_route(struct bpf_sock_addr *ctx,
                                                        const struct svc_alias_key *key, enum svc_reach reach,
                                                        struct svc_outcome *ret_outcome)
{
    enum route_verdict verdict = ROUTE_TO;

    if (!resolver_route(ctx, key, ret_outcome))
        verdict = route(ctx, key, reach, ret_outcome);
    if (verdict == ROUTE_STRAY)
        /* No resolver asks by an IPv4 address in the mapped form. */
        return key->protocol == UDP && (ctx->user_family != FAMILY_INET6 || !svc_is_mapped(key->address))
                   ? ask_or_refuse(key)
                   : (refuse_stray(), ROUTE_STRAY);
    if (key->protocol == TCP)
        note_peer_name(ctx, key, ret_outcome,
                       verdict == ROUTE_TO && ret_outcome->flags & SVC_SERVICE_PEER_ALIAS);
    else if (verdict == ROUTE_TO)
        flow_note(ctx, key, ret_outcome);
    else if (verdict == ROUTE_PASS)
        (void)flows_forget(ctx, key, 1);
    return verdict;
}

/*
 * connect() past the gate. Something is to be forgotten only by a socket that has been led to an alias before:
 * of TCP nobody has while no service tells the alias as its peer's name, of UDP the socket's storage tells.
 */
static __always_inline int is_to_forget(struct bpf_sock_addr *ctx)
{
    const struct svc_outlier *any;

    if (ctx->type != SVC_SOCK_STREAM)
        return ctx->type == SVC_SOCK_DGRAM && flows_of(ctx, 0) != 0;
    any = outlier_of_any();
    return any && *(const volatile __u32 *)&any->next;
}

static __attribute__((noinline)) int connect_forget(struct bpf_sock_addr *ctx,
                                                    const struct svc_alias_key *key)
{
    if (key->protocol == TCP)
        (void)flows_forget_all(ctx);
    else if (key->protocol == UDP)
        (void)flows_forget(ctx, key, 1);
    return 0;
}

/* Functions of their own: the frame of a hook is on the way of a draw, which takes most of the stack there is. */
static __attribute__((noinline)) int connect_pass4_slowly(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};

    destination4(ctx, &key);
    if (has_policy_addresses() && connect_refuses_address(&key))
        return verdict_deny();
    if (is_to_forget(ctx))
        (void)connect_forget(ctx, &key);
    return VERDICT_PROCEED;
}

static __always_inline int connect_pass4(struct bpf_sock_addr *ctx)
{
    if (!has_policy_addresses() && !is_to_forget(ctx))
        return VERDICT_PROCEED;
    return connect_pass4_slowly(ctx);
}

static __attribute__((noinline)) int connect_pass6_slowly(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};

    destination6(ctx, &key);
    if (has_policy_addresses() && connect_refuses_address(&key))
        return verdict_deny();
    if (is_to_forget(ctx))
        (void)connect_forget(ctx, &key);
    return VERDICT_PROCEED;
}

static __always_inline int connect_pass6(struct bpf_sock_addr *ctx)
{
    if (!has_policy_addresses() && !is_to_forget(ctx))
        return VERDICT_PROCEED;
    return connect_pass6_slowly(ctx);
}

/*
 * Does a connected AF_INET6 socket send to its IPv4 peer? Its connect() was asked, and by an alias it may have come to where
 * the address itself is closed to the task.
 */
static __attribute__((noinline)) int is_to_own_peer(struct bpf_sock_addr *ctx)
{
    struct bpf_sock *sk = ctx->sk;

    return sk && sk->state == BPF_TCP_ESTABLISHED &&
           *(const volatile __be16 *)&sk->dst_port == ctx->user_port && sk->dst_ip4 == ctx->user_ip4;
}

/* The same of sendto(). */
static __attribute__((noinline)) int sendmsg_pass4_slowly(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};

    destination4(ctx, &key);
    if (key.protocol != UDP)
        return VERDICT_PROCEED;
    if (has_policy_addresses() && !is_to_own_peer(ctx) && policy_refuses_address(&key))
        return verdict_deny();
    (void)flows_forget(ctx, &key, 0);
    return VERDICT_PROCEED;
}

static __always_inline int sendmsg_pass4(struct bpf_sock_addr *ctx)
{
    if (!has_policy_addresses() && !flows_of(ctx, 0))
        return VERDICT_PROCEED;
    return sendmsg_pass4_slowly(ctx);
}

static __attribute__((noinline)) int sendmsg_pass6_slowly(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};

    destination6(ctx, &key);
    if (key.protocol != UDP)
        return VERDICT_PROCEED;
    if (has_policy_addresses() && policy_refuses_address(&key))
        return verdict_deny();
    (void)flows_forget(ctx, &key, 0);
    return VERDICT_PROCEED;
}

static __always_inline int sendmsg_pass6(struct bpf_sock_addr *ctx)
{
    if (!has_policy_addresses() && !flows_of(ctx, 0))
        return VERDICT_PROCEED;
    return sendmsg_pass6_slowly(ctx);
}

/* sendto() of UDP: the socket's own choice while it lasts. */
static __always_inline enum route_verdict send_route(struct bpf_sock_addr *ctx,
                                                     const struct svc_alias_key *key, enum svc_reach reach,
                                                     struct svc_outcome *ret_outcome)
{
    enum route_verdict verdict = ROUTE_TO;

    if (!resolver_route(ctx, key, ret_outcome)) {
        struct svc_flows *all = flows_of(ctx, 0);
        struct svc_flow *flow = all ? flow_to(all, key) : 0;

        if (flow && flow_stays(flow, key, reach, ret_outcome))
            return ROUTE_TO;
        verdict = route(ctx, key, reach, ret_outcome);
    }
    if (verdict == ROUTE_STRAY)
        return refuse_stray();
    if (verdict == ROUTE_TO)
        flow_note(ctx, key, ret_outcome);
    else if (verdict == ROUTE_PASS)
        (void)flows_forget(ctx, key, 0);
    return verdict;
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
