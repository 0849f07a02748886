/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Private to datapath/: what its files share.
 *
 * A data path has one of two forms. What they differ in is struct datapath_backend: entries of hash maps,
 * links, grace periods, events. Everything else is written once, above it: arrays are plain memory in both,
 * which the kernel's form maps and the other one allocates.
 */
#pragma once

#include "datapath/datapath.h"
#include "datapath/open_index.h"

/* Every map that is pinned, by its place in struct datapath_fds. */
enum map_index {
    MAP_ALIASES,
    MAP_ALIAS_INDEX,
    MAP_SERVICES,
    MAP_SLOTS,
    MAP_ENDPOINTS,
    MAP_ENDPOINT_STATS,
    MAP_PEERS,
    MAP_PEER_INDEX,
    MAP_OUTLIERS,
    MAP_ATTEMPTS,
    MAP_EVENTS,
    MAP_TASKS,
    MAP_TASK_SCOPE,
    MAP_FLOWS,
    MAP_RESOLVERS,
    MAP_COUNTERS,
    MAP_LAYOUT,
    MAP_REGISTRY_SEEN,
    MAP_REFUSALS,
    MAP_PATIENCE,
    MAP_ENDPOINT_NETWORKS,
    MAP_LOCAL_ENDPOINTS,
    MAP_NEIGHBOURS,
    MAP_NETNS_IDS,
    MAP_CALLERS,
    MAP_CALLER_NAMES,
    MAP_CALLERS_LOCK,
    MAP_DIALLED,
    MAP_NOTES,
    MAP_CONNECTIONS,
    MAP_POLICIES,
    MAP_POLICY_PAIRS,
    MAP_POLICY_ADDRESSES,
    MAP_FIRST_BYTES,
    MAP_FIRST_BYTE_WAITS,
    MAP_CALLER_FIRST_BYTES,
    MAP_COUNT_,
};

extern const char *const datapath_map_names[MAP_COUNT_];

/* Between a migration and datapath_activate() there are two of each map. */
enum map_age {
    MAPS_IN_USE,
    MAPS_OLD,
};

typedef void (*connection_fn)(const struct svc_connection *connection, void *user);
typedef int (*entry_fn)(const void *key, const void *value, void *context);

/* Negative errno throughout. Counters have one value per CPU, one after the other. */
struct datapath_backend {
    /* -E2BIG: full; -EEXIST with `is_new_only`. */
    int (*put)(struct datapath *datapath, enum map_index map, const void *key, const void *value,
               bool is_new_only);
    /* How many of the first were written; the caller puts the others one by one. */
    uint32_t (*put_many)(struct datapath *datapath, enum map_index map, const void *keys, const void *values,
                         uint32_t n);
    int (*remove)(struct datapath *datapath, enum map_index map, const void *key); /* -ENOENT */
    int (*get)(const struct datapath *datapath, enum map_age age, enum map_index map, const void *key,
               void *ret_value); /* -ENOENT */
    /* A value that is shorter in the map reads as zero beyond its end. */
    int (*each)(const struct datapath *datapath, enum map_age age, enum map_index map, size_t value_size,
                entry_fn on_entry, void *context);
    int (*activate)(struct datapath *datapath, unsigned *ret_swapped, struct error *error);
    int (*attach)(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                  struct error *error);
    int (*detach)(struct datapath *datapath, const char *name);
    bool (*is_attached)(struct datapath *datapath, const char *name, uint64_t cgroup_id);
    int (*each_link)(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user);
    int (*mend_directory)(struct datapath *datapath, struct error *error);
    int (*mend)(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                struct error *error); /* *ret_mended is empty at first */
    int (*listen)(struct datapath *datapath, void (*on_event)(const struct svc_event *event, void *user),
                  void *user);
    int (*events_fd)(const struct datapath *datapath);
    void (*read_events)(struct datapath *datapath);
    unsigned (*read_connections)(struct datapath *datapath, unsigned most, connection_fn on_connection,
                                 void *user);
    int (*grace_start)(struct datapath *datapath); /* writes a byte to grace_pipe[1] when it is over */
    void (*grace_join)(struct datapath *datapath);
    void (*grace_wait)(struct datapath *datapath);
    void (*note)(struct datapath *datapath, const char *what, uint32_t number, uint32_t count); /* or NULL */
    void (*close)(struct datapath *datapath); /* also what was opened in part */
};

struct held;

struct datapath {
    const struct datapath_backend *backend;
    union { /* by backend */
        struct kernel *kernel;
        struct memory *memory;
    };
    uint32_t n_services;
    uint32_t n_slots;
    int n_cpus;
    enum datapath_origin origin;
    bool has_set_retval;
    bool has_socket_facts;
    bool old_is_readable; /* MIGRATED: old maps have this ABI */
    struct open_index alias_index;
    struct open_index peer_index;
    struct svc_service *services;
    struct svc_slot *slots;
    struct svc_outlier *outliers; /* by endpoint number: n_outliers of them */
    uint32_t n_outliers;
    struct svc_attempts *attempts; /* n_shards times n_outliers of them */
    uint32_t n_shards;
    struct svc_resolver *resolvers; /* by number: n_resolvers of them */
    uint32_t n_resolvers;
    uint64_t *local_endpoints;        /* n_local_words of them */
    struct svc_neighbour *neighbours; /* n_outliers of them */
    uint32_t n_local_words;
    struct svc_registry_seen *registry_seen;   /* one */
    struct svc_caller *callers;                /* SVC_CALLERS + 1 of them */
    struct svc_first_byte *caller_first_bytes; /* as many */
    /* Of a migration: what the old maps say of the registry, and their sizes (all 0: another version). */
    struct svc_registry_seen old_registry_seen;
    struct datapath_config old_sizes;
    struct held *held; /* entries kept back, between datapath_hold() and datapath_release() */
    uint64_t writes;
    int grace_pipe[2];
    bool is_grace_running;
};

/* The numbers of elements that both forms have for this. */
void datapath_set_sizes(struct datapath *datapath, const struct datapath_config *config, uint32_t n_shards);

/* Counts a write, and tells the form that wants to know: what was written where, and how many. */
void datapath_wrote(struct datapath *datapath, const char *what, uint32_t number, uint32_t count);

/* Writes one entry now. */
int datapath_write_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value,
                         bool is_new_only);
/* Writes one entry, now or at the release. */
int datapath_put_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value);
/* 0 also for one that is not there. */
int datapath_delete_entry(struct datapath *datapath, enum map_index map, const void *key);
/* Are entries of this map kept back now? If so, keeps one back, or writes all that are. */
bool datapath_holds(const struct datapath *datapath, enum map_index index);
int datapath_hold_entry(struct datapath *datapath, enum map_index index, const void *key, const void *value);

/* The number is a new endpoint's: how long it takes to answer is not known yet, or what the old maps of a migration say. */
void datapath_begin_first_byte(struct datapath *datapath, uint32_t number);

/* What is read at the start: the maps in use, or after a migration the old ones if they can be read. */
int datapath_each_at_start(struct datapath *datapath, enum map_index map, size_t value_size,
                           entry_fn on_entry, void *context);

int datapath_grace_init(struct datapath *datapath);
void datapath_grace_deinit(struct datapath *datapath);
