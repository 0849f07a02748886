/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints by address: their entries for people and for adoption, and the index that sock_ops reads instead. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "datapath/internal.h"

static struct svc_place peers_place_of(const struct datapath *datapath, const struct svc_peer_key *key)
{
    return svc_index_peer(key, datapath->peer_index.mask);
}

/* Another endpoint was the first at this address before. */
static void peers_forget_others(struct datapath *datapath, const struct svc_peer_key *key, uint32_t endpoint)
{
    struct svc_place place = peers_place_of(datapath, key);

    for (uint32_t i = 0; i < 2 * SVC_BUCKET_WORDS; i++) {
        uint32_t bucket = i < SVC_BUCKET_WORDS ? place.first : place.second;
        uint64_t word = svc_bucket_word(&datapath->peer_index.buckets[bucket], i);
        uint32_t number = svc_index_word_number(word);

        if (word >> 32 == place.tag && number && number != endpoint + 1 && number <= datapath->n_outliers &&
            svc_outlier_matches(&datapath->outliers[number - 1], key))
            (void)open_index_remove(&datapath->peer_index, &place, number);
    }
}

int datapath_put_peer(struct datapath *datapath, const struct svc_peer_key *key, uint32_t endpoint)
{
    struct svc_place place = peers_place_of(datapath, key);
    struct svc_peer value = {.endpoint = endpoint};
    int r = datapath_put_entry(datapath, MAP_PEERS, key, &value);

    if (r < 0)
        return r;
    r = open_index_put(&datapath->peer_index, &place, endpoint + 1);
    peers_forget_others(datapath, key, endpoint);
    return r < 0 ? r : 0;
}

int datapath_delete_peer(struct datapath *datapath, const struct svc_peer_key *key)
{
    struct svc_place place = peers_place_of(datapath, key);
    struct svc_peer peer;

    if (datapath->backend->get(datapath, MAPS_IN_USE, MAP_PEERS, key, &peer) == 0)
        (void)open_index_remove(&datapath->peer_index, &place, peer.endpoint + 1);
    return datapath_delete_entry(datapath, MAP_PEERS, key);
}

struct peers_settling {
    struct datapath *datapath;
    bool *is_right; /* by position */
};

static int peers_on_settled(const void *key, const void *value, void *context)
{
    const struct peers_settling *settling = context;
    const struct svc_peer *peer = value;
    struct open_index *index = &settling->datapath->peer_index;
    struct svc_place place = peers_place_of(settling->datapath, key);
    int r = open_index_put(index, &place, peer->endpoint + 1);

    if (r < 0)
        return r;
    if (r == 0)
        datapath_wrote(settling->datapath, datapath_map_names[MAP_PEER_INDEX], peer->endpoint, 1);
    settling->is_right[open_index_position(index, &place, peer->endpoint + 1)] = true;
    return 0;
}

int datapath_settle_peers(struct datapath *datapath)
{
    _cleanup_free_ bool *is_right = calloc(open_index_words(&datapath->peer_index), sizeof(*is_right));
    struct peers_settling settling = {datapath, is_right};
    int r;

    if (!is_right)
        return -ENOMEM;
    r = datapath->backend->each(datapath, MAPS_IN_USE, MAP_PEERS, sizeof(struct svc_peer), peers_on_settled,
                                &settling);
    if (r == 0 && open_index_sweep(&datapath->peer_index, is_right))
        datapath_wrote(datapath, datapath_map_names[MAP_PEER_INDEX], 0, 0);
    return r;
}
