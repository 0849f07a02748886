/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long a connect may wait for an answer (connectTimeoutSeconds): TCP_USER_TIMEOUT from when it begins to
 * when it is over, however it ends. connect() only notes it, because a connect that finds no route never
 * begins and nothing would take the value back. What is set has an odd last millisecond, and is taken back only
 * if this program has set it and it is still there: a value that the application sets itself, before or
 * meanwhile, stays. Kernels that cannot say what is set (before 6.1) get TCP_SYNCNT, which counts retries: the
 * time is rounded up to 3, 7, 15, 31 or 63 seconds. It means nothing to a connection that is established.
 *
 * And how long its first SYN waits before it is sent again, and the endpoint counts as silent
 * (synTimeoutMilliseconds): the kernel asks for that right after the connect has begun, in ticks of its own clock.
 * Each further SYN waits twice as long as the one before.
 */
#ifndef PATIENCE_BPF_H
#define PATIENCE_BPF_H

#include <linux/in.h>
#include <linux/tcp.h>

#include <svcconnect/decision.h>

#include "outlier.bpf.h"

/*
 * On a socket that has set a timeout. The kernel calls for this flag only after a connect is over, when it has
 * been taken away again; so it is a bit to keep, and no socket without a limit is looked at.
 */
#define PATIENCE_IS_SET BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG

static __always_inline int is_any_limited(void)
{
    const struct svc_outlier *any = outlier_of_any();

    return any && any->connect_timeout_ms != 0;
}

/* The endpoint's limits, for when the connect begins. */
static __always_inline void patience_plan(struct bpf_sock_addr *ctx, const struct svc_outcome *outcome)
{
    struct bpf_sock *sk = ctx->sk;
    const struct svc_outlier *outlier;
    struct svc_patience *plan;
    __u32 timeout, syn_timeout, endpoint = outcome->endpoint;

    if (!is_any_limited() || !sk)
        return;
    outlier = endpoint ? bpf_map_lookup_elem(&outliers, &endpoint) : 0;
    timeout = outlier ? outlier->connect_timeout_ms : 0;
    syn_timeout = outlier ? outlier->syn_timeout_ms : 0;
    plan = bpf_sk_storage_get(&patience, sk, 0, timeout | syn_timeout ? BPF_SK_STORAGE_GET_F_CREATE : 0);
    if (!plan)
        return;
    __builtin_memcpy(plan->address, outcome->address, sizeof(plan->address));
    plan->port_be = outcome->port_be;
    plan->timeout_ms = timeout;
    plan->syn_timeout_ms = (__u16)syn_timeout;
}

static __attribute__((noinline)) struct svc_patience *patience_of(struct bpf_sock_ops *ctx)
{
    struct bpf_sock *sk = ctx->sk;

    return sk ? bpf_sk_storage_get(&patience, sk, 0, 0) : 0;
}

/* The connect to this address begins. */
static __attribute__((noinline)) int patience_begin(struct bpf_sock_ops *ctx, const struct svc_peer_key *peer)
{
    struct svc_patience *plan = patience_of(ctx);
    int timeout, current = 0;

    if (!plan)
        return 0;
    timeout = (int)plan->timeout_ms;
    plan->timeout_ms = 0;
    if (plan->port_be != peer->port_be || !svc_address_equal(plan->address, peer->address)) {
        plan->syn_timeout_ms = 0;
        return 0;
    }
    if (plan->syn_timeout_ms)
        plan->syn_timeout_ms |= SVC_SYN_BEGINS;
    if (timeout == 0)
        return 0;
    if (bpf_getsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &current, sizeof(current)) < 0) {
        current = (int)svc_syn_retries((__u32)timeout);
        if (current)
            (void)bpf_setsockopt(ctx, IPPROTO_TCP, TCP_SYNCNT, &current, sizeof(current));
        return 0;
    }
    timeout |= 1;
    if (current || bpf_setsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout)) < 0)
        return 0;
    plan->set_ms = (__u32)timeout;
    return 1;
}

/* The kernel asks how long the first SYN, or a SYN-ACK, is to wait. The ticks; 0: nothing is said. */
static __attribute__((noinline)) __u32 patience_of_syn(struct bpf_sock_ops *ctx)
{
    struct svc_patience *plan;
    __u32 ms;

    if (!is_any_limited() || ctx->state != BPF_TCP_SYN_SENT)
        return 0;
    plan = patience_of(ctx);
    ms = plan ? plan->syn_timeout_ms : 0;
    if (!(ms & SVC_SYN_BEGINS))
        return 0;
    plan->syn_timeout_ms = 0;
    return svc_syn_ticks(ms & ~SVC_SYN_BEGINS, tick_ns);
}

/* The connect is over, one way or the other. */
static __attribute__((noinline)) int patience_end(struct bpf_sock_ops *ctx)
{
    struct svc_patience *plan = patience_of(ctx);
    int current = 0, none = 0;

    if (!plan || plan->set_ms == 0)
        return 0;
    if (bpf_getsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &current, sizeof(current)) == 0 &&
        current == (int)plan->set_ms)
        (void)bpf_setsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof(none));
    plan->set_ms = 0;
    (void)bpf_sock_ops_cb_flags_set(ctx, (int)ctx->bpf_sock_ops_cb_flags & ~PATIENCE_IS_SET);
    return 0;
}

#endif
