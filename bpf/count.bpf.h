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

#endif
