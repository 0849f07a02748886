/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries of the hash maps: reading them all for adoption, writing and deleting one, and the per-CPU sums. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "datapath/internal.h"

typedef int (*entry_fn)(const void *key, const void *value, void *context);

#define WALK_BATCH   1024u /* entries; no bucket of a hash holds as many */
#define MAX_KEY_SIZE 64u

/* One entry at a time: two system calls each. */
static int each_entry_singly(int fd, void *value, entry_fn on_entry, void *context)
{
    char keys[2][MAX_KEY_SIZE];
    int current = 0;
    int r;

    if (bpf_map_get_next_key(fd, NULL, keys[0]) < 0)
        return 0;
    for (;;) {
        bool is_last = bpf_map_get_next_key(fd, keys[current], keys[!current]) < 0;

        if (bpf_map_lookup_elem(fd, keys[current], value) == 0) {
            r = on_entry(keys[current], value, context);
            if (r < 0)
                return r;
        }
        if (is_last)
            return 0;
        current = !current;
    }
}

/*
 * Walks a map that nobody else writes meanwhile; `value` must hold the map's value size.
 * Deleting the entry a callback was just given is safe: the next ones are fetched by their bucket, or before
 * it.
 */
static int each_entry(int fd, void *value, entry_fn on_entry, void *context)
{
    _cleanup_free_ char *keys = NULL;
    _cleanup_free_ char *values = NULL;
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    __u32 bucket = 0;
    bool is_first = true;

    if (fd < 0)
        return 0;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return -errno;
    keys = malloc((size_t)WALK_BATCH * info.key_size);
    values = malloc((size_t)WALK_BATCH * info.value_size);
    if (!keys || !values)
        return -ENOMEM;
    for (;;) {
        __u32 n = WALK_BATCH;
        bool is_last =
            bpf_map_lookup_batch(fd, is_first ? NULL : &bucket, &bucket, keys, values, &n, NULL) < 0;

        if (is_last && errno != ENOENT)
            return is_first ? each_entry_singly(fd, value, on_entry, context) : -errno;
        for (__u32 i = 0; i < n; i++) {
            int r;

            /* A value of another version may be shorter than what the callback takes. */
            memcpy(value, values + (size_t)i * info.value_size, info.value_size);
            r = on_entry(keys + (size_t)i * info.key_size, value, context);
            if (r < 0)
                return r;
        }
        if (is_last)
            return 0;
        is_first = false;
    }
}

/* The map to read at start: the pinned one, or the old one if it can be read. */
static int readable_fd(const struct datapath *datapath, enum map_index map)
{
    if (datapath->origin == DATAPATH_MIGRATED)
        return datapath->old_is_readable ? datapath->old.fd[map] : -1;
    return datapath->fd[map];
}

struct alias_walk {
    int (*on_alias)(const struct svc_alias_key *, const struct svc_alias *, void *);
    void *user;
};

static int walk_alias(const void *key, const void *value, void *context)
{
    const struct alias_walk *walk = context;

    return walk->on_alias(key, value, walk->user);
}

int datapath_each_alias(struct datapath *datapath,
                        int (*on_alias)(const struct svc_alias_key *, const struct svc_alias *, void *),
                        void *user)
{
    struct alias_walk walk = {on_alias, user};
    struct svc_alias value;

    return each_entry(readable_fd(datapath, MAP_ALIASES), &value, walk_alias, &walk);
}

struct endpoint_walk {
    int (*on_endpoint)(uint32_t, const struct svc_endpoint *, void *);
    void *user;
};

static int walk_endpoint(const void *key, const void *value, void *context)
{
    const struct endpoint_walk *walk = context;

    return walk->on_endpoint(((const struct svc_endpoint_key *)key)->endpoint, value, walk->user);
}

int datapath_each_endpoint(struct datapath *datapath,
                           int (*on_endpoint)(uint32_t, const struct svc_endpoint *, void *), void *user)
{
    struct endpoint_walk walk = {on_endpoint, user};
    struct svc_endpoint value;

    return each_entry(readable_fd(datapath, MAP_ENDPOINTS), &value, walk_endpoint, &walk);
}

struct task_walk {
    int (*on_task)(uint64_t, const struct svc_task *, void *);
    void *user;
};

static int walk_task(const void *key, const void *value, void *context)
{
    const struct task_walk *walk = context;

    return walk->on_task(((const struct svc_task_key *)key)->cgroup_id, value, walk->user);
}

