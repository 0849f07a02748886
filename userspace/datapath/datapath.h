/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's side, for the daemon: maps and links pinned under one bpffs directory, adopted from an earlier
 * run or made anew. The only folder that includes <bpf/...>. Nothing here decides anything: it reads and
 * writes entries.
 *
 *   BPFFS/maps/NAME               pinned maps
 *   BPFFS/links/TASK/connect4...  pinned links, TASK being a readable name that ends in -CGROUPID
 *
 * Opening builds in BPFFS/maps_new what cannot be adopted; datapath_activate() swaps the programs of every
 * link and then renames. Until then running tasks keep the old maps, so a daemon that dies in between has
 * changed nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>
#include <svcconnect/callers.h>
#include <svcconnect/first_byte.h>
#include <svcconnect/policy.h>

#include "base/error.h"

struct datapath;

struct datapath_config {
    const char *bpffs; /* directory on a bpffs; made if its parent is one */
    const char *cgroup_root;
    uint32_t aliases; /* sizes of the maps, in entries */
    uint32_t slots;
    uint32_t endpoints;
    uint32_t tasks;
    uint32_t expected_endpoints; /* that will be written at the start */
    /* Addresses in these that are no alias of a task's are refused to it; all others are let through unseen. */
    struct svc_alias_ranges alias_ranges;
    bool counts_callers;     /* callers.c; else the programs have nothing of it */
    uint32_t connection_log; /* SVC_LOG_...; needs counts_callers */
};

/* Entries of `services` that go with so many of `aliases`: one per alias, which has an IPv4 and an IPv6
 * entry. */
static inline uint32_t datapath_services(uint32_t aliases)
{
    return aliases < 2 ? 1 : aliases / 2;
}

enum datapath_origin {
    DATAPATH_NEW,      /* nothing was pinned */
    DATAPATH_ADOPTED,  /* same layout: the pinned maps are in use, entries as they were */
    DATAPATH_MIGRATED, /* other layout: the maps are new and empty; the each-functions read the old ones */
};

/* Are the privileges, mounts and kernel features there? One sentence for the first that is not; touches
 * nothing. */
int datapath_preflight(const struct datapath_config *config, struct error *error);

int datapath_open(const struct datapath_config *config, struct datapath **ret_datapath, struct error *error);
void datapath_close(struct datapath **datapath); /* NULL-safe; never detaches */

enum datapath_origin datapath_origin(const struct datapath *datapath);
/* Can the entries of what was pinned be read: it was adopted, or is of this layout version? */
bool datapath_is_readable(const struct datapath *datapath);

/* Of DATAPATH_MIGRATED: changes the sizes in *config to those of the maps that are pinned, with which a next
 * opening adopts them. False: they are of another version, and nothing has changed. */
bool datapath_pinned_sizes(const struct datapath *datapath, struct datapath_config *config);

/* What is pinned about the registry (before datapath_activate(): by an earlier run); setting it counts as no
 * write. */
struct svc_registry_seen datapath_registry_seen(const struct datapath *datapath);
void datapath_set_registry_seen(struct datapath *datapath, const struct svc_registry_seen *seen);

bool datapath_has_set_retval(const struct datapath *datapath);
/* Can the programs read of a socket what no context tells: its error, whether it is IPv6 only or defers its
 * SYN? */
bool datapath_has_socket_facts(const struct datapath *datapath);

uint64_t
datapath_writes(const struct datapath *datapath); /* entries written or deleted since it was opened */

/* Programs of all pinned links to this run's, then maps_new to maps. *ret_swapped: how many links were
 * updated. */
int datapath_activate(struct datapath *datapath, unsigned *ret_swapped, struct error *error);

/* ---- entries (entries.c). Negative errno; -E2BIG: the map is full. ---- */

/*
 * In between, entries that are put into `endpoints`, `endpoint_stats` and `peers` may be kept back, to be
 * written many at once. For the start: each is put once, none is deleted, and no program needs them yet. The
 * release tells what failed. Not nested.
 */
void datapath_hold(struct datapath *datapath);
int datapath_release(struct datapath *datapath);

int datapath_each_alias(struct datapath *datapath,
                        int (*on_alias)(const struct svc_alias_key *key, const struct svc_alias *alias,
                                        void *user),
                        void *user);
int datapath_each_endpoint(struct datapath *datapath,
                           int (*on_endpoint)(uint32_t number, const struct svc_endpoint *endpoint,
                                              void *user),
                           void *user);
