/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What becomes of the TCP connects of a task. After the rewrite the socket's remote address is the
 * endpoint's, so nothing is kept per socket; callbacks are switched on for sockets that connect to a known
 * endpoint only.
 *
 *   SYN_SENT -> ESTABLISHED     success
 *   SYN_SENT -> CLOSE           a reset had come back: refused; none: the application gave up
 *   first RTO in SYN_SENT       counts as a failure already: the kernel itself would wait two minutes
 *   RTO that is the last one    timed out; the failure was counted by the first
 *   ESTABLISHED -> CLOSE        by a reset from there, nothing received: reset early
 *   TCP_CONNECT_CB              the connect led here has begun (see SVC_UNSTARTED_FAILURES)
 *   HDR_OPT_LEN_CB              a segment goes out on a connection that is measured (first_byte.bpf.h)
 *   TIMEOUT_INIT                how long is the first SYN to wait? (patience.bpf.h)
 *
 * The reply to the kernel may be another program's: it is written for connects by an alias whose service says how
 * long the SYN waits, and left alone otherwise.
 */
#ifndef SOCK_OPS_BPF_H
#define SOCK_OPS_BPF_H

#include <asm-generic/errno.h>
#include <bpf/bpf_endian.h>

#include "callers.bpf.h"
#include "first_byte.bpf.h"
#include "outlier.bpf.h"
#include "patience.bpf.h"
#include "route.bpf.h"

/* As whom the task's connections are counted; -1: it has no scope. */
static __attribute__((noinline)) int peer_key(struct bpf_sock_ops *ctx, struct svc_peer_key *key)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    __u32 caller;

    key->namespace_scope = scope->namespace_scope;
    if (!key->namespace_scope)
        return -1;
    caller = svc_caller_of_scope(scope);
    key->protocol = TCP;
    key->port_be = bpf_htons((__u16)bpf_ntohl(ctx->remote_port));
    if (ctx->family == FAMILY_INET6) {
        /* Word by word: the kernel takes no wider reads here, and the compiler would merge them. */
        const volatile __u32 *remote = ctx->remote_ip6;
        __u32 words[4] = {remote[0], remote[1], remote[2], remote[3]};

        __builtin_memcpy(key->address, words, sizeof(words));
    } else {
        __u32 word = ctx->remote_ip4;

        key->address[10] = 0xff;
        key->address[11] = 0xff;
        __builtin_memcpy(key->address + 12, &word, sizeof(word));
    }
    return (int)caller;
}

/* The state of an endpoint, if it is really the one at this address. */
static __always_inline struct svc_outlier *outlier_at(const struct svc_peer_key *key, __u32 endpoint)
{
    struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);

    return outlier && svc_outlier_matches(outlier, key) ? outlier : 0;
}

static __always_inline void count_outcome(__u32 endpoint, enum svc_outcome_kind kind)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);

    if (!stats)
        return;
    if (kind == STARTED) {
        stats->connections += attempts_take(endpoint);
        return;
    }
    /* Without branches: merged ones would end in an offset that depends on the path, which needs
     * CAP_PERFMON. */
    stats->established += kind == ESTABLISHED;
    stats->refused += kind == REFUSED;
    stats->timed_out += kind == TIMED_OUT;
    stats->retransmitted += kind == RETRANSMITTED;
    stats->gave_up += kind == GAVE_UP;
    stats->reset_early += kind == RESET_EARLY;
    stats->closed += kind == CLOSED || kind == RESET_EARLY;
}

/* Of an endpoint whose service balances by load. */
static __always_inline void count_open(struct svc_outlier *outlier, enum svc_outcome_kind kind)
{
    if (!outlier->load_weight)
        return;
    if (kind == ESTABLISHED)
        __sync_fetch_and_add(&outlier->open, 1);
    else if (kind == CLOSED || kind == RESET_EARLY)
        __sync_fetch_and_add(&outlier->open, -1);
}

/*
 * A refusal that came after a retransmission is one failure, and the retransmission was counted as it. SYNs
 * that a program sends out of an interface of its own choice are its own affair.
 */
