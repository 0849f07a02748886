/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call whom: entries of the three maps, and the word that says whether addresses are looked for. */
#include <string.h>

#include "datapath/internal.h"

int datapath_put_policy(struct datapath *datapath, uint32_t number, const struct svc_policy *policy)
{
    const struct svc_policy_key key = {.policy = number};
    struct svc_policy value = *policy;
    struct svc_policy known;

    if (datapath_policy(datapath, number, &known) == 0) {
        value.refused = known.refused;
        value.audited = known.audited;
    }
    return datapath_write_entry(datapath, MAP_POLICIES, &key, &value, false);
}

int datapath_policy(const struct datapath *datapath, uint32_t number, struct svc_policy *ret_policy)
{
    const struct svc_policy_key key = {.policy = number};

    return datapath->backend->get(datapath, MAPS_IN_USE, MAP_POLICIES, &key, ret_policy);
}

int datapath_delete_policy(struct datapath *datapath, uint32_t number)
{
    const struct svc_policy_key key = {.policy = number};

    return datapath_delete_entry(datapath, MAP_POLICIES, &key);
}

struct policy_walk {
    int (*on_policy)(uint32_t, const struct svc_policy *, void *);
    int (*on_pair)(const struct svc_policy_pair_key *, const struct svc_policy_pair *, void *);
    int (*on_address)(const struct svc_policy_address_key *, uint32_t, void *);
    void *user;
};

static int walk_policy(const void *key, const void *value, void *context)
{
    const struct policy_walk *walk = context;
    struct svc_policy policy; /* what a form hands over is not aligned for it */

    memcpy(&policy, value, sizeof(policy));
    return walk->on_policy(((const struct svc_policy_key *)key)->policy, &policy, walk->user);
}

int datapath_each_policy(struct datapath *datapath,
                         int (*on_policy)(uint32_t, const struct svc_policy *, void *), void *user)
{
    struct policy_walk walk = {.on_policy = on_policy, .user = user};

    return datapath_each_at_start(datapath, MAP_POLICIES, sizeof(struct svc_policy), walk_policy, &walk);
}

int datapath_put_policy_pair(struct datapath *datapath, uint64_t cgroup_id, uint32_t policy,
                             enum svc_policy_verdict verdict)
{
    const struct svc_policy_pair_key key = {.cgroup_id = cgroup_id, .policy = policy};
    struct svc_policy_pair pair = {0};

    (void)datapath_policy_pair(datapath, cgroup_id, policy, &pair);
    pair.verdict = verdict;
    return datapath_write_entry(datapath, MAP_POLICY_PAIRS, &key, &pair, false);
}

int datapath_delete_policy_pair(struct datapath *datapath, uint64_t cgroup_id, uint32_t policy)
{
    const struct svc_policy_pair_key key = {.cgroup_id = cgroup_id, .policy = policy};

    return datapath_delete_entry(datapath, MAP_POLICY_PAIRS, &key);
}

int datapath_policy_pair(const struct datapath *datapath, uint64_t cgroup_id, uint32_t policy,
                         struct svc_policy_pair *ret_pair)
{
    const struct svc_policy_pair_key key = {.cgroup_id = cgroup_id, .policy = policy};

    return datapath->backend->get(datapath, MAPS_IN_USE, MAP_POLICY_PAIRS, &key, ret_pair);
}

static int walk_policy_pair(const void *key, const void *value, void *context)
{
    const struct policy_walk *walk = context;

    return walk->on_pair(key, value, walk->user);
}

int datapath_each_policy_pair(struct datapath *datapath,
                              int (*on_pair)(const struct svc_policy_pair_key *,
                                             const struct svc_policy_pair *, void *),
                              void *user)
{
    struct policy_walk walk = {.on_pair = on_pair, .user = user};

    return datapath_each_at_start(datapath, MAP_POLICY_PAIRS, sizeof(struct svc_policy_pair),
                                  walk_policy_pair, &walk);
}

int datapath_put_policy_address(struct datapath *datapath, const struct svc_policy_address_key *key,
                                uint32_t policy)
{
    const struct svc_policy_address value = {.policy = policy};

    return datapath_write_entry(datapath, MAP_POLICY_ADDRESSES, key, &value, false);
}

int datapath_delete_policy_address(struct datapath *datapath, const struct svc_policy_address_key *key)
{
    return datapath_delete_entry(datapath, MAP_POLICY_ADDRESSES, key);
}

static int walk_policy_address(const void *key, const void *value, void *context)
{
    const struct policy_walk *walk = context;

    return walk->on_address(key, ((const struct svc_policy_address *)value)->policy, walk->user);
}

int datapath_each_policy_address(struct datapath *datapath,
                                 int (*on_address)(const struct svc_policy_address_key *, uint32_t, void *),
                                 void *user)
{
    struct policy_walk walk = {.on_address = on_address, .user = user};

    return datapath_each_at_start(datapath, MAP_POLICY_ADDRESSES, sizeof(struct svc_policy_address),
                                  walk_policy_address, &walk);
}

void datapath_guard_addresses(struct datapath *datapath, bool is_on)
{
    uint32_t *word = &datapath->outliers[0].namespace_scope;

    if (__atomic_load_n(word, __ATOMIC_RELAXED) == (uint32_t)is_on)
        return;
    __atomic_store_n(word, is_on, __ATOMIC_RELEASE);
    datapath_wrote(datapath, "policy_guard", is_on, 1);
}
