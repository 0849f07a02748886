/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connect() of AF_INET6 sockets: IPv6 alias addresses, and v4-mapped ones, which dual-stack runtimes (Java,
 * Go) use for IPv4. The endpoint may be of either family: an IPv4 one is written v4-mapped.
 */
#ifndef CONNECT6_BPF_H
#define CONNECT6_BPF_H

#include "flows.bpf.h"
#include "patience.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;
    __u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

    key.protocol = svc_socket_protocol(ctx->type, ctx->protocol);
    key.scope = task_scope_number();
    key.port_be = (__be16)ctx->user_port;
    __builtin_memcpy(key.address, words, sizeof(words));

    if (!key.protocol)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (connect_route(ctx, &key, 0, &outcome)) {
    case ROUTE_TO:
        if (key.protocol == TCP)
            patience_begin(ctx, outcome.endpoint);
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
        return verdict_refuse();
    default:
        return VERDICT_PROCEED;
    }
}

#endif
