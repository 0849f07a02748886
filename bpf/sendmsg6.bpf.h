/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The same for AF_INET6 sockets: v4-mapped destinations come by sendmsg4. */
#ifndef SENDMSG6_BPF_H
#define SENDMSG6_BPF_H

#include <bpf/bpf_endian.h>

#include "flows.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;

    if (is_beyond6(ctx))
        return sendmsg_pass6(ctx);
    destination6(ctx, &key);
    if (key.protocol != UDP)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (send_route(ctx, &key, SVC_REACH_IPV6, &outcome)) {
    case ROUTE_TO:
        /* The kernel cannot send such a datagram over IPv4 (ENOTSUPP); connect() can. */
        if (outcome.address[0] == 0 && outcome.address[1] == 0 && outcome.address[2] == bpf_htonl(0xffff))
            return verdict_refuse();
        ctx->user_ip6[0] = outcome.address[0];
        ctx->user_ip6[1] = outcome.address[1];
        ctx->user_ip6[2] = outcome.address[2];
        ctx->user_ip6[3] = outcome.address[3];
        ctx->user_port = outcome.port_be;
        return VERDICT_PROCEED;
    case ROUTE_REFUSE:
        return verdict_refuse();
    case ROUTE_DENY:
        return verdict_deny();
    default:
        return has_policy_addresses() && policy_refuses_address(&key) ? verdict_deny() : VERDICT_PROCEED;
    }
}

#endif
