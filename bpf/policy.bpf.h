/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * May the task call that? Asked of aliases whose service has a policy, by a bit pattern in the line that is read anyway, and
 * of addresses that are none of ours while endpoints of such services have addresses of their own. Everybody else pays for
 * a comparison.
 */
#ifndef POLICY_BPF_H
#define POLICY_BPF_H

#include <svcconnect/policy.h>

#include "count.bpf.h"
#include "outlier.bpf.h"

static __always_inline struct svc_policy_pair *policy_pair_of(__u32 number,
                                                              struct svc_policy_pair_key *ret_key)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);

    ret_key->cgroup_id = scope->cgroup_id;
    ret_key->policy = number;
    ret_key->zero = 0;
    return bpf_map_lookup_elem(&policy_pairs, ret_key);
}

static __always_inline void count_policy(enum svc_policy_verdict verdict, struct svc_policy *policy)
{
    __u32 zero = 0;
    struct svc_refusals *here = bpf_map_lookup_elem(&refusals, &zero);

    if (verdict == POLICY_REFUSED) {
        if (here)
            here->policy++;
        if (policy)
            __sync_fetch_and_add(&policy->refused, 1);
    } else {
        if (here)
            here->audited++;
        if (policy)
            __sync_fetch_and_add(&policy->audited, 1);
    }
}

/* Is the task refused by the policy? Counts and tells what is, or would be. */
static __attribute__((noinline)) int policy_refuses(__u32 number)
{
    struct svc_policy_pair_key key;
    struct svc_policy_pair *pair = policy_pair_of(number, &key);
    enum svc_policy_verdict verdict;
    struct svc_policy *policy;

    if (pair && pair->verdict == POLICY_ALLOWED)
        return 0;
    policy = bpf_map_lookup_elem(&policies, &key.policy);
    verdict = svc_policy_decide(pair, policy);
    count_policy(verdict, policy);
    if (pair) {
        __sync_fetch_and_add(&pair->refused, 1);
        if (svc_policy_is_told(*(volatile __u64 *)&pair->refused))
            (void)tell(bpf_ktime_get_ns(), number, POLICY_TOLD, (enum svc_outcome_kind)verdict,
                       (__u32)key.cgroup_id);
    }
    return verdict == POLICY_REFUSED;
}

/* The same of a socket that goes on to where it has been: nothing is counted. */
static __attribute__((noinline)) int policy_parts(__u32 number)
{
    struct svc_policy_pair_key key;
    struct svc_policy_pair *pair = policy_pair_of(number, &key);

    return svc_policy_decide(pair, pair ? 0 : bpf_map_lookup_elem(&policies, &key.policy)) == POLICY_REFUSED;
}

/* Have endpoints of services with a policy addresses that are to be looked for? */
static __always_inline int has_policy_addresses(void)
{
    const struct svc_outlier *any = outlier_of_any();

    return any && *(const volatile __u32 *)&any->namespace_scope;
}

static __attribute__((noinline)) int policy_refuses_address(const struct svc_alias_key *key)
{
    struct svc_policy_address_key address = {.port_be = key->port_be, .protocol = key->protocol};
    const struct svc_policy_address *found;

    __builtin_memcpy(address.address, key->address, sizeof(address.address));
    found = bpf_map_lookup_elem(&policy_addresses, &address);
    return found && policy_refuses(found->policy);
}

#endif
