/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a destination to an endpoint: find the alias, draw from its table. */
#ifndef ROUTE_BPF_H
#define ROUTE_BPF_H

#include <linux/in.h>
#include <linux/in6.h>

#include <svcconnect/decision.h>

#include "draw.bpf.h"
#include "gate.bpf.h"
#include "index.bpf.h"
#include "least.bpf.h"
#include "near.bpf.h"
#include "policy.bpf.h"

enum route_verdict {
    ROUTE_PASS,  /* no alias: leave the destination as it is */
    ROUTE_STRAY, /* no alias, at an address that only aliases have: nobody's */
    ROUTE_ASK, /* as that, by a datagram socket that only asks for its source address: see ask_or_refuse() */
    ROUTE_TO,  /* the outcome holds the endpoint */
    ROUTE_REFUSE, /* an alias with nowhere to go */
    ROUTE_DENY,   /* an alias that the task may not call */
};

/* On a host's network such a connect would reach whatever listens on 0.0.0.0. */
static __always_inline enum route_verdict refuse_stray(void)
{
    __u32 zero = 0;
    struct svc_refusals *here = bpf_map_lookup_elem(&refusals, &zero);

    if (here)
        here->no_alias++;
    return ROUTE_REFUSE;
}

/*
 * connect() of a datagram socket to a stray address. Resolvers sort a name's addresses by whether, and with
 * which source, a datagram socket connects to each; to refuse that would turn IPv4 and IPv6 around. So where
 * they ask, the socket gets its source address, and port 0 as its peer's, where nobody can listen: what it
 * sends is answered as by any closed port.
 */
static __attribute__((noinline)) int ask_or_refuse(const struct svc_alias_key *key)
{
    struct svc_alias_key tcp = *key;

    tcp.protocol = TCP;
    if (svc_is_port_of_probes(key->port_be) || find_in_both(&tcp))
        return ROUTE_ASK;
    return refuse_stray();
}

/* A socket of a protocol that aliases do not have (UDP-Lite); pings may ask an alias's address. */
static __always_inline int is_refused_unknown(const struct svc_alias_key *key, __u32 protocol)
{
    return protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6 && is_in_ranges(key->address) &&
           refuse_stray();
}

/*
 * The table that a socket draws from; `is_v4` of svc_reach. The one read that decides which table this connect
 * sees. Where the IPv4 table is empty, the other one has been stored after it, so it is as new.
 */
static __always_inline __u64 descriptor_for(const struct svc_service *service, enum svc_reach reach)
{
    __u64 descriptor = 0;

    if (reach == SVC_REACH_IPV4 || reach == SVC_REACH_IPV4_FIRST)
        descriptor = *(const volatile __u64 *)&service->table4;
    if (reach != SVC_REACH_IPV4 && svc_descriptor_count(descriptor) == 0)
        descriptor = *(const volatile __u64 *)&service->table6;
    return descriptor;
}

/* Can the socket connect to what was drawn? Only one that wants IPv6 may have drawn what it cannot. */
static __always_inline int is_reachable(struct bpf_sock_addr *ctx, enum svc_reach reach,
                                        const struct svc_outcome *outcome)
{
    if (reach != SVC_REACH_IPV6 && reach != SVC_REACH_IPV6_FIRST)
        return 1;
    if (!svc_outcome_is_mapped(outcome))
        return 1;
    return reach == SVC_REACH_IPV6_FIRST && (!ctx->sk || fact_of(&fact_ipv6_only, ctx->sk) != 1);
}

/*
 * `reach`: what the socket can connect to. On ROUTE_TO *ret_outcome is filled.
 */
static __always_inline enum route_verdict route(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                                enum svc_reach reach, struct svc_outcome *ret_outcome)
{
    struct svc_service *service;
    __u64 descriptor, client;
    __u32 policy;

    service = find_service(key);
    if (!service) {
        if (is_in_ranges(key->address))
            return ROUTE_STRAY;
        COUNT(miss);
        return ROUTE_PASS;
    }
    policy = svc_policy_of(*(const volatile __u32 *)&service->flags);
    if (policy && policy_refuses(policy))
        return ROUTE_DENY;
    descriptor = descriptor_for(service, reach);
    if (svc_descriptor_count(descriptor) == 0) {
        COUNT(no_endpoint);
        return ROUTE_REFUSE;
    }
    client = affinity_client(service->flags);
    if (draw(ctx, descriptor, key->protocol, client, ret_outcome) < 0 ||
        (service->flags & SVC_SERVICE_LEAST && draw_least(ctx, descriptor, ret_outcome) < 0) ||
        (ret_outcome->networks && draw_near(ctx, descriptor, ret_outcome) < 0)) {
        COUNT(inconsistent);
        return ROUTE_REFUSE;
    }
    if (!is_reachable(ctx, reach, ret_outcome)) {
        COUNT(no_endpoint);
        return ROUTE_REFUSE;
    }
    COUNT(hit);
    count_connect(ctx, ret_outcome->endpoint, key->protocol);
    ret_outcome->flags = service->flags;
    return ROUTE_TO;
}

#endif
