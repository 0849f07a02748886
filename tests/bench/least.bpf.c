/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The least that the design can cost on a machine: one hash lookup for a miss, and for a hit the three reads
 * (alias, descriptor, slot) and the rewrite. No ejection, no counters, no retries, no other protocol. It uses
 * the daemon's own maps, in a cgroup of its own, so that its caches are as cold as those of connect4.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <svcconnect/decision.h>

/* Stand-ins: the pinned maps are put in their places before loading. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_alias_key);
    __type(value, struct svc_alias);
} aliases SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_service);
} services SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_slot);
} slots SEC(".maps");

const volatile __u32 scope = 0;

SEC("cgroup/connect4")
int least_connect4(struct bpf_sock_addr *ctx)
{
    __u32 address = ctx->user_ip4, random, column;
    struct svc_alias_key key = {.scope = scope, .protocol = TCP, .port_be = (__be16)ctx->user_port};
    const struct svc_service *service;
    const struct svc_alias *alias;
    const struct svc_slot *slot;
    struct svc_outcome outcome;
    __u32 count;

    key.address[10] = 0xff;
    key.address[11] = 0xff;
    __builtin_memcpy(key.address + 12, &address, sizeof(address));
    alias = bpf_map_lookup_elem(&aliases, &key);
    service = alias ? bpf_map_lookup_elem(&services, &alias->service) : 0;
    if (!service)
        return 1;
    count = svc_descriptor_count(service->table4);
    random = bpf_get_prandom_u32();
    column = svc_descriptor_first(service->table4) + svc_draw_column(random, count);
    slot = bpf_map_lookup_elem(&slots, &column);
    if (!slot)
        return 1;
    outcome = svc_slot_outcome(slot, svc_draw_fraction(random, count));
    ctx->user_ip4 = outcome.address[3];
    ctx->user_port = outcome.port_be;
    return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
