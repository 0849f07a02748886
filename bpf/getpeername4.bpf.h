/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* getpeername() of AF_INET sockets: what the program has dialled, if its service is to tell that. */
#ifndef GETPEERNAME4_BPF_H
#define GETPEERNAME4_BPF_H

#include "flows.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key from = {};
    struct svc_flow *flow;
    __u32 address = ctx->user_ip4;

    from.address[10] = 0xff;
    from.address[11] = 0xff;
    __builtin_memcpy(from.address + 12, &address, 4);
    flow = flow_from(ctx, from.address, (__be16)ctx->user_port);
    if (flow && flow->flags & SVC_SERVICE_PEER_ALIAS) {
        ctx->user_ip4 = svc_address_word(flow->alias, 3);
        ctx->user_port = flow->alias_port_be;
    }
    return VERDICT_PROCEED;
}

#endif
