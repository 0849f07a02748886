/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries of the hash maps: reading them all for adoption, writing and deleting one, and the per-CPU sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/internal.h"

int datapath_each_at_start(struct datapath *datapath, enum map_index map, size_t value_size,
                           entry_fn on_entry, void *context)
{
    if (datapath->origin != DATAPATH_MIGRATED)
        return datapath->backend->each(datapath, MAPS_IN_USE, map, value_size, on_entry, context);
    if (!datapath->old_is_readable)
        return 0;
    return datapath->backend->each(datapath, MAPS_OLD, map, value_size, on_entry, context);
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

    return datapath_each_at_start(datapath, MAP_ALIASES, sizeof(struct svc_alias), walk_alias, &walk);
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

    return datapath_each_at_start(datapath, MAP_ENDPOINTS, sizeof(struct svc_endpoint), walk_endpoint, &walk);
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
    enum map_age age = datapath->origin == DATAPATH_MIGRATED ? MAPS_OLD : MAPS_IN_USE;

    /* Of any version: what both have comes first (see abi.h), and the rest reads as zero. */
    return datapath->backend->each(datapath, age, MAP_TASKS, sizeof(struct svc_task), walk_task, &walk);
}

static uint32_t first_word(const void *key)
{
    uint32_t word;

    memcpy(&word, key, sizeof(word));
    return word;
}

int datapath_write_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value,
                         bool is_new_only)
{
    int r = datapath->backend->put(datapath, map, key, value, is_new_only);

    if (r == 0)
        datapath_wrote(datapath, datapath_map_names[map], first_word(key), 1);
    return r;
}

int datapath_put_entry(struct datapath *datapath, enum map_index map, const void *key, const void *value)
{
    if (datapath_holds(datapath, map))
        return datapath_hold_entry(datapath, map, key, value);
    return datapath_write_entry(datapath, map, key, value, false);
}

int datapath_delete_entry(struct datapath *datapath, enum map_index map, const void *key)
{
    int r = datapath->backend->remove(datapath, map, key);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    datapath_wrote(datapath, datapath_map_names[map], first_word(key), 0);
    return 0;
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
    r = datapath_put_entry(datapath, MAP_ENDPOINTS, &key, endpoint);
    if (r < 0)
        return r;
    if (datapath->old_is_readable)
        (void)datapath->backend->get(datapath, MAPS_OLD, MAP_ENDPOINT_STATS, &key, stats);
    /* What is counted already stays; new maps have nothing counted, and a batch takes no condition. */
    r = datapath->held && datapath->origin != DATAPATH_ADOPTED
            ? datapath_put_entry(datapath, MAP_ENDPOINT_STATS, &key, stats)
            : datapath_write_entry(datapath, MAP_ENDPOINT_STATS, &key, stats, true);
    if (r == -EEXIST)
        return 0;
    if (r < 0)
        (void)datapath_delete_entry(datapath, MAP_ENDPOINTS, &key);
    else
        datapath_begin_first_byte(datapath, number);
    return r;
}

int datapath_delete_endpoint(struct datapath *datapath, uint32_t number)
{
    struct svc_endpoint_key key = {.endpoint = number};
    int r = datapath_delete_entry(datapath, MAP_ENDPOINT_STATS, &key);

    /* The number's next endpoint begins at nothing. */
    for (uint32_t shard = 0; shard < datapath->n_shards; shard++)
        __atomic_store_n(&attempts_at(datapath, shard, number)->connects, 0, __ATOMIC_RELAXED);
    (void)datapath->backend->remove(datapath, MAP_FIRST_BYTES, &key);
    if (r == 0)
        r = datapath_put_endpoint_networks(datapath, number, 0);
    return r < 0 ? r : datapath_delete_entry(datapath, MAP_ENDPOINTS, &key);
}

int datapath_put_endpoint_networks(struct datapath *datapath, uint32_t number, uint32_t networks)
{
    struct svc_endpoint_key key = {.endpoint = number};
    struct svc_endpoint_networks value = {.networks = networks};

    return networks ? datapath_write_entry(datapath, MAP_ENDPOINT_NETWORKS, &key, &value, false)
                    : datapath_delete_entry(datapath, MAP_ENDPOINT_NETWORKS, &key);
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

    return datapath->backend->each(datapath, MAPS_IN_USE, MAP_PEERS, sizeof(struct svc_peer), walk_peer,
                                   &walk);
}

bool datapath_old_outlier(const struct datapath *datapath, uint32_t endpoint, struct svc_outlier *ret_outlier)
{
    struct svc_outlier outlier = {0}; /* a version before has less of it */

    if (!datapath->old_is_readable ||
        datapath->backend->get(datapath, MAPS_OLD, MAP_OUTLIERS, &endpoint, &outlier) < 0)
        return false;
    *ret_outlier = outlier;
    return true;
}

int datapath_put_task(struct datapath *datapath, uint64_t cgroup_id, const struct svc_task *task)
{
    struct svc_task_key key = {.cgroup_id = cgroup_id};

    return datapath_put_entry(datapath, MAP_TASKS, &key, task);
}

int datapath_delete_task(struct datapath *datapath, uint64_t cgroup_id)
{
    struct svc_task_key key = {.cgroup_id = cgroup_id};

    return datapath_delete_entry(datapath, MAP_TASKS, &key);
}

int datapath_endpoint_stats(struct datapath *datapath, uint32_t number, struct svc_endpoint_stats *ret_stats)
{
    struct svc_endpoint_key key = {.endpoint = number};
    struct svc_endpoint_stats sum = {0};
    _cleanup_free_ struct svc_endpoint_stats *stats = calloc((size_t)datapath->n_cpus, sizeof(*stats));
    int r;

    if (!stats)
        return -ENOMEM;
    r = datapath->backend->get(datapath, MAPS_IN_USE, MAP_ENDPOINT_STATS, &key, stats);
    if (r < 0)
        return r;
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
    int r;

    if (!values)
        return -ENOMEM;
    r = datapath->backend->get(datapath, MAPS_IN_USE, MAP_COUNTERS, &zero, values);
    if (r < 0)
        return r;
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

int datapath_refusals(struct datapath *datapath, struct svc_refusals *ret_refusals)
{
    struct svc_refusals sum = {0};
    _cleanup_free_ struct svc_refusals *values = calloc((size_t)datapath->n_cpus, sizeof(*values));
    uint32_t zero = 0;
    int r;

    if (!values)
        return -ENOMEM;
    r = datapath->backend->get(datapath, MAPS_IN_USE, MAP_REFUSALS, &zero, values);
    if (r < 0)
        return r;
    for (int cpu = 0; cpu < datapath->n_cpus; cpu++) {
        sum.no_alias += values[cpu].no_alias;
        sum.saved += values[cpu].saved;
        sum.policy += values[cpu].policy;
        sum.audited += values[cpu].audited;
    }
    *ret_refusals = sum;
    return 0;
}
