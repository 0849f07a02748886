/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* recvfrom() of AF_INET sockets that asks for the source: the alias that the program has sent to. */
#ifndef RECVMSG4_BPF_H
#define RECVMSG4_BPF_H

#include "flows.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key from = {};
    struct svc_flow *flow;
    __u32 address = ctx->user_ip4;

    from.address[10] = 0xff;
    from.address[11] = 0xff;
    __builtin_memcpy(from.address + 12, &address, 4);
    flow = flow_from(ctx, from.address, (__be16)ctx->user_port);
    if (flow) {
        ctx->user_ip4 = svc_address_word(flow->alias, 3);
        ctx->user_port = flow->alias_port_be;
    }
    return VERDICT_PROCEED;
}

#endif
