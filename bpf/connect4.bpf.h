/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* connect() of AF_INET sockets, TCP Fast Open included. */
#ifndef CONNECT4_BPF_H
#define CONNECT4_BPF_H

#include <bpf/bpf_endian.h>

#include "flows.bpf.h"
#include "patience.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;
    __u32 address = ctx->user_ip4;

    key.protocol = svc_socket_protocol(ctx->type, ctx->protocol);
    key.scope = task_scope_number();
    /* The port is a 16-bit value in a 32-bit field, in network order. */
    key.port_be = (__be16)ctx->user_port;
    key.address[10] = 0xff;
    key.address[11] = 0xff;
    __builtin_memcpy(key.address + 12, &address, 4);

    if (!key.protocol)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (connect_route(ctx, &key, SVC_REACH_IPV4, &outcome)) {
    case ROUTE_TO:
        if (key.protocol == TCP)
            patience_plan(ctx, &outcome);
        ctx->user_ip4 = outcome.address[3];
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
