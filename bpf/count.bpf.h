/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counters. Per CPU and plain additions: a program is not preempted by another one on its CPU that counts
 * here. */
#ifndef COUNT_BPF_H
#define COUNT_BPF_H

#include "maps.bpf.h"

/* This CPU's counters; the lookup of a constant index in an array is folded into an address by the JIT. */
static __always_inline struct svc_counters *counters_here(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&counters, &zero);
}

#define COUNT(member)                                                                                        \
    do {                                                                                                     \
        struct svc_counters *counters_ = counters_here();                                                    \
        if (counters_)                                                                                       \
            counters_->member++;                                                                             \
    } while (0)

static __always_inline void count_endpoint(__u32 endpoint)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct svc_endpoint_stats *stats = bpf_map_lookup_elem(&endpoint_stats, &key);

    /* Gone: the endpoint was removed between the draw and here; the connect still belongs to its alias. */
    if (stats)
        stats->connections++;
}

#endif