static __always_inline int is_failure(struct bpf_sock_ops *ctx, enum svc_outcome_kind kind)
{
    if (kind == RETRANSMITTED)
        return !(ctx->sk && ctx->sk->bound_dev_if);
    return (kind == REFUSED && ctx->total_retrans == 0) || kind == RESET_EARLY;
}

/* Whether the endpoint answers on networks that the task is not on says nothing. */
static __attribute__((noinline)) int is_elsewhere(__u32 endpoint)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    const struct svc_endpoint_key key = {.endpoint = endpoint};
    const struct svc_endpoint_networks *there;

    if (!scope->networks)
        return 0;
    there = bpf_map_lookup_elem(&endpoint_networks, &key);
    return there && svc_is_far(there->networks, scope->networks);
}

/* Every endpoint at the socket's remote address takes part in what happened. The first of them; 0: there is none. */
__attribute__((noinline)) int record(struct bpf_sock_ops *ctx, __u32 kind)
{
    struct svc_peer_key key = {};
    __u32 endpoint, first;
    int failed, caller;

    caller = peer_key(ctx, &key);
    if (caller < 0)
        return 0;
    endpoint = peer_find(&key);
    first = endpoint;
    if (is_calling_counted() && kind != STARTED && kind != ESTABLISHED)
        (void)caller_outcome(ctx, (__u32)caller, &key, kind, endpoint != 0);
    if (!endpoint)
        return 0;
    failed = is_failure(ctx, kind);
    for (int i = 0; i < SVC_MAX_PEERS; i++) {
        struct svc_outlier *outlier = outlier_at(&key, endpoint);

        if (!outlier)
            break;
        count_outcome(endpoint, kind);
        count_open(outlier, kind);
        if (failed && !is_elsewhere(endpoint))
            (void)fail(endpoint, kind);
        endpoint = *(volatile __u32 *)&outlier->next;
        if (!endpoint)
            break;
    }
    return (int)first;
}

/* A connect that begins has found a route: what that says of the family is the task's. */
static __always_inline void note_family(const struct svc_peer_key *peer)
{
    struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    __u64 family = SVC_REACHED_IPV4;

    if (!svc_is_mapped(peer->address))
        family = svc_is_ipv6_loopback(peer->address) ? 0 : SVC_REACHED_IPV6;
    if (family & ~scope->reached)
        scope->reached |= family;
}

static __always_inline void count_of_task(void)
{
    struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);

    __sync_fetch_and_add(&scope->reached, SVC_REACHED_ONE_CONNECT);
}

static __always_inline void on_connect(struct bpf_sock_ops *ctx)
{
    struct svc_peer_key key = {};
    int flags = (int)ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG;
    int first, caller;

    caller = peer_key(ctx, &key);
    if (caller < 0)
        return;
    note_family(&key);
    first = record(ctx, STARTED);
    if (!first)
        return;
    count_of_task();
    if (is_calling_counted())
        caller_begin(ctx, (__u32)caller, &key, (__u32)first);
    if (is_any_limited() && patience_begin(ctx, &key))
        flags |= PATIENCE_IS_SET;
    (void)bpf_sock_ops_cb_flags_set(ctx, flags);
}

/* An error that the kernel gives a socket before it closes it, FACT_UNKNOWN if that cannot be read here. */
static __attribute__((noinline)) int error_of(struct bpf_sock_ops *ctx)
{
    const struct bpf_sock *sk = ctx->sk;

    return sk ? fact_of(&fact_error, sk) : FACT_UNKNOWN;
}

/*
 * A connect has ended without a connection. A reset has come, or only some other segment, and the program has
 * closed the socket, or somebody has destroyed it?
 */
static __always_inline int is_refused(struct bpf_sock_ops *ctx)
{
    int error;

    if (ctx->segs_in == 0)
        return 0;
    error = error_of(ctx);
    return error == FACT_UNKNOWN || error == ECONNREFUSED;
}

