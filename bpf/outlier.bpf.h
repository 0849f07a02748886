/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which endpoints are to be skipped: the state that sock_ops keeps and connects read. */
#ifndef OUTLIER_BPF_H
#define OUTLIER_BPF_H

#include <svcconnect/decision.h>

#include "count.bpf.h"
#include "kernel_facts.bpf.h"
#include "peer_index.bpf.h"

/* A function of its own: what it puts on the stack would stand on the way of every draw. */
static __attribute__((noinline)) int tell(__u64 now, __u32 endpoint, enum svc_event_kind kind,
                                          enum svc_outcome_kind outcome, __u32 value)
{
    struct svc_event event = {
        .time = now, .endpoint = endpoint, .kind = kind, .outcome = outcome, .value = value};

    if (bpf_ringbuf_output(&events, &event, sizeof(event), 0) < 0)
        COUNT(events_lost);
    return 0;
}

/* What holds for any endpoint; a constant index costs no call. */
static __always_inline struct svc_outlier *outlier_of_any(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&outliers, &zero);
}

/*
 * Is the endpoint ejected? *now is read once, and only if any endpoint asked about has been ejected: the
 * clock costs more than all the rest. An ejection whose time is over ends here.
 */
static __always_inline int is_ejected(__u32 endpoint, __u64 *now)
{
    const struct svc_outlier *any = outlier_of_any();
    struct svc_outlier *outlier;
    __u64 until;

    if (!any || *(const volatile __u64 *)&any->ejected_until == 0)
        return 0;
    outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    if (!outlier)
        return 0;
    until = *(volatile __u64 *)&outlier->ejected_until;
    if (until == 0)
        return 0;
    if (*now == 0)
        *now = bpf_ktime_get_ns();
    if (until > *now)
        return 1;
    outlier->ejected_until = 0;
    (void)tell(*now, endpoint, RETURNED, ESTABLISHED, 0);
    return 0;
}

static __always_inline void count_ejection(__u32 endpoint)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);

    if (stats)
        stats->ejections++;
}

/* A burst of failures is told by its first few; the counters have them all. */
#define TOLD_PER_PART 5

/* A connect to the endpoint has failed. A global function: the verifier walks it once, not once for every way
 * to get here. */
__attribute__((noinline)) int fail(__u32 endpoint, __u32 outcome)
{
    struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    struct svc_outlier *any = outlier_of_any();
    __u64 now = bpf_ktime_get_ns();
    __u32 duration;

    if (!outlier || !any || outlier->ejected_until > now)
        return 0;
    duration = svc_outlier_fail(outlier, now);
    if (duration) {
        *(volatile __u64 *)&any->ejected_until = now;
        count_ejection(endpoint);
        (void)tell(now, endpoint, EJECTED, outcome, duration);
    } else if (svc_history_newest(outlier->history) <= TOLD_PER_PART) {
        (void)tell(now, endpoint, CONNECT_FAILED, outcome, 0);
    }
    return 0;
}

/* Set by the daemon at load: shards - 1, and how many endpoint numbers each of them has. */
const volatile __u32 attempts_mask = 0;
const volatile __u32 attempts_stride = SVC_DEFAULT_ENDPOINTS + 1;

static __always_inline struct svc_attempts *attempts_here(__u32 endpoint)
{
    __u32 index = (bpf_get_smp_processor_id() & attempts_mask) * attempts_stride + endpoint;

    return bpf_map_lookup_elem(&attempts, &index);
}

/* Those so far, which the caller counts from now on. */
static __always_inline __u64 attempts_take(__u32 endpoint)
{
    struct svc_attempts *here = attempts_here(endpoint);
    __u64 connects = here ? *(volatile __u64 *)&here->connects : 0;

    if (connects)
        __sync_fetch_and_add(&here->connects, -connects);
    return connects;
}

/*
 * Is it one of those that sock_ops goes through, the first few at its address? What the others have noted is
 * never taken over, so that all their connects seem not to have begun.
 */