int datapath_each_task(struct datapath *datapath,
                       int (*on_task)(uint64_t cgroup_id, const struct svc_task *task, void *user),
                       void *user);

/*
 * An alias's entry for people, and where programs find its service (aliases.c). A place that was kept for the key
 * before is taken, so that it cannot fail for want of one. -ENOSPC: there is none left.
 */
int datapath_put_alias(struct datapath *datapath, const struct svc_alias_key *key,
                       const struct svc_alias *alias);
int datapath_delete_alias(struct datapath *datapath, const struct svc_alias_key *key);

int datapath_keep_alias(struct datapath *datapath, const struct svc_alias_key *key);
void datapath_give_back_alias(struct datapath *datapath, const struct svc_alias_key *key);

/* At the start, when all entries are right: what programs find is those, and nothing else. Writes only
 * differences. */
int datapath_settle_aliases(struct datapath *datapath);

/* With its counters at 0, or at what the old maps said after a migration; those of an existing one stay. */
int datapath_put_endpoint(struct datapath *datapath, uint32_t number, const struct svc_endpoint *endpoint);
int datapath_delete_endpoint(struct datapath *datapath, uint32_t number);

/* Networks of this host that its address is on, a bit for each; 0: it can be reached from all. */
int datapath_put_endpoint_networks(struct datapath *datapath, uint32_t number, uint32_t networks);

/* In `peers`, where the addresses of endpoints lead to their numbers, and where programs find those (peers.c).
 * -ENOSPC: there is no place for the key. */
int datapath_put_peer(struct datapath *datapath, const struct svc_peer_key *key, uint32_t endpoint);
int datapath_delete_peer(struct datapath *datapath, const struct svc_peer_key *key);
/* As datapath_settle_aliases(). */
int datapath_settle_peers(struct datapath *datapath);
int datapath_each_peer(struct datapath *datapath,
                       int (*on_peer)(const struct svc_peer_key *key, uint32_t endpoint, void *user),
                       void *user);

int datapath_put_task(struct datapath *datapath, uint64_t cgroup_id, const struct svc_task *task);
int datapath_delete_task(struct datapath *datapath, uint64_t cgroup_id);

/* Sums over CPUs. -ENOENT for an endpoint that is not there. */
int datapath_endpoint_stats(struct datapath *datapath, uint32_t number, struct svc_endpoint_stats *ret_stats);
/* Of TCP connections that were measured; -ENOENT: none was (first_bytes.c). */
int datapath_first_byte(const struct datapath *datapath, uint32_t number,
                        struct svc_first_byte *ret_first_byte);
int datapath_counters(struct datapath *datapath, struct svc_counters *ret_counters);
int datapath_refusals(struct datapath *datapath, struct svc_refusals *ret_refusals);

/* ---- endpoints of this host (neighbours.c): whether somebody listens there is asked before a connect. What is written
 * follows what this run has seen, and counts as no write. ---- */

/* The network namespace that the endpoint is in, by cookie; SVC_NETNS_OF_CALLER: whichever the caller is in;
 * SVC_NETNS_NOT_YET: it will be known in a moment, and nobody is there until then; 0: not on this host, or not to be asked. Another one than before has not been seen yet. */
void datapath_set_neighbour(struct datapath *datapath, uint32_t number, uint64_t netns_cookie);
/*
 * Is a look-up that finds nobody believed from the beginning? Where a program has found somebody it is in any case. Kept as
 * a value of is_seen that no program writes, and that each takes for one.
 */
#define DATAPATH_NEIGHBOUR_FRESH 2u
void datapath_set_neighbour_fresh(struct datapath *datapath, uint32_t number, bool is_fresh);
uint64_t datapath_neighbour(const struct datapath *datapath, uint32_t number);
bool datapath_is_neighbour_seen(const struct datapath *datapath,
                                uint32_t number); /* has a program found anybody? */

/* What the pair's caller calls the target. Written only if it differs. */
int datapath_put_netns_id(struct datapath *datapath, const struct svc_netns_pair *pair, uint32_t id);
int datapath_delete_netns_id(struct datapath *datapath, const struct svc_netns_pair *pair);
/* A callback may delete the pair it is given. */
int datapath_each_netns_id(struct datapath *datapath,
                           int (*on_pair)(const struct svc_netns_pair *pair, uint32_t id, void *user),
                           void *user);

/* ---- who calls whom (callers.c). What is written follows what has been counted, and counts as no write. ---- */

/* Row 0 is for all that had no room; NULL for a number above SVC_CALLERS. The programs write it at any time. */
const struct svc_caller *datapath_caller(const struct datapath *datapath, uint32_t number);

