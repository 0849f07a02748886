/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* sendto() of AF_INET sockets with a destination: UDP that is not connected, or not to there. */
#ifndef SENDMSG4_BPF_H
#define SENDMSG4_BPF_H

#include <bpf/bpf_endian.h>

#include "flows.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;

    if (is_beyond4(ctx))
        return sendmsg_pass4(ctx);
    destination4(ctx, &key);
    if (key.protocol != UDP)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (send_route(ctx, &key, SVC_REACH_IPV4, &outcome)) {
    case ROUTE_TO:
        ctx->user_ip4 = outcome.address[3];
        ctx->user_port = outcome.port_be;
        return VERDICT_PROCEED;
    case ROUTE_REFUSE:
        return verdict_refuse();
    case ROUTE_DENY:
        return verdict_deny();
    default:
        return has_policy_addresses() && !is_to_own_peer(ctx) && policy_refuses_address(&key)
                   ? verdict_deny()
                   : VERDICT_PROCEED;
    }
}

#endif