int datapath_each_task(struct datapath *datapath, int (*on_task)(uint64_t, const struct svc_task *, void *),
                       void *user)
{
    struct task_walk walk = {on_task, user};
    int fd = datapath->origin == DATAPATH_MIGRATED ? datapath->old.fd[MAP_TASKS] : datapath->fd[MAP_TASKS];
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    _cleanup_free_ struct svc_task *value = NULL;

    if (fd < 0)
        return 0;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return -errno;
    /* Another version's value may be longer or shorter; what both have comes first, and the rest reads as
     * zero. */
    value = calloc(1, info.value_size > sizeof(*value) ? info.value_size : sizeof(*value));
    if (!value)
        return -ENOMEM;
    return each_entry(fd, value, walk_task, &walk);
}

#define PUT_TRIES 12

/*
 * The kernel takes elements of these maps from a small stock that it fills up in the background. Many in a
 * row may find it empty (ENOMEM) with memory to spare, so a failure counts only when waiting, 0.2 s in all,
 * has not helped.
 */
int datapath_write_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value,
                         uint64_t flags)
{
    for (unsigned attempt = 0;; attempt++) {
        struct timespec pause = {.tv_nsec = 50000l << attempt};

        if (bpf_map_update_elem(datapath->fd[map], key, value, flags) == 0)
            break;
        if (errno != ENOMEM || attempt == PUT_TRIES)
            return -errno;
        (void)nanosleep(&pause, NULL);
    }
    datapath->writes++;
    return 0;
}

static int put_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value,
                     uint64_t flags)
{
    if (flags == BPF_ANY && datapath_holds(datapath, map))
        return datapath_hold_entry(datapath, map, key, value);
    return datapath_write_entry(datapath, map, key, value, flags);
}

static int delete_entry(struct datapath *datapath, enum map_index map, const void *key)
{
    if (bpf_map_delete_elem(datapath->fd[map], key) < 0)
        return errno == ENOENT ? 0 : -errno;
    datapath->writes++;
    return 0;
}

int datapath_put_alias(struct datapath *datapath, const struct svc_alias_key *key,
                       const struct svc_alias *alias)
{
    return put_entry(datapath, MAP_ALIASES, key, alias, BPF_ANY);
}

int datapath_delete_alias(struct datapath *datapath, const struct svc_alias_key *key)
{
    return delete_entry(datapath, MAP_ALIASES, key);
}

static struct svc_attempts *attempts_at(const struct datapath *datapath, uint32_t shard, uint32_t number)
{
    return &datapath->attempts[(size_t)shard * datapath->n_outliers + number];
}

int datapath_put_endpoint(struct datapath *datapath, uint32_t number, const struct svc_endpoint *endpoint)
{
    struct svc_endpoint_key key = {.endpoint = number};
    _cleanup_free_ struct svc_endpoint_stats *stats = calloc((size_t)datapath->n_cpus, sizeof(*stats));
    int r;

    if (!stats)
        return -ENOMEM;
    r = put_entry(datapath, MAP_ENDPOINTS, &key, endpoint, BPF_ANY);
    if (r < 0)
        return r;
    if (datapath->old_is_readable)
        (void)bpf_map_lookup_elem(datapath->old.fd[MAP_ENDPOINT_STATS], &key, stats);
    /* What is counted already stays; new maps have nothing counted, and a batch takes no condition. */
    r = put_entry(datapath, MAP_ENDPOINT_STATS, &key, stats,
                  datapath->held && datapath->origin != DATAPATH_ADOPTED ? BPF_ANY : BPF_NOEXIST);
    if (r == -EEXIST)
        return 0;
    if (r < 0)
        (void)delete_entry(datapath, MAP_ENDPOINTS, &key);
    return r;
}

int datapath_delete_endpoint(struct datapath *datapath, uint32_t number)
{
    struct svc_endpoint_key key = {.endpoint = number};
    int r = delete_entry(datapath, MAP_ENDPOINT_STATS, &key);

    /* The number's next endpoint begins at nothing. */
    for (uint32_t shard = 0; shard < datapath->n_shards; shard++)
        __atomic_store_n(&attempts_at(datapath, shard, number)->connects, 0, __ATOMIC_RELAXED);
    return r < 0 ? r : delete_entry(datapath, MAP_ENDPOINTS, &key);
}

