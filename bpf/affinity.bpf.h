/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who a client is to a service whose clients keep their endpoints. */
#ifndef AFFINITY_BPF_H
#define AFFINITY_BPF_H

#include <svcconnect/decision.h>

#include "maps.bpf.h"

#define AFFINITY_IS_PROCESS (1ull << 63)

/* `flags` of the service. 0: anybody, each draw is a new one. */
static __always_inline __u64 affinity_client(__u32 flags)
{
    const struct svc_task_scope *scope;

    if (!(flags & (SVC_SERVICE_AFFINITY_TASK | SVC_SERVICE_AFFINITY_PROCESS)))
        return 0;
    if (flags & SVC_SERVICE_AFFINITY_PROCESS)
        return AFFINITY_IS_PROCESS | bpf_get_current_pid_tgid() >> 32;
    scope = bpf_get_local_storage(&task_scope, 0);
    return scope->cgroup_id ? scope->cgroup_id : bpf_get_current_cgroup_id();
}

static __always_inline __u32 draw_word(__u64 client, __u32 attempt)
{
    return client ? svc_affinity_word(client, attempt) : bpf_get_prandom_u32();
}

#endif
