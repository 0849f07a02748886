/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries that are put by a number or two, and told by sums that no other set of them has. */
#pragma once

#include "unit/datapath/datapath_lab.h"

static inline int sum_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    *(uint64_t *)user += number * 1000 + endpoint->weight;
    return 0;
}

static inline uint64_t sum_endpoints(struct lab *lab)
{
    uint64_t sum = 0;

    assert_int_equal(datapath_each_endpoint(lab->datapath, sum_endpoint, &sum), 0);
    return sum;
}

static inline int put_endpoint(struct lab *lab, uint32_t number, uint32_t weight)
{
    struct svc_endpoint endpoint = {.weight = weight};

    return datapath_put_endpoint(lab->datapath, number, &endpoint);
}

static inline int sum_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    *(uint64_t *)user += key->namespace_scope * 1000 + endpoint;
    return 0;
}

static inline uint64_t sum_peers(struct lab *lab)
{
    uint64_t sum = 0;

    assert_int_equal(datapath_each_peer(lab->datapath, sum_peer, &sum), 0);
    return sum;
}

static inline int put_peer(struct lab *lab, uint32_t scope, uint32_t endpoint)
{
    struct svc_peer_key key = {.namespace_scope = scope, .protocol = TCP};

    return datapath_put_peer(lab->datapath, &key, endpoint);
}
