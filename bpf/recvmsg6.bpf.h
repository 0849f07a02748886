/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The same for AF_INET6 sockets, where an IPv4 source is v4-mapped. */
#ifndef RECVMSG6_BPF_H
#define RECVMSG6_BPF_H

#include "flows.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
    __u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};
    struct svc_flow *flow = flow_from(ctx, (const __u8 *)words, (__be16)ctx->user_port);

    if (flow) {
        ctx->user_ip6[0] = svc_address_word(flow->alias, 0);
        ctx->user_ip6[1] = svc_address_word(flow->alias, 1);
        ctx->user_ip6[2] = svc_address_word(flow->alias, 2);
        ctx->user_ip6[3] = svc_address_word(flow->alias, 3);
        ctx->user_port = flow->alias_port_be;
    }
    return VERDICT_PROCEED;
}

#endif
