/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries of hash maps in memory: what was put in first is read first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/memory_internal.h"

void memory_set_map_sizes(struct memory *memory, const struct datapath_config *config)
{
#define HASH_MAP(entries, key, value)                                                                        \
    (struct memory_map)                                                                                      \
    {                                                                                                        \
        .max_entries = (entries), .key_size = sizeof(key), .value_size = sizeof(value)                       \
    }
    struct memory_map *maps = memory->maps;

    maps[MAP_ALIASES] = HASH_MAP(config->aliases, struct svc_alias_key, struct svc_alias);
    maps[MAP_ENDPOINTS] = HASH_MAP(config->endpoints, struct svc_endpoint_key, struct svc_endpoint);
    maps[MAP_ENDPOINT_STATS] =
        HASH_MAP(config->endpoints, struct svc_endpoint_key, struct svc_endpoint_stats);
    maps[MAP_PEERS] = HASH_MAP(config->endpoints, struct svc_peer_key, struct svc_peer);
    maps[MAP_ENDPOINT_NETWORKS] =
        HASH_MAP(config->endpoints, struct svc_endpoint_key, struct svc_endpoint_networks);
    maps[MAP_TASKS] = HASH_MAP(config->tasks, struct svc_task_key, struct svc_task);
    maps[MAP_TASK_SCOPE] = HASH_MAP(UINT32_MAX, uint64_t, struct svc_task_scope);
    maps[MAP_COUNTERS] = HASH_MAP(1, uint32_t, struct svc_counters);
    maps[MAP_NETNS_IDS] = HASH_MAP(SVC_MAX_NETNS_PAIRS, struct svc_netns_pair, uint32_t);
    maps[MAP_POLICIES] = HASH_MAP(SVC_MAX_POLICIES, struct svc_policy_key, struct svc_policy);
    maps[MAP_POLICY_PAIRS] =
        HASH_MAP(SVC_MAX_POLICY_PAIRS, struct svc_policy_pair_key, struct svc_policy_pair);
    maps[MAP_POLICY_ADDRESSES] =
        HASH_MAP(config->endpoints, struct svc_policy_address_key, struct svc_policy_address);
    maps[MAP_FIRST_BYTES] = HASH_MAP(config->endpoints, struct svc_endpoint_key, struct svc_first_byte);
    maps[MAP_REFUSALS] = HASH_MAP(1, uint32_t, struct svc_refusals);
    maps[MAP_CALLER_NAMES] = HASH_MAP(SVC_CALLER_NAMES, uint32_t, struct svc_caller_name);
#undef HASH_MAP
}

void memory_datapath_fail_puts(struct datapath *datapath, const char *map, unsigned n, int error)
{
    for (int i = 0; i < MAP_COUNT_; i++)
        if (strcmp(datapath_map_names[i], map) == 0) {
            datapath->memory->maps[i].until_failure = n;
            datapath->memory->maps[i].failure = error;
        }
}

struct memory_entry *memory_find_entry(struct memory_entry *all, const void *key, size_t key_size)
{
    struct memory_entry *entry;

    HASH_FIND(hh, all, key, key_size, entry);
    return entry;
}

void memory_free_entries(struct memory_entry **all)
{
    struct memory_entry *entry, *next;

    HASH_ITER (hh, *all, entry, next) {
        HASH_DEL(*all, entry);
        free(entry);
    }
}

int memory_add_entry(struct memory_map *map, const void *key, const void *value)
{
    struct memory_entry *entry;

    if (HASH_COUNT(map->all) >= map->max_entries)
        return -E2BIG;
    entry = malloc(sizeof(*entry) + map->key_size + map->value_size);
    if (!entry)
        return -ENOMEM;
    entry->value = entry->key + map->key_size;
    memcpy(entry->key, key, map->key_size);
    memcpy(entry->value, value, map->value_size);
    HASH_ADD_KEYPTR(hh, map->all, entry->key, map->key_size, entry);
    return 0;
}

