/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Aliases: their entries for people and for adoption, and the index that the programs read instead. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "datapath/internal.h"

static struct svc_place aliases_place_of(const struct datapath *datapath, const struct svc_alias_key *key)
{
    return svc_index_alias(key, datapath->alias_index.mask);
}

static int aliases_index_put(struct datapath *datapath, const struct svc_alias_key *key, uint32_t service)
{
    struct svc_place place = aliases_place_of(datapath, key);

    return open_index_put(&datapath->alias_index, &place, service + 1);
}

/* An entry that is written over may have led to another service, which the key leads to no more. */
static void forget_others(struct datapath *datapath, const struct svc_alias_key *key, uint32_t service)
{
    struct svc_place place = aliases_place_of(datapath, key);

    for (uint32_t i = 0; i < 2 * SVC_BUCKET_WORDS; i++) {
        uint32_t bucket = i < SVC_BUCKET_WORDS ? place.first : place.second;
        uint64_t word = svc_bucket_word(&datapath->alias_index.buckets[bucket], i);
        uint32_t number = svc_index_word_number(word);

        if (word >> 32 == place.tag && number && number != service + 1 && number <= datapath->n_services &&
            svc_service_matches(&datapath->services[number - 1], key))
            (void)open_index_remove(&datapath->alias_index, &place, number);
    }
}

/* The entry first: programs find what people can read, and a death in between is put right by the next start. */
int datapath_put_alias(struct datapath *datapath, const struct svc_alias_key *key,
                       const struct svc_alias *alias)
{
    int r = datapath_write_entry(datapath, MAP_ALIASES, key, alias, false);

    if (r < 0) {
        datapath_give_back_alias(datapath, key);
        return r;
    }
    r = aliases_index_put(datapath, key, alias->service);
    if (r < 0)
        (void)datapath_delete_entry(datapath, MAP_ALIASES, key);
    else
        forget_others(datapath, key, alias->service);
    return r < 0 ? r : 0;
}

int datapath_delete_alias(struct datapath *datapath, const struct svc_alias_key *key)
{
    struct svc_place place = aliases_place_of(datapath, key);
    struct svc_alias alias;

    if (datapath->backend->get(datapath, MAPS_IN_USE, MAP_ALIASES, key, &alias) == 0)
        (void)open_index_remove(&datapath->alias_index, &place, alias.service + 1);
    return datapath_delete_entry(datapath, MAP_ALIASES, key);
}

int datapath_keep_alias(struct datapath *datapath, const struct svc_alias_key *key)
{
    struct svc_place place = aliases_place_of(datapath, key);

    return open_index_keep(&datapath->alias_index, &place);
}

void datapath_give_back_alias(struct datapath *datapath, const struct svc_alias_key *key)
{
    struct svc_place place = aliases_place_of(datapath, key);

    open_index_give_back(&datapath->alias_index, &place);
}

struct settling {
    struct datapath *datapath;
    bool *is_right; /* by position */
};

static int on_settled(const void *key, const void *value, void *context)
{
    const struct settling *settling = context;
    const struct svc_alias *alias = value;
    struct svc_place place = aliases_place_of(settling->datapath, key);
    int r = aliases_index_put(settling->datapath, key, alias->service);

    if (r < 0)
        return r;
    if (r == 0)
        datapath_wrote(settling->datapath, datapath_map_names[MAP_ALIAS_INDEX], alias->service, 1);
    settling->is_right[open_index_position(&settling->datapath->alias_index, &place, alias->service + 1)] =
        true;
    return 0;
}

int datapath_settle_aliases(struct datapath *datapath)
{
    _cleanup_free_ bool *is_right = calloc(open_index_words(&datapath->alias_index), sizeof(*is_right));
    struct settling settling = {datapath, is_right};
    int r;

    if (!is_right)
        return -ENOMEM;
    r = datapath->backend->each(datapath, MAPS_IN_USE, MAP_ALIASES, sizeof(struct svc_alias), on_settled,
                                &settling);
    if (r == 0 && open_index_sweep(&datapath->alias_index, is_right))
        datapath_wrote(datapath, datapath_map_names[MAP_ALIAS_INDEX], 0, 0);
    return r;
}
