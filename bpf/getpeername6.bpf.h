/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The same for AF_INET6 sockets. */
#ifndef GETPEERNAME6_BPF_H
#define GETPEERNAME6_BPF_H

#include "flows.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
    __u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};
    struct svc_flow *flow = flow_from(ctx, (const __u8 *)words, (__be16)ctx->user_port);

    if (flow && flow->flags & SVC_SERVICE_PEER_ALIAS) {
        ctx->user_ip6[0] = svc_address_word(flow->alias, 0);
        ctx->user_ip6[1] = svc_address_word(flow->alias, 1);
        ctx->user_ip6[2] = svc_address_word(flow->alias, 2);
        ctx->user_ip6[3] = svc_address_word(flow->alias, 3);
        ctx->user_port = flow->alias_port_be;
    }
    return VERDICT_PROCEED;
}

#endif