int datapath_put_peer(struct datapath *datapath, const struct svc_peer_key *key, uint32_t endpoint)
{
    struct svc_peer value = {.endpoint = endpoint};

    return put_entry(datapath, MAP_PEERS, key, &value, BPF_ANY);
}

int datapath_delete_peer(struct datapath *datapath, const struct svc_peer_key *key)
{
    return delete_entry(datapath, MAP_PEERS, key);
}

struct peer_walk {
    int (*on_peer)(const struct svc_peer_key *, uint32_t, void *);
    void *user;
};

static int walk_peer(const void *key, const void *value, void *context)
{
    const struct peer_walk *walk = context;

    return walk->on_peer(key, ((const struct svc_peer *)value)->endpoint, walk->user);
}

int datapath_each_peer(struct datapath *datapath,
                       int (*on_peer)(const struct svc_peer_key *, uint32_t, void *), void *user)
{
    struct peer_walk walk = {on_peer, user};
    struct svc_peer value;

    return each_entry(datapath->fd[MAP_PEERS], &value, walk_peer, &walk);
}

bool datapath_old_outlier(const struct datapath *datapath, uint32_t endpoint, struct svc_outlier *ret_outlier)
{
    return datapath->old_is_readable &&
           bpf_map_lookup_elem(datapath->old.fd[MAP_OUTLIERS], &endpoint, ret_outlier) == 0;
}

int datapath_put_task(struct datapath *datapath, uint64_t cgroup_id, const struct svc_task *task)
{
    struct svc_task_key key = {.cgroup_id = cgroup_id};

    return put_entry(datapath, MAP_TASKS, &key, task, BPF_ANY);
}

int datapath_delete_task(struct datapath *datapath, uint64_t cgroup_id)
{
    struct svc_task_key key = {.cgroup_id = cgroup_id};

    return delete_entry(datapath, MAP_TASKS, &key);
}

int datapath_endpoint_stats(struct datapath *datapath, uint32_t number, struct svc_endpoint_stats *ret_stats)
{
    struct svc_endpoint_key key = {.endpoint = number};
    struct svc_endpoint_stats sum = {0};
    _cleanup_free_ struct svc_endpoint_stats *stats = calloc((size_t)datapath->n_cpus, sizeof(*stats));

    if (!stats)
        return -ENOMEM;
    if (bpf_map_lookup_elem(datapath->fd[MAP_ENDPOINT_STATS], &key, stats) < 0)
        return -errno;
    for (int cpu = 0; cpu < datapath->n_cpus; cpu++) {
        sum.connections += stats[cpu].connections;
        sum.established += stats[cpu].established;
        sum.closed += stats[cpu].closed;
        sum.refused += stats[cpu].refused;
        sum.timed_out += stats[cpu].timed_out;
        sum.retransmitted += stats[cpu].retransmitted;
        sum.gave_up += stats[cpu].gave_up;
        sum.reset_early += stats[cpu].reset_early;
        sum.unreachable += stats[cpu].unreachable;
        sum.ejections += stats[cpu].ejections;
    }
    for (uint32_t shard = 0; shard < datapath->n_shards; shard++)
        sum.connections += __atomic_load_n(&attempts_at(datapath, shard, number)->connects, __ATOMIC_RELAXED);
    *ret_stats = sum;
    return 0;
}

int datapath_counters(struct datapath *datapath, struct svc_counters *ret_counters)
{
    struct svc_counters sum = {0};
    _cleanup_free_ struct svc_counters *values = calloc((size_t)datapath->n_cpus, sizeof(*values));
    uint32_t zero = 0;

    if (!values)
        return -ENOMEM;
    if (bpf_map_lookup_elem(datapath->fd[MAP_COUNTERS], &zero, values) < 0)
        return -errno;
    for (int cpu = 0; cpu < datapath->n_cpus; cpu++) {
        sum.hit += values[cpu].hit;
        sum.miss += values[cpu].miss;
        sum.no_endpoint += values[cpu].no_endpoint;
        sum.retried += values[cpu].retried;
        sum.inconsistent += values[cpu].inconsistent;
        sum.redrawn += values[cpu].redrawn;
        sum.all_ejected += values[cpu].all_ejected;
        sum.events_lost += values[cpu].events_lost;
    }
    *ret_counters = sum;
    return 0;
}
