/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which endpoints are to be skipped: the state that sock_ops keeps and connects read. */
#ifndef OUTLIER_BPF_H
#define OUTLIER_BPF_H

#include <svcconnect/decision.h>

#include "count.bpf.h"

static __always_inline void tell(__u64 now, __u32 endpoint, enum svc_event_kind kind,
                                 enum svc_outcome_kind outcome, __u32 value)
{
    struct svc_event event = {
        .time = now, .endpoint = endpoint, .kind = kind, .outcome = outcome, .value = value};

    if (bpf_ringbuf_output(&events, &event, sizeof(event), 0) < 0)
        COUNT(events_lost);
}

/*
 * Is the endpoint ejected? *now is read once, and only if any endpoint asked about has been ejected: the
 * clock costs more than all the rest. An ejection whose time is over ends here.
 */
static __always_inline int is_ejected(__u32 endpoint, __u64 *now)
{
    struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    __u64 until;

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
    tell(*now, endpoint, RETURNED, ESTABLISHED, 0);
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

static __always_inline void fail(struct svc_outlier *outlier, __u32 endpoint, enum svc_outcome_kind kind)
{
    __u64 now = bpf_ktime_get_ns();
    __u32 duration;

    if (outlier->ejected_until > now)
        return;
    duration = svc_outlier_fail(outlier, now);
    if (duration) {
        count_ejection(endpoint);
        tell(now, endpoint, EJECTED, kind, duration);
    } else if (svc_history_newest(outlier->history) <= TOLD_PER_PART) {
        tell(now, endpoint, CONNECT_FAILED, kind, 0);
    }
}

/*
 * A connect is sent to the endpoint: counts it, and judges those before it that have come to nothing. TCP
 * only: no callback tells that a datagram socket has connected.
 */
static __always_inline void count_connect(__u32 endpoint, __u8 protocol)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);
    struct svc_outlier *outlier;

    /* Gone: the endpoint was removed between the draw and here; the connect still belongs to its alias. */
    if (!stats)
        return;
    stats->connections++;
    if (protocol != TCP || stats->unstarted++ < SVC_UNSTARTED_FAILURES)
        return;
    stats->unreachable++;
    outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    if (outlier)
        fail(outlier, endpoint, UNREACHABLE);
}

#endif
