/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The start: peers and cells as the kernel holds them become those of what is registered. */
#include "upkeep/outliers_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/datapath.h"
#include "engine/engine.h"

struct stale_peers {
    struct outliers *outliers;
    struct svc_peer_key *keys;
    size_t n;
    size_t capacity;
};

/* Notes what leads to nobody; what leads to the right endpoint needs no writing. */
static int on_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    struct stale_peers *stale = user;
    struct peer *peer;

    HASH_FIND(hh, stale->outliers->all, key, sizeof(*key), peer);
    if (peer) {
        if (peer->first == endpoint)
            peer->is_written = true;
        return 0;
    }
    if (stale->n == stale->capacity) {
        size_t capacity = stale->capacity ? stale->capacity * 2 : 64;
        struct svc_peer_key *larger = realloc(stale->keys, capacity * sizeof(*larger));

        if (!larger)
            return -ENOMEM;
        stale->keys = larger;
        stale->capacity = capacity;
    }
    stale->keys[stale->n++] = *key;
    return 0;
}

/* In memory only, endpoints in the order of their numbers; lists in the kernel's memory are set right. */
static int link_all(struct outliers *outliers, struct instance **by_number)
{

    for (uint32_t number = outliers->n - 1; number > 0; number--) {
        struct svc_peer_key key;
        struct peer *peer;
        int r;

        if (!by_number[number])
            continue;
        r = outliers_key_of(outliers, by_number[number], &key);
        if (r < 0)
            return r;
        peer = outliers_make_peer(outliers, &key);
        if (!peer)
            return -ENOMEM;
        outliers_write_cell(outliers, by_number[number], &key);
        outliers_link_cell(outliers->datapath, number, peer->first);
        peer->first = number;
        outliers->by_number[number] = peer;
    }
    return 0;
}

/* Of endpoints that went while nobody was there to see it. While degraded they may only be unknown. */
static void forget_unused_cells(struct outliers *outliers)
{
    if (engine_is_degraded(outliers->engine))
        return;
    for (uint32_t number = 1; number < outliers->n; number++)
        if (!outliers->by_number[number])
            outliers_forget_cell(outliers->datapath, number);
}

static int write_peers(struct outliers *outliers)
{
    struct stale_peers stale = {.outliers = outliers};
    struct peer *peer;
    int released;
    int r = datapath_each_peer(outliers->datapath, on_peer, &stale);

    for (size_t i = 0; i < stale.n && r == 0 && !engine_is_degraded(outliers->engine); i++)
        r = datapath_delete_peer(outliers->datapath, &stale.keys[i]);
    free(stale.keys);
    datapath_hold(outliers->datapath);
    for (peer = outliers->all; peer && r == 0; peer = peer->hh.next)
        if (!peer->is_written)
            r = datapath_put_peer(outliers->datapath, &peer->key, peer->first);
    released = datapath_release(outliers->datapath);
    if (r == 0)
        r = released;
    /* New maps have nothing else in them. */
    if (r == 0 && datapath_origin(outliers->datapath) == DATAPATH_ADOPTED)
        r = datapath_settle_peers(outliers->datapath);
    return r;
}

static void outliers_adopt_collect(const struct outliers *outliers, struct instance **by_number)
{
    const struct model_namespace *parent;
    const struct service *service;
    struct instance *instance;

    for (parent = engine_catalog(outliers->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance; instance = instance->hh.next)
                by_number[instance->endpoint] = instance;
}

int outliers_adopt(struct outliers *outliers, struct error *error)
{
    struct instance **by_number = calloc(outliers->n, sizeof(struct instance *));
    int r = by_number ? 0 : -ENOMEM;

    if (r == 0) {
        outliers_adopt_collect(outliers, by_number);
        r = link_all(outliers, by_number);
    }
    if (r == 0)
        r = write_peers(outliers);
    if (r == 0)
        forget_unused_cells(outliers);
    free(by_number);
    return r < 0 ? error_errno(error, r, "writing where endpoints are") : 0;
}

void outliers_forget_strangers(struct outliers *outliers)
{
    struct stale_peers stale = {.outliers = outliers};

    if (datapath_each_peer(outliers->datapath, on_peer, &stale) == 0)
        for (size_t i = 0; i < stale.n; i++)
            (void)datapath_delete_peer(outliers->datapath, &stale.keys[i]);
    free(stale.keys);
    forget_unused_cells(outliers);
}