/* The times to the first byte of the same row. */
const struct svc_first_byte *datapath_caller_first_byte(const struct datapath *datapath, uint32_t number);

/* What is counted there is from now on counted in row 0, and the row is free. What a program counts there at this very
 * moment may be lost. Row 0 stays. */
void datapath_drop_caller(struct datapath *datapath, uint32_t number);

/* As whom the task's connections are counted; 0: nobody in particular. -ENOENT: the cgroup is gone, or has no scope. */
int datapath_set_caller(struct datapath *datapath, uint64_t cgroup_id, uint32_t caller);

uint32_t datapath_task_caller(const struct datapath *datapath, uint64_t cgroup_id);

int datapath_put_caller_name(struct datapath *datapath, uint32_t caller, const struct svc_caller_name *name);
int datapath_delete_caller_name(struct datapath *datapath, uint32_t caller);
int datapath_each_caller_name(struct datapath *datapath,
                              int (*on_name)(uint32_t caller, const struct svc_caller_name *name, void *user),
                              void *user);

/*
 * Hands over up to so many of the connections that the programs have logged since the last time, the oldest first;
 * what nobody has read yet comes first after a restart. Returns how many: fewer than `most` were all.
 */
unsigned datapath_read_connections(struct datapath *datapath, unsigned most,
                                   void (*on_connection)(const struct svc_connection *connection, void *user),
                                   void *user);
/* ---- who may call whom (policies.c; <svcconnect/policy.h>). Until datapath_activate() a migration's old entries are walked,
 * and new ones written; else callbacks may not change what is walked. ---- */

/* What was counted so far is kept, of a pair too. */
int datapath_put_policy(struct datapath *datapath, uint32_t number, const struct svc_policy *policy);
int datapath_policy(const struct datapath *datapath, uint32_t number,
                    struct svc_policy *ret_policy); /* -ENOENT */
int datapath_delete_policy(struct datapath *datapath, uint32_t number);
int datapath_each_policy(struct datapath *datapath,
                         int (*on_policy)(uint32_t number, const struct svc_policy *policy, void *user),
                         void *user);

int datapath_put_policy_pair(struct datapath *datapath, uint64_t cgroup_id, uint32_t policy,
                             enum svc_policy_verdict verdict);
int datapath_delete_policy_pair(struct datapath *datapath, uint64_t cgroup_id, uint32_t policy);
/* -ENOENT. */
int datapath_policy_pair(const struct datapath *datapath, uint64_t cgroup_id, uint32_t policy,
                         struct svc_policy_pair *ret_pair);
int datapath_each_policy_pair(struct datapath *datapath,
                              int (*on_pair)(const struct svc_policy_pair_key *key,
                                             const struct svc_policy_pair *pair, void *user),
                              void *user);

int datapath_put_policy_address(struct datapath *datapath, const struct svc_policy_address_key *key,
                                uint32_t policy);
int datapath_delete_policy_address(struct datapath *datapath, const struct svc_policy_address_key *key);
int datapath_each_policy_address(struct datapath *datapath,
                                 int (*on_address)(const struct svc_policy_address_key *key, uint32_t policy,
                                                   void *user),
                                 void *user);

/* Do connects that go to no alias look for their address there? Written only if it differs. */
void datapath_guard_addresses(struct datapath *datapath, bool is_on);

/* ---- tables (tables.c): mapped memory, no system calls ---- */

const struct svc_service *datapath_service(const struct datapath *datapath, uint32_t index);
const struct svc_slot *datapath_slots(const struct datapath *datapath, uint32_t first);

/* Only while no alias entry leads to `index`, and a grace period after one did. Tables become empty. */
void datapath_set_identity(struct datapath *datapath, uint32_t index, const struct svc_service *identity);

/* Only in regions that no descriptor has referred to for a grace period. */
void datapath_write_slots(struct datapath *datapath, uint32_t first, const struct svc_slot *slots,
                          uint32_t count);

/* For how long a UDP socket keeps its endpoint without sending, and SVC_SERVICE_... flags; may change any
 * time. */
void datapath_set_manner(struct datapath *datapath, uint32_t index, uint32_t stickiness_ms, uint32_t flags);

/* The one visible step: stores both descriptors, each as one word, after the slots are in place. */
void datapath_publish(struct datapath *datapath, uint32_t index, uint64_t table4, uint64_t table6);

/*
 * The endpoint's outlier state in mapped memory, which programs write as well: NULL for a number out of
 * range. A write to it goes with datapath_count_write().
 */
