/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a destination to an endpoint: look up the alias, check its identity, draw from its table. */
#ifndef ROUTE_BPF_H
#define ROUTE_BPF_H

#include <svcconnect/decision.h>

#include "draw.bpf.h"

enum route_verdict {
    ROUTE_PASS,   /* no alias: leave the destination as it is */
    ROUTE_TO,     /* the outcome holds the endpoint */
    ROUTE_REFUSE, /* an alias with nowhere to go */
};

/* A lookup races with at most one recycled entry at a time; four in a row do not happen by chance. */
#define ROUTE_TRIES 4

static __always_inline struct svc_service *find_service(const struct svc_alias_key *key, int *ret_is_alias)
{
    *ret_is_alias = 1;
    for (int attempt = 0; attempt < ROUTE_TRIES; attempt++) {
        struct svc_alias *alias = bpf_map_lookup_elem(&aliases, key);
        struct svc_service *service;
        __u32 index;

        if (!alias) {
            *ret_is_alias = 0;
            return 0;
        }
        index = *(volatile __u32 *)&alias->service;
        service = bpf_map_lookup_elem(&services, &index);
        if (service && svc_service_matches(service, key))
            return service;
        COUNT(retried);
    }
    return 0;
}

/*
 * `is_v4`: the socket is AF_INET and reaches only IPv4 endpoints. On ROUTE_TO *ret_outcome is filled.
 */
static __always_inline enum route_verdict route(const struct svc_alias_key *key, int is_v4,
                                                struct svc_outcome *ret_outcome)
{
    struct svc_service *service;
    __u64 descriptor;
    int is_alias;

    service = find_service(key, &is_alias);
    if (!is_alias) {
        COUNT(miss);
        return ROUTE_PASS;
    }
    if (!service) {
        /* Passing through would reach whatever listens on the alias address: another service, perhaps. */
        COUNT(inconsistent);
        return ROUTE_REFUSE;
    }
    /* The one read that decides which table this connect sees. */
    descriptor = *(volatile __u64 *)(is_v4 ? &service->table4 : &service->table6);
    if (svc_descriptor_count(descriptor) == 0) {
        COUNT(no_endpoint);
        return ROUTE_REFUSE;
    }
    if (draw(descriptor, ret_outcome) < 0) {
        COUNT(inconsistent);
        return ROUTE_REFUSE;
    }
    COUNT(hit);
    count_connect(ret_outcome->endpoint, key->protocol);
    ret_outcome->flags = service->flags;
    return ROUTE_TO;
}

/* The scope of the task this socket's cgroup belongs to; 0 while none is set. */
static __always_inline __u32 task_scope_number(void)
{
    struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);

    return scope->scope;
}

#endif
