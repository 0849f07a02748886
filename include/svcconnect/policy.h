/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who may call whom, as the programs and userspace agree on it: which tasks may connect to the aliases of services with a
 * policy, and to the addresses of their endpoints. A client is a task, by its cgroup: what a task is called is known when it
 * is attached, and the daemon writes down then what it may call.
 *
 * Example: `backend` has a policy, which is number 3; the task of cgroup 815 is of `frontend`, which it allows.
 *   services[...].flags >> SVC_POLICY_SHIFT == 3, of every alias that leads to `backend`
 *   policy_addresses[{10.0.0.7, port 8080, TCP}].policy == 3
 *   policy_pairs[{815, 3}].verdict == POLICY_ALLOWED
 */
#ifndef SVCCONNECT_POLICY_H
#define SVCCONNECT_POLICY_H

#include <svcconnect/abi.h>

/* Of the flags of an svc_service: what is above is the number of a policy; 0: everybody may call it. */
#define SVC_POLICY_SHIFT 12

#define SVC_MAX_POLICIES         16384u
#define SVC_MAX_POLICY_PAIRS     262144u
#define SVC_POLICY_SERVICES_SIZE 1408

enum svc_policy_verdict {
    POLICY_REFUSED = 0,
    POLICY_ALLOWED = 1,
    POLICY_AUDITED = 2, /* would be refused, if the policy were in force: it is counted and told */
};

/* Key of `policies`, and its value: for people, for adoption, and for who is met by no pair. */
struct svc_policy_key {
    __u32 policy;
};

struct svc_policy {
    enum svc_policy_verdict others; /* of tasks that have no pair: REFUSED or AUDITED */
    __u32 zero;
    __u64 refused; /* connects and datagrams; by the programs, as the next */
    __u64 audited; /* that would have been */
    char services
        [SVC_POLICY_SERVICES_SIZE]; /* "NS/A"; "NS/A & NS/B": all must allow; "NS/A | NS2/B": one must */
};

/* Key of `policy_pairs`. */
struct svc_policy_pair_key {
    __u64 cgroup_id;
    __u32 policy;
    __u32 zero;
};

struct svc_policy_pair {
    enum svc_policy_verdict verdict;
    __u32 zero;
    __u64 refused; /* connects and datagrams that were, or would have been: by the programs */
};

/* Key of `policy_addresses`: an endpoint's own address, whoever goes there. */
struct svc_policy_address_key {
    __u8 address[16];
    __be16 port_be;
    __u8 protocol; /* enum svc_protocol */
    __u8 zero;
};

struct svc_policy_address {
    __u32 policy;
};

_Static_assert(sizeof(struct svc_policy_pair_key) == 16, "svc_policy_pair_key has no padding");
_Static_assert(sizeof(struct svc_policy_pair) == 16, "svc_policy_pair has no padding");
_Static_assert(sizeof(struct svc_policy_address_key) == 20, "svc_policy_address_key has no padding");

/* The number of the policy of a service as the programs read it. */
static __inline__ __attribute__((always_inline)) __u32 svc_policy_of(__u32 flags)
{
    return flags >> SVC_POLICY_SHIFT;
}

/* What holds for a task: its pair's word, else that for others; who is not known to either is refused. */
static __inline__ __attribute__((always_inline)) enum svc_policy_verdict
svc_policy_decide(const struct svc_policy_pair *pair, const struct svc_policy *policy)
{
    if (pair)
        return pair->verdict;
    return policy ? policy->others : POLICY_REFUSED;
}

/* Is the refusal with this number, counted from 1, one to be told? The first, and ever fewer. */
static __inline__ __attribute__((always_inline)) int svc_policy_is_told(__u64 refused)
{
    return (refused & (refused - 1)) == 0;
}

#endif