struct svc_outlier *datapath_outlier(const struct datapath *datapath, uint32_t endpoint);
void datapath_count_write(struct datapath *datapath);

/* After a migration, until datapath_activate(): what the old maps hold of the endpoint. False: nothing. */
bool datapath_old_outlier(const struct datapath *datapath, uint32_t endpoint,
                          struct svc_outlier *ret_outlier);

/* ---- events of the programs (events.c) ---- */

/*
 * Opens the ring buffer, which is one for all daemons of this bpffs directory in a row: what nobody has read
 * yet comes first. The descriptor is readable when there are events; datapath_read_events() hands them over.
 */
int datapath_listen(struct datapath *datapath, void (*on_event)(const struct svc_event *event, void *user),
                    void *user);
int datapath_events_fd(const struct datapath *datapath);
void datapath_read_events(struct datapath *datapath);

/* ---- grace periods (grace.c) ---- */

/*
 * A grace period: every program run that was under way at the call has ended when it is over. Waiting blocks
 * for 8-30 ms, so datapath_grace_begin() lets a thread wait and makes datapath_grace_fd() readable when done;
 * datapath_grace_end() then consumes that. One at a time: -EBUSY. datapath_grace_wait() blocks.
 */
int datapath_grace_begin(struct datapath *datapath);
int datapath_grace_fd(const struct datapath *datapath);
void datapath_grace_end(struct datapath *datapath);
void datapath_grace_wait(struct datapath *datapath);

/* ---- links (links.c) ---- */

/*
 * Attaches every program to the cgroup and pins the links under links/`name`; what is there already and alive
 * stays. Until datapath_set_scope() the task sees no alias. -ENOENT: the cgroup is gone.
 */
int datapath_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                    struct error *error);
int datapath_set_scope(struct datapath *datapath, uint64_t cgroup_id, uint32_t scope,
                       uint32_t namespace_scope);

/* The networks that the task is on; what datapath_set_scope() writes leaves them. -ENOENT: the cgroup is gone. */
int datapath_set_networks(struct datapath *datapath, uint64_t cgroup_id, uint32_t networks);
/* 0: it has a way to all, or the cgroup is gone. */
uint32_t datapath_networks(const struct datapath *datapath, uint64_t cgroup_id);

/*
 * Where a task's DNS goes: numbers 1..datapath_resolvers() in mapped memory, and [0] with the heartbeat. What
 * is written there counts as no entry: it follows the sockets of this run.
 */
int datapath_set_resolver(struct datapath *datapath, uint64_t cgroup_id, uint32_t number);
uint32_t datapath_resolvers(const struct datapath *datapath);
struct svc_resolver *datapath_resolver(const struct datapath *datapath, uint32_t number);

/* TCP connects of the task to endpoints that have begun since it was attached. */
uint64_t datapath_task_connects(const struct datapath *datapath, uint64_t cgroup_id);

/* The scopes that the kernel holds for the task; -ENOENT: none since it was attached, or it is not, or a version has set them
 * that did not say which task it is. */
int datapath_get_scope(struct datapath *datapath, uint64_t cgroup_id, uint32_t *ret_scope,
                       uint32_t *ret_namespace_scope);

/* Unpins and so detaches; the task's scope goes, too. 0 also when there is nothing. */
int datapath_detach(struct datapath *datapath, const char *name);

/* Are all programs attached and is the cgroup they are attached to alive? */
bool datapath_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id);

/* Every directory under links/. */
int datapath_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user);

/* ---- pins that somebody has removed (kernel_mend.c) ---- */

#define DATAPATH_LINK_NAME   192
#define DATAPATH_MENDED_LOST 8

struct datapath_mended {
    unsigned maps; /* pins that have been put back */
    unsigned links;
    unsigned n_lost; /* tasks with a link that was not held open and has gone with its pin: to attach anew */
    char lost[DATAPATH_MENDED_LOST][DATAPATH_LINK_NAME];
};

/* Makes the bpffs directory again if it has gone. -ENODEV: it, or what it was in, is on no bpffs any more. */
int datapath_mend_directory(struct datapath *datapath, struct error *error);

/*
 * Puts back pins that have gone: of maps, and of the links of up to `tasks` tasks, going on where the last
 * call has stopped. The programs stay attached meanwhile, because links are held open. Only in a directory
 * that is this daemon's. On failure *ret_mended says what was put back before. Counts as no write.
 */
int datapath_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                  struct error *error);
