/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries kept back and written many by one system call, which halves what one costs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/internal.h"

#define HELD_MAX 512u

struct held_map {
    size_t key_size;
    size_t value_size;
    char *keys;
    char *values;
    unsigned n;
};

struct held {
    struct held_map maps[MAP_COUNT_];
};

static void held_free(struct held *held)
{
    for (int map = 0; map < MAP_COUNT_; map++) {
        free(held->maps[map].keys);
        free(held->maps[map].values);
    }
    free(held);
}

/* Without memory nothing is held, and every entry is written at once. */
void datapath_hold(struct datapath *datapath)
{
    const struct {
        enum map_index map;
        size_t key_size;
        size_t value_size;
    } kinds[] = {
        {MAP_ENDPOINTS, sizeof(struct svc_endpoint_key), sizeof(struct svc_endpoint)},
        {MAP_ENDPOINT_STATS, sizeof(struct svc_endpoint_key),
         sizeof(struct svc_endpoint_stats) * (size_t)datapath->n_cpus},
        {MAP_PEERS, sizeof(struct svc_peer_key), sizeof(struct svc_peer)},
    };
    struct held *held = calloc(1, sizeof(*held));

    if (!held)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct held_map *map = &held->maps[kinds[i].map];

        map->key_size = kinds[i].key_size;
        map->value_size = kinds[i].value_size;
        map->keys = malloc(HELD_MAX * map->key_size);
        map->values = malloc(HELD_MAX * map->value_size);
        if (!map->keys || !map->values) {
            held_free(held);
            return;
        }
    }
    datapath->held = held;
}

/* What a batch leaves over, because of a shortage or a kernel without batches, goes one by one, with
 * patience. */
static int write_held(struct datapath *datapath, enum map_index index)
{
    struct held_map *map = &datapath->held->maps[index];
    uint32_t written;
    int result = 0;

    if (map->n == 0)
        return 0;
    written = datapath->backend->put_many(datapath, index, map->keys, map->values, map->n);
    datapath->writes += written;
    for (uint32_t i = written; i < map->n && result == 0; i++)
        result = datapath_write_entry(datapath, index, map->keys + i * map->key_size,
                                      map->values + i * map->value_size, false);
    map->n = 0;
    return result;
}

bool datapath_holds(const struct datapath *datapath, enum map_index index)
{
    return datapath->held && datapath->held->maps[index].keys;
}

int datapath_hold_entry(struct datapath *datapath, enum map_index index, const void *key, const void *value)
{
    struct held_map *map = &datapath->held->maps[index];

    memcpy(map->keys + map->n * map->key_size, key, map->key_size);
    memcpy(map->values + map->n * map->value_size, value, map->value_size);
    return ++map->n == HELD_MAX ? write_held(datapath, index) : 0;
}

int datapath_release(struct datapath *datapath)
{
    int result = 0;

    if (!datapath->held)
        return 0;
    for (int map = 0; map < MAP_COUNT_; map++) {
        int r = write_held(datapath, map);

        if (result == 0)
            result = r;
    }
    held_free(datapath->held);
    datapath->held = NULL;
    return result;
}
