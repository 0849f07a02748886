/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every map of the data path. Sizes written here are the defaults; the daemon sets its own before loading. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <svcconnect/abi.h>
#include <svcconnect/policy.h>

/* What a client alias resolves to, for people and for adoption; the programs read `alias_index`. NO_PREALLOC: most hosts use a fraction of the capacity. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ALIASES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_alias_key);
    __type(value, struct svc_alias);
} aliases SEC(".maps");

/* From an alias's key to its place in `services`: what the programs read instead of `aliases`. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ALIASES * 2 / SVC_BUCKET_WORDS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_bucket);
} alias_index SEC(".maps");

/* Identity and table descriptors per alias; userspace publishes by a store into the mapped memory. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ALIASES);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_service);
} services SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_SLOTS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_slot);
} slots SEC(".maps");

/* For people and for adoption; the programs never read it. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_endpoint_key);
    __type(value, struct svc_endpoint);
} endpoints SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_endpoint_key);
    __type(value, struct svc_endpoint_stats);
} endpoint_stats SEC(".maps");

/* Connects on their way from connect() to TCP_CONNECT_CB, by shard and endpoint number. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_attempts);
} attempts SEC(".maps");

/* From an address back to the endpoints that have it, for people and for adoption. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_peer_key);
    __type(value, struct svc_peer);
} peers SEC(".maps");

/* Of endpoints in containers; read when a connect has failed. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_endpoint_key);
    __type(value, struct svc_endpoint_networks);
} endpoint_networks SEC(".maps");

/* The same for sock_ops, which sees addresses only: to the first endpoint, whose `next` leads on. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS * 2 / SVC_BUCKET_WORDS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_bucket);
} peer_index SEC(".maps");

/* By endpoint number, which begins at 1. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_outlier);
} outliers SEC(".maps");

/* Failures, ejections and returns, for a daemon that listens; nothing depends on its being read. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, SVC_EVENTS_BYTES);
} events SEC(".maps");

/* For people and for adoption; the programs read task_scope. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_TASKS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_task_key);
    __type(value, struct svc_task);
} tasks SEC(".maps");

/* The u64 key makes one storage per cgroup, shared by all hooks and seen from descendant cgroups. */
struct {
    __uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
    __type(key, __u64);
    __type(value, struct svc_task_scope);
} task_scope SEC(".maps");

/* By number, which begins at 1; [0] has the heartbeat. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_TASKS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_resolver);
} resolvers SEC(".maps");

/* Of UDP sockets that have sent to an alias. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct svc_flows);
} flows SEC(".maps");

/* Of TCP sockets whose connect has a time limit. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct svc_patience);
} patience SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct svc_counters);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct svc_refusals);
} refusals SEC(".maps");

/* Which endpoints are this host's: bits, and where those are. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS / SVC_ENDPOINTS_PER_WORD + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, __u64);
} local_endpoints SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_neighbour);
} neighbours SEC(".maps");

/* What one network namespace calls another. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_MAX_NETNS_PAIRS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_netns_pair);
    __type(value, __u32);
} netns_ids SEC(".maps");

/* Who may call services that not everybody may: see policy.h. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_MAX_POLICIES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_policy_key);
    __type(value, struct svc_policy);
} policies SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_MAX_POLICY_PAIRS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_policy_pair_key);
    __type(value, struct svc_policy_pair);
} policy_pairs SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_DEFAULT_ENDPOINTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct svc_policy_address_key);
    __type(value, struct svc_policy_address);
} policy_addresses SEC(".maps");

/* Lets a daemon tell whether it knows what is pinned. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct svc_layout);
} layout SEC(".maps");

/* Lets a daemon tell whether its registry is the one that filled these maps; the programs never read it. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_registry_seen);
} registry_seen SEC(".maps");

#endif
