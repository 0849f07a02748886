/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A task's questions to its name servers, on their way to the daemon's socket in the same network namespace.
 * Where nobody is there to answer they go on unchanged: a dead daemon takes nobody's DNS down.
 */
#ifndef RESOLVER_BPF_H
#define RESOLVER_BPF_H

#include <bpf/bpf_endian.h>

#include <svcconnect/decision.h>

#include "gate.bpf.h"
#include "maps.bpf.h"

/* The task's entry for the network namespace that the socket is in. */
static __always_inline const struct svc_resolver *resolver_here(struct bpf_sock_addr *ctx)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    const struct svc_resolver *first, *resolver;
    __u32 number = scope->resolver;
    __u64 cookie;
    __u32 zero = 0;

    if (!number)
        return 0;
    first = bpf_map_lookup_elem(&resolvers, &zero);
    if (!first || bpf_ktime_get_ns() - *(volatile __u64 *)&first->heartbeat > SVC_HEARTBEAT_STALE_NS)
        return 0;
    cookie = bpf_get_netns_cookie(ctx);
#pragma unroll
    for (int i = 0; i < SVC_RESOLVER_NETNS; i++) {
        resolver = bpf_map_lookup_elem(&resolvers, &number);
        if (!resolver || resolver->cgroup_id != scope->cgroup_id)
            return 0;
        if (!resolver->netns_cookie || resolver->netns_cookie == cookie)
            return resolver;
        number = resolver->next;
        if (!number)
            return 0;
    }
    return 0;
}

/* Is it one of the task's name servers, and answered here? Then *ret_outcome is where. */
static __attribute__((noinline)) int resolver_find(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                                   struct svc_outcome *ret_outcome)
{
    const struct svc_resolver *resolver;

    resolver = resolver_here(ctx);
    if (!resolver)
        return 0;
#pragma unroll
    for (int i = 0; i < SVC_NAMESERVERS; i++) {
        if ((__u32)i >= *(volatile __u32 *)&resolver->n ||
            !svc_address_equal(resolver->nameserver[i], key->address))
            continue;
        ret_outcome->endpoint = 0;
        ret_outcome->column = 0;
        ret_outcome->flags = SVC_SERVICE_PEER_ALIAS;
        ret_outcome->port_be = resolver->port_be[i];
#pragma unroll
        for (int word = 0; word < 4; word++)
            ret_outcome->address[word] = svc_address_word(resolver->stub[i], word);
        return 1;
    }
    return 0;
}

static __always_inline int resolver_route(struct bpf_sock_addr *ctx, const struct svc_alias_key *key,
                                          struct svc_outcome *ret_outcome)
{
    return key->port_be == bpf_htons(DNS_PORT) && resolver_find(ctx, key, ret_outcome);
}

#endif
