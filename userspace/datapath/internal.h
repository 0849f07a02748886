/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of this folder share. Not for others. */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/datapath.h"
#include "svcconnect.skel.h"

/* Every map that is pinned, by its place in struct datapath_fds. */
enum map_index {
    MAP_ALIASES,
    MAP_SERVICES,
    MAP_SLOTS,
    MAP_ENDPOINTS,
    MAP_ENDPOINT_STATS,
    MAP_PEERS,
    MAP_OUTLIERS,
    MAP_ATTEMPTS,
    MAP_EVENTS,
    MAP_TASKS,
    MAP_TASK_SCOPE,
    MAP_FLOWS,
    MAP_RESOLVERS,
    MAP_COUNTERS,
    MAP_LAYOUT,
    MAP_COUNT_,
};

struct datapath_fds {
    int fd[MAP_COUNT_];
};

struct listener;
struct held;

struct datapath {
    char bpffs[PATH_MAX - 256];
    uint32_t n_services;
    uint32_t n_slots;
    int n_cpus;
    enum datapath_origin origin;
    bool has_set_retval;
    bool is_in_new;          /* the maps in use are still pinned in maps_new */
    bool old_is_readable;    /* MIGRATED: old maps have this ABI */
    struct datapath_fds old; /* -1 where there is none */
    struct svcconnect_bpf *skeleton;
    int fd[MAP_COUNT_];       /* owned by the skeleton */
    uint32_t services_map_id; /* these tell programs on these maps from others: each uses one of them */
    uint32_t peers_map_id;
    uint32_t flows_map_id;
    struct svc_service *services;
    struct svc_slot *slots;
    struct svc_outlier *outliers; /* by endpoint number: n_outliers of them */
    uint32_t n_outliers;
    struct svc_attempts *attempts; /* n_shards times n_outliers of them */
    uint32_t n_shards;
    struct svc_resolver *resolvers; /* by number: n_resolvers of them */
    uint32_t n_resolvers;
    struct ring_buffer *events;
    struct listener *listener;
    struct held *held; /* entries kept back, between datapath_hold() and datapath_release() */
    uint64_t writes;
    int grace_outer;
    int grace_inner;
    int grace_pipe[2];
    bool is_grace_running;
    pthread_t grace_thread;
};

extern const char *const datapath_map_names[MAP_COUNT_];

/* Writes one entry now; waits where the kernel is short of memory for a moment. */
int datapath_write_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value,
                         uint64_t flags);
/* Are entries of this map kept back now? If so, keeps one back, or writes all that are. */
bool datapath_holds(const struct datapath *datapath, enum map_index index);
int datapath_hold_entry(struct datapath *datapath, enum map_index index, const void *key, const void *value);

void datapath_events_deinit(struct datapath *datapath);

int datapath_grace_init(struct datapath *datapath);
void datapath_grace_deinit(struct datapath *datapath);

/* Brings the programs of one link directory to this run's; *swapped counts updates. */
int datapath_refresh_link(struct datapath *datapath, const char *name, unsigned *swapped);

/* Programs by the name of their link's pin; NULL-terminated. */
struct datapath_program {
    const char *pin;
    struct bpf_program *program;
};
#define DATAPATH_MAX_PROGRAMS 12
void datapath_programs(const struct datapath *datapath,
                       struct datapath_program programs[DATAPATH_MAX_PROGRAMS]);
