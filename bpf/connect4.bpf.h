/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* connect() of AF_INET sockets, TCP Fast Open included. */
#ifndef CONNECT4_BPF_H
#define CONNECT4_BPF_H

#include <bpf/bpf_endian.h>

#include "callers.bpf.h"
#include "flows.bpf.h"
#include "patience.bpf.h"
#include "route.bpf.h"
#include "verdict.bpf.h"

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
    struct svc_alias_key key = {};
    struct svc_outcome outcome;

    if (is_beyond4(ctx))
        return connect_pass4(ctx);
    destination4(ctx, &key);
    if (!key.protocol)
        return is_refused_unknown(&key, ctx->protocol) ? verdict_refuse() : VERDICT_PROCEED;
    switch (connect_route(ctx, &key, SVC_REACH_IPV4, &outcome)) {
    case ROUTE_TO:
        if (key.protocol == TCP) {
            patience_plan(ctx, &outcome);
            dialled_note(&key, outcome.endpoint);
        }
        ctx->user_ip4 = outcome.address[3];
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