int memory_put(struct datapath *datapath, enum map_index index, const void *key, const void *value,
               bool is_new_only)
{
    struct memory_map *map = &datapath->memory->maps[index];
    struct memory_entry *entry = memory_find_entry(map->all, key, map->key_size);

    if (is_new_only && entry)
        return -EEXIST;
    if (map->failure && map->until_failure == 0)
        return -map->failure;
    if (!entry) {
        int r = index == MAP_TASK_SCOPE ? -ENOENT : memory_add_entry(map, key, value); /* links make these */

        if (r < 0)
            return r;
    } else {
        memcpy(entry->value, value, map->value_size);
    }
    if (map->failure)
        map->until_failure--;
    return 0;
}

uint32_t memory_put_many(struct datapath *datapath, enum map_index map, const void *keys, const void *values,
                         uint32_t n)
{
    (void)datapath, (void)map, (void)keys, (void)values, (void)n;
    return 0;
}

int memory_remove(struct datapath *datapath, enum map_index index, const void *key)
{
    struct memory_map *map = &datapath->memory->maps[index];
    struct memory_entry *entry = memory_find_entry(map->all, key, map->key_size);

    if (!entry)
        return -ENOENT;
    HASH_DEL(map->all, entry);
    free(entry);
    return 0;
}

int memory_get(const struct datapath *datapath, enum map_age age, enum map_index index, const void *key,
               void *ret_value)
{
    const struct memory *memory = datapath->memory;
    const struct memory_map *map = &memory->maps[index];
    const struct memory_entry *entry;
    uint32_t number;

    if (age == MAPS_OLD && index == MAP_OUTLIERS) { /* an array */
        memcpy(&number, key, sizeof(number));
        if (number >= datapath->n_outliers)
            return -ENOENT;
        *(struct svc_outlier *)ret_value = memory->old_outliers[number];
        return 0;
    }
    entry = memory_find_entry(age == MAPS_OLD ? memory->old[index] : map->all, key, map->key_size);
    if (!entry)
        return -ENOENT;
    memcpy(ret_value, entry->value, map->value_size);
    return 0;
}

int memory_each(const struct datapath *datapath, enum map_age age, enum map_index index, size_t value_size,
                entry_fn on_entry, void *context)
{
    const struct memory *memory = datapath->memory;
    const struct memory_map *map = &memory->maps[index];
    struct memory_entry *all = age == MAPS_OLD ? memory->old[index] : map->all;
    struct memory_entry *entry, *next;
    _cleanup_free_ char *copy = malloc(map->key_size + map->value_size);

    (void)value_size;
    if (!copy)
        return -ENOMEM;
    HASH_ITER (hh, all, entry, next) {
        int r;

        /* A callback may delete the entry and still read what it was given. */
        memcpy(copy, entry->key, map->key_size + map->value_size);
        r = on_entry(copy, copy + map->key_size, context);
        if (r < 0)
            return r;
    }
    return 0;
}

int memory_datapath_set_stats(struct datapath *datapath, uint32_t endpoint,
                              const struct svc_endpoint_stats *stats)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};
    struct memory_map *map = &datapath->memory->maps[MAP_ENDPOINT_STATS];
    struct memory_entry *entry = memory_find_entry(map->all, &key, sizeof(key));

    if (!entry)
        return -ENOENT;
    memcpy(entry->value, stats, sizeof(*stats));
    return 0;
}

void memory_datapath_set_counters(struct datapath *datapath, const struct svc_counters *counters)
{
    memcpy(datapath->memory->maps[MAP_COUNTERS].all->value, counters, sizeof(*counters));
}

int memory_datapath_set_first_byte(struct datapath *datapath, uint32_t endpoint,
                                   const struct svc_first_byte *first_byte)
{
    struct svc_endpoint_key key = {.endpoint = endpoint};

    return memory_put(datapath, MAP_FIRST_BYTES, &key, first_byte, false);
}
