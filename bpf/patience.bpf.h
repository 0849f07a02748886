/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long a connect may wait for an answer (connectTimeoutSeconds): TCP_USER_TIMEOUT while the socket
 * connects, taken back when that is over. A value that the application has set itself stays. Kernels that
 * cannot say what is set (before 6.1) get TCP_SYNCNT, which counts retries: the time is rounded up to 3, 7,
 * 15, 31 or 63 seconds.
 */
#ifndef PATIENCE_BPF_H
#define PATIENCE_BPF_H

#include <linux/in.h>
#include <linux/tcp.h>

#include <svcconnect/decision.h>

#include "outlier.bpf.h"

static __always_inline void patience_begin(struct bpf_sock_addr *ctx, __u32 endpoint)
{
    const struct svc_outlier *any = outlier_of_any();
    struct svc_outlier *outlier;
    int timeout, current = 0;

    if (!any || any->connect_timeout_ms == 0)
        return;
    outlier = bpf_map_lookup_elem(&outliers, &endpoint);
    if (!outlier || outlier->connect_timeout_ms == 0)
        return;
    timeout = (int)outlier->connect_timeout_ms;
    if (bpf_getsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &current, sizeof(current)) == 0) {
        if (current == 0)
            (void)bpf_setsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
        return;
    }
    current = (int)svc_syn_retries((__u32)timeout);
    if (current)
        (void)bpf_setsockopt(ctx, IPPROTO_TCP, TCP_SYNCNT, &current, sizeof(current));
}

static __always_inline void patience_end(struct bpf_sock_ops *ctx, __u32 timeout_ms)
{
    int current = 0, none = 0;

    if (timeout_ms == 0 || bpf_getsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &current, sizeof(current)) < 0)
        return;
    if (current == (int)timeout_ms)
        (void)bpf_setsockopt(ctx, IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof(none));
}

#endif
