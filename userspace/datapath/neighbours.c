/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which endpoints are on this host and in which network namespace, and how namespaces number each other. */
#include <errno.h>

#include "datapath/internal.h"

static uint64_t *word_of(const struct datapath *datapath, uint32_t number)
{
    return &datapath->local_endpoints[number / SVC_ENDPOINTS_PER_WORD];
}

static uint64_t bit_of(uint32_t number)
{
    return 1ull << number % SVC_ENDPOINTS_PER_WORD;
}

void datapath_set_neighbour(struct datapath *datapath, uint32_t number, uint64_t netns_cookie)
{
    struct svc_neighbour *neighbour;

    if (number >= datapath->n_outliers)
        return;
    neighbour = &datapath->neighbours[number];
    if (datapath_neighbour(datapath, number) == netns_cookie)
        return;
    if (netns_cookie && datapath_neighbour(datapath, number) == SVC_NETNS_NOT_YET) {
        /* In one step, so that no connect finds it unknown in between; no program has looked there yet. */
        __atomic_store_n(&neighbour->netns_cookie, netns_cookie, __ATOMIC_SEQ_CST);
        return;
    }
    __atomic_fetch_and(word_of(datapath, number), ~bit_of(number), __ATOMIC_SEQ_CST);
    if (netns_cookie) {
        __atomic_store_n(&neighbour->is_seen, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&neighbour->netns_cookie, netns_cookie, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(word_of(datapath, number), bit_of(number), __ATOMIC_SEQ_CST);
    }
}

void datapath_set_neighbour_fresh(struct datapath *datapath, uint32_t number, bool is_fresh)
{
    uint32_t from = is_fresh ? 0 : DATAPATH_NEIGHBOUR_FRESH;
    uint32_t to = is_fresh ? DATAPATH_NEIGHBOUR_FRESH : 0;

    if (datapath_neighbour(datapath, number))
        (void)__atomic_compare_exchange_n(&datapath->neighbours[number].is_seen, &from, to, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

uint64_t datapath_neighbour(const struct datapath *datapath, uint32_t number)
{
    if (number >= datapath->n_outliers ||
        !(__atomic_load_n(word_of(datapath, number), __ATOMIC_RELAXED) & bit_of(number)))
        return 0;
    return datapath->neighbours[number].netns_cookie;
}

bool datapath_is_neighbour_seen(const struct datapath *datapath, uint32_t number)
{
    return datapath_neighbour(datapath, number) != 0 &&
           __atomic_load_n(&datapath->neighbours[number].is_seen, __ATOMIC_RELAXED) != 0;
}

int datapath_put_netns_id(struct datapath *datapath, const struct svc_netns_pair *pair, uint32_t id)
{
    uint32_t known;

    if (datapath->backend->get(datapath, MAPS_IN_USE, MAP_NETNS_IDS, pair, &known) == 0 && known == id)
        return 0;
    return datapath->backend->put(datapath, MAP_NETNS_IDS, pair, &id, false);
}

int datapath_delete_netns_id(struct datapath *datapath, const struct svc_netns_pair *pair)
{
    int r = datapath->backend->remove(datapath, MAP_NETNS_IDS, pair);

    return r == -ENOENT ? 0 : r;
}

struct netns_walk {
    int (*on_pair)(const struct svc_netns_pair *, uint32_t, void *);
    void *user;
};

static int walk_netns_id(const void *key, const void *value, void *context)
{
    const struct netns_walk *walk = context;

    return walk->on_pair(key, *(const uint32_t *)value, walk->user);
}

int datapath_each_netns_id(struct datapath *datapath,
                           int (*on_pair)(const struct svc_netns_pair *, uint32_t, void *), void *user)
{
    struct netns_walk walk = {on_pair, user};

    return datapath->backend->each(datapath, MAPS_IN_USE, MAP_NETNS_IDS, sizeof(uint32_t), walk_netns_id,
                                   &walk);
}