static __always_inline int is_judged(__u32 endpoint, const struct svc_outlier *outlier)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    struct svc_peer_key key = {
        .namespace_scope = scope->namespace_scope, .port_be = outlier->port_be, .protocol = TCP};
    __u32 at;

    __builtin_memcpy(key.address, outlier->address, sizeof(key.address));
    at = peer_among(&key); /* rare, and shorter */
    for (int i = 0; i < SVC_MAX_PEERS && at; i++) {
        const struct svc_outlier *cell;

        if (at == endpoint)
            return 1;
        cell = bpf_map_lookup_elem(&outliers, &at);
        at = cell ? *(const volatile __u32 *)&cell->next : 0;
    }
    return 0;
}

/*
 * Has the task been anywhere in the endpoint's family? If not, that is what is unreachable: no IPv6 in a
 * container, for instance.
 */
static __always_inline int is_family_reached(const struct svc_outlier *outlier)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);

    return (scope->reached & (svc_is_mapped(outlier->address) ? SVC_REACHED_IPV4 : SVC_REACHED_IPV6)) != 0;
}

/*
 * Too many connects in a row that no TCP connection has followed: this one has not begun. It is held against
 * the endpoint only if nobody has ever got through to it from here: an endpoint that was there once lacks no
 * route that it could do anything about, and a host that has run out of ports, or waits with its SYNs for
 * data, has got through before.
 */
__attribute__((noinline)) int count_unreachable(__u32 endpoint)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);
    const struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    struct svc_attempts *here = attempts_here(endpoint);

    if (!stats || !outlier || !here)
        return 0;
    __sync_fetch_and_add(&here->connects, -1);
    stats->connections++;
    if (stats->established || !is_judged(endpoint, outlier) || !is_family_reached(outlier))
        return 0;
    stats->unreachable++;
    return fail(endpoint, UNREACHABLE);
}

/* At once: nothing will tell that it has begun, or is to be concluded from that. */
static __always_inline void count_connection(__u32 endpoint)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);

    /* Gone: the endpoint was removed between the draw and here; what is sent still belongs to its alias. */
    if (stats)
        stats->connections++;
}

/* Is it the socket's own affair whether and when this connect begins: a source, an interface or a mark that it
 * is bound to, or a SYN that waits for data? */
static __attribute__((noinline)) int is_on_own_terms(struct bpf_sock_addr *ctx)
{
    struct bpf_sock *sk = ctx->sk;

    if (!sk)
        return 0;
    if (sk->bound_dev_if || sk->mark)
        return 1;
    if (sk->family == FAMILY_INET6) {
        const volatile __u32 *source = sk->src_ip6;
        __u32 a = source[0], b = source[1], c = source[2], d = source[3];

        if (a | b | c | d)
            return 1;
    } else if (sk->src_ip4) {
        return 1;
    }
    /* Of a Multipath TCP socket it is another structure. */
    return ctx->protocol == TCP && fact_of(&fact_defers_syn, sk) == 1;
}

/*
 * A connect is sent to the endpoint: notes it, and judges those before it that have come to nothing. TCP
 * only: no callback tells that a datagram socket has connected.
 */
static __always_inline void count_connect(struct bpf_sock_addr *ctx, __u32 endpoint, __u8 protocol)
{
    struct svc_attempts *here;

    if (protocol != TCP) {
        count_connection(endpoint);
        return;
    }
    here = attempts_here(endpoint);
    if (!here)
        return;
    /* Others that have not begun are rare. */
    if (*(volatile __u64 *)&here->connects && is_on_own_terms(ctx)) {
        count_connection(endpoint);
        return;
    }
    __sync_fetch_and_add(&here->connects, 1);
    if (*(volatile __u64 *)&here->connects > SVC_UNSTARTED_FAILURES)
        (void)count_unreachable(endpoint);
}

#endif
