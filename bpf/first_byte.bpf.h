/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long endpoints take to answer, of some of the connections (first_byte.h). A connection that is measured asks the kernel
 * to be called for each segment that it sends: the first with data is the question, the first after data has come tells that
 * there is an answer, and is the last call. Nothing else of a socket tells that moment: PARSE callbacks miss what the kernel
 * takes by header prediction, and round trips are those of acknowledgements. TLS's own handshake is an answer, too.
 */
#ifndef FIRST_BYTE_BPF_H
#define FIRST_BYTE_BPF_H

#include <svcconnect/first_byte.h>

#include "maps.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_FIRST_BYTE_WAITS);
    __type(key, __u32);
    __type(value, struct svc_first_byte_wait);
} first_byte_waits SEC(".maps");

/* Of endpoints that a connection has been measured to; there is no other way to have many and pay for few. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_endpoint_key);
    __type(value, struct svc_first_byte);
} first_bytes SEC(".maps");

/* Set by the daemon at load: 2^fade ticks are some eight seconds. */
const volatile __u32 fade = 11;

/*
 * Says that it was these programs that have asked for the callbacks, not another's. The kernel calls for this flag only when
 * options come that it does not know; patience.bpf.h has done with it by then.
 */
#define FIRST_BYTE_IS_AWAITED BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG
#define FIRST_BYTE_FLAGS      (FIRST_BYTE_IS_AWAITED | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)

static __always_inline struct svc_first_byte_wait *first_byte_place(__u64 cookie)
{
    __u32 place = (__u32)cookie & (SVC_FIRST_BYTE_WAITS - 1);

    return bpf_map_lookup_elem(&first_byte_waits, &place);
}

static __always_inline __u32 ticks_now(void)
{
    return (__u32)bpf_jiffies64();
}

/* How long the connection's answer took, us; 0: it was not measured, or another one is in its place by now. */
static __attribute__((noinline)) __u32 first_byte_of(struct bpf_sock_ops *ctx)
{
    __u64 cookie = bpf_get_socket_cookie(ctx);
    const struct svc_first_byte_wait *wait = first_byte_place(cookie);

    return wait && wait->cookie == cookie ? wait->took_us : 0;
}

static __always_inline int is_measured(struct bpf_sock_ops *ctx, const struct svc_outlier *outlier)
{
    if (svc_is_timed(outlier->timed, ctx->local_port))
        return 1;
    return outlier->timed && outlier->is_by_time && svc_is_time_due(ticks_now() - outlier->measured_at, fade);
}

/*
 * The connection is established: `first` is the first endpoint at its address. What has been sent with the SYN (TCP Fast Open)
 * has been sent a round trip ago.
 */
static __attribute__((noinline)) int first_byte_begin(struct bpf_sock_ops *ctx, __u32 first)
{
    struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &first);
    struct svc_first_byte_wait *wait;
    __u64 cookie;
    int flags = (int)ctx->bpf_sock_ops_cb_flags;

    if (!outlier)
        return 0;
    if (outlier->is_by_time)
        outlier->handshake_us = svc_time_average(outlier->handshake_us, (ctx->srtt_us >> 3) + 1, 0, fade);
    if (!is_measured(ctx, outlier) || flags & FIRST_BYTE_FLAGS)
        return 0;
    cookie = bpf_get_socket_cookie(ctx);
    wait = first_byte_place(cookie);
    if (!wait)
        return 0;
    wait->cookie = cookie;
    wait->since = bpf_ktime_get_ns();
    wait->took_us = 0;
    wait->segments = 0;
    wait->has_sent = ctx->data_segs_out != 0;
    if (wait->has_sent)
        wait->since -= (__u64)(ctx->srtt_us >> 3) * 1000;
    (void)bpf_sock_ops_cb_flags_set(ctx, flags | FIRST_BYTE_FLAGS);
    return 0;
}

static const struct svc_first_byte first_byte_none = {0};

static __always_inline void first_byte_into(struct svc_first_byte *counted, __u32 us)
{
    __u64 bucket = svc_first_byte_bucket(us);

    /* As in caller_outcome(). */
    asm volatile("" : "+r"(bucket));
    if (bucket < SVC_FIRST_BYTE_BUCKETS)
        __sync_fetch_and_add(&counted->buckets[bucket], 1);
    __sync_fetch_and_add(&counted->sum_us, us);
}

/* Into the endpoint's histogram, which is made with the first. */
static __attribute__((noinline)) int first_byte_count(__u32 endpoint, __u32 us)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_first_byte *counted = bpf_map_lookup_elem(&first_bytes, &key);

    if (!counted) {
        (void)bpf_map_update_elem(&first_bytes, &key, &first_byte_none, BPF_NOEXIST);
        counted = bpf_map_lookup_elem(&first_bytes, &key);
    }
    if (counted)
        first_byte_into(counted, us);
    return 0;
}

static __always_inline void first_byte_average(struct svc_outlier *outlier, __u32 us)
{
    __u32 now = ticks_now();

    outlier->first_byte_us = svc_time_average(outlier->first_byte_us, us, now - outlier->measured_at, fade);
    outlier->measured_at = now;
}

static __always_inline int has_fin_come(__u32 state)
{
    return state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_LAST_ACK || state == BPF_TCP_CLOSING ||
           state == BPF_TCP_TIME_WAIT || state == BPF_TCP_CLOSE;
}

/* A segment is about to be sent on a connection that is measured. How long its answer took, if that has come by now; 0. */
static __attribute__((noinline)) __u32 first_byte_look(struct bpf_sock_ops *ctx)
{
    __u64 cookie = bpf_get_socket_cookie(ctx);
    struct svc_first_byte_wait *wait = first_byte_place(cookie);
    __u32 took = 0;

    if (wait && wait->cookie == cookie) {
        if (ctx->bytes_received == 0) {
            if (!wait->has_sent && ctx->skb_len)
                wait->since = bpf_ktime_get_ns();
            wait->has_sent |= ctx->skb_len != 0;
            if (++wait->segments < SVC_FIRST_BYTE_SEGMENTS)
                return 0;
        } else if (svc_payload_received(ctx->bytes_received, has_fin_come(ctx->state))) {
            took = svc_time_us(bpf_ktime_get_ns() - wait->since);
            wait->took_us = took;
        }
    }
    (void)bpf_sock_ops_cb_flags_set(ctx, (int)ctx->bpf_sock_ops_cb_flags & ~FIRST_BYTE_FLAGS);
    return took;
}

/* Is the segment one that may tell something? Not one that is only measured for, nor the handshake's last. */
static __always_inline int is_first_byte_awaited(struct bpf_sock_ops *ctx)
{
    return ctx->args[0] != BPF_WRITE_HDR_TCP_CURRENT_MSS &&
           ctx->bpf_sock_ops_cb_flags & FIRST_BYTE_IS_AWAITED && (ctx->skb_len || ctx->bytes_received);
}

#endif
