/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connect() of AF_INET6 sockets: IPv6 alias addresses, and v4-mapped ones, which dual-stack runtimes (Java,
 * Go) use for IPv4. The endpoint is of the family that the address names, where there are any such; an IPv4
 * one is written v4-mapped.
 */
#ifndef CONNECT6_BPF_H
#define CONNECT6_BPF_H

#include "callers.bpf.h"
#include "flows.bpf.h"
#include "patience.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

/* Word by word, as the kernel wants it: the compiler would merge them. */
static __always_inline enum svc_reach reach_of(struct bpf_sock_addr *ctx, const struct svc_alias_key *key)
{
    struct bpf_sock *sk = ctx->sk;
    __u32 source[4] = {};

    if (sk) {
        const volatile __u32 *words = sk->src_ip6;

        source[0] = words[0];
        source[1] = words[1];
        source[2] = words[2];
        source[3] = words[3];
    }
    return svc_reach_of((const __u8 *)source, key->address);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;

    if (is_beyond6(ctx))
        return connect_pass6(ctx);
    destination6(ctx, &key);
    if (!key.protocol)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (connect_route(ctx, &key, reach_of(ctx, &key), &outcome)) {
    case ROUTE_TO:
        if (key.protocol == TCP) {
            patience_plan(ctx, &outcome);
            dialled_note(&key, outcome.endpoint);
        }
        ctx->user_ip6[0] = outcome.address[0];
        ctx->user_ip6[1] = outcome.address[1];
        ctx->user_ip6[2] = outcome.address[2];
        ctx->user_ip6[3] = outcome.address[3];
        ctx->user_port = outcome.port_be;
        return VERDICT_PROCEED;
    case ROUTE_ASK:
        ctx->user_port = 0;
        return VERDICT_PROCEED;
    case ROUTE_REFUSE:
        (void)connect_tell_refused(&key, SVC_REFUSED_NO_ENDPOINT, 1);
        return verdict_refuse();
    case ROUTE_STRAY:
        (void)connect_tell_refused(&key, SVC_REFUSED_NO_ALIAS, 1);
        return verdict_refuse();
    case ROUTE_DENY:
        (void)connect_tell_refused(&key, SVC_REFUSED_POLICY, 1);
        return verdict_deny();
    default:
        return has_policy_addresses() && connect_refuses_address(&key) ? verdict_deny() : VERDICT_PROCEED;
    }
}

#endif