/*
 * A connection on which no byte has come back is closed. More than the SYN-ACK has come: an application that
 * aborts at once, a port check perhaps, is no reset. Whose reset it is, the program's own (SO_LINGER 0), its
 * time limit or the endpoint's, the error tells, which only what came from outside has set by now. Where that
 * cannot be read, nobody is blamed.
 */
static __always_inline int is_reset_early(struct bpf_sock_ops *ctx)
{
    return ctx->bytes_received == 0 && ctx->segs_in > 1 && error_of(ctx) == ECONNRESET;
}

static __always_inline void on_state(struct bpf_sock_ops *ctx)
{
    __u32 before = ctx->args[0];
    __u32 after = ctx->args[1];
    __u32 kind = CLOSED;
    int first;

    if (before == BPF_TCP_SYN_SENT && ctx->bpf_sock_ops_cb_flags & PATIENCE_IS_SET)
        (void)patience_end(ctx);
    if (before == BPF_TCP_SYN_SENT && after == BPF_TCP_ESTABLISHED)
        kind = ESTABLISHED;
    else if (after != BPF_TCP_CLOSE || before == BPF_TCP_CLOSE)
        return;
    else if (before == BPF_TCP_ESTABLISHED && is_reset_early(ctx))
        kind = RESET_EARLY;
    else if (before == BPF_TCP_SYN_SENT && is_refused(ctx))
        kind = REFUSED;
    /* Without its RTO flag the socket has timed out, and that is counted. */
    else if (before == BPF_TCP_SYN_SENT && !(ctx->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_RTO_CB_FLAG))
        return;
    else if (before == BPF_TCP_SYN_SENT)
        kind = GAVE_UP;
    first = record(ctx, kind);
    if (kind == ESTABLISHED && first)
        (void)first_byte_begin(ctx, (__u32)first);
}

/* Every endpoint at the socket's remote address has answered so fast, and the caller was told so. */
static __attribute__((noinline)) int first_byte_record(struct bpf_sock_ops *ctx, __u32 us)
{
    struct svc_peer_key key = {};
    int caller = peer_key(ctx, &key);
    __u32 endpoint;

    if (caller < 0)
        return 0;
    if (is_calling_counted())
        (void)caller_first_byte(ctx, (__u32)caller, &key, us);
    endpoint = peer_find(&key);
    for (int i = 0; i < SVC_MAX_PEERS && endpoint; i++) {
        struct svc_outlier *outlier = outlier_at(&key, endpoint);

        if (!outlier)
            break;
        first_byte_average(outlier, us);
        (void)first_byte_count(endpoint, us);
        endpoint = *(volatile __u32 *)&outlier->next;
    }
    return 0;
}

static __always_inline void on_segment(struct bpf_sock_ops *ctx)
{
    __u32 us = is_first_byte_awaited(ctx) ? first_byte_look(ctx) : 0;

    if (us)
        (void)first_byte_record(ctx, us);
}

static __always_inline void on_rto(struct bpf_sock_ops *ctx)
{
    __u32 retransmits = ctx->args[0];
    __u32 expired = ctx->args[2];

    if (ctx->state != BPF_TCP_SYN_SENT)
        return;
    if (retransmits == 0)
        (void)record(ctx, RETRANSMITTED);
    if (expired) {
        (void)record(ctx, TIMED_OUT);
        (void)bpf_sock_ops_cb_flags_set(ctx, (int)ctx->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_RTO_CB_FLAG);
    }
}

static __always_inline void on_timeout_init(struct bpf_sock_ops *ctx)
{
    __u32 ticks = patience_of_syn(ctx);

    if (ticks)
        ctx->reply = ticks;
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops *ctx)
{
    switch (ctx->op) {
    case BPF_SOCK_OPS_TIMEOUT_INIT:
        on_timeout_init(ctx);
        break;
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
        on_connect(ctx);
        break;
    case BPF_SOCK_OPS_STATE_CB:
        on_state(ctx);
        break;
    case BPF_SOCK_OPS_RTO_CB:
        on_rto(ctx);
        break;
    case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
        on_segment(ctx);
        break;
    }
    return 1;
}

#endif
