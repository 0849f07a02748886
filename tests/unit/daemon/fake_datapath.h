/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In place of datapath and numbers, for tests of outliers: cells, peers and a count of writes in plain
 * memory. These definitions go before the library's, of which then nothing is linked that speaks to a kernel.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "daemon/numbers.h"
#include "datapath/datapath.h"

#define MAX_ENDPOINTS 8

struct fake_peer {
    struct svc_peer_key key;
    uint32_t endpoint;
};

struct datapath {
    struct svc_outlier cells[MAX_ENDPOINTS + 1];
    struct fake_peer peers[MAX_ENDPOINTS];
    size_t n_peers;
    struct svc_outlier old_cells[MAX_ENDPOINTS + 1];
    unsigned writes;
};

static struct fake_peer *find_peer(struct datapath *datapath, const struct svc_peer_key *key)
{
    for (size_t i = 0; i < datapath->n_peers; i++)
        if (memcmp(&datapath->peers[i].key, key, sizeof(*key)) == 0)
            return &datapath->peers[i];
    return NULL;
}

int datapath_put_peer(struct datapath *datapath, const struct svc_peer_key *key, uint32_t endpoint)
{
    struct fake_peer *peer = find_peer(datapath, key);

    if (!peer) {
        assert_true(datapath->n_peers < MAX_ENDPOINTS);
        peer = &datapath->peers[datapath->n_peers++];
    }
    *peer = (struct fake_peer){*key, endpoint};
    datapath->writes++;
    return 0;
}

int datapath_delete_peer(struct datapath *datapath, const struct svc_peer_key *key)
{
    struct fake_peer *peer = find_peer(datapath, key);

    assert_non_null(peer);
    *peer = datapath->peers[--datapath->n_peers];
    datapath->writes++;
    return 0;
}

int datapath_each_peer(struct datapath *datapath,
                       int (*on_peer)(const struct svc_peer_key *key, uint32_t endpoint, void *user),
                       void *user)
{
    int r = 0;

    for (size_t i = 0; i < datapath->n_peers && r == 0; i++)
        r = on_peer(&datapath->peers[i].key, datapath->peers[i].endpoint, user);
    return r;
}

struct svc_outlier *datapath_outlier(const struct datapath *datapath, uint32_t endpoint)
{
    return endpoint <= MAX_ENDPOINTS ? (struct svc_outlier *)&datapath->cells[endpoint] : NULL;
}

void datapath_count_write(struct datapath *datapath)
{
    datapath->writes++;
}

void datapath_hold(struct datapath *datapath)
{
    (void)datapath;
}

int datapath_release(struct datapath *datapath)
{
    (void)datapath;
    return 0;
}

/* What a migration would find: a cell that was, or nothing. */
bool datapath_old_outlier(const struct datapath *datapath, uint32_t endpoint, struct svc_outlier *ret_outlier)
{
    if (endpoint > MAX_ENDPOINTS || !datapath->old_cells[endpoint].port_be)
        return false;
    *ret_outlier = datapath->old_cells[endpoint];
    return true;
}

int numbers_scope(struct daemon *daemon, const char *namespace_name, uint32_t *ret_scope, struct error *error)
{
    (void)daemon;
    (void)error;
    *ret_scope = namespace_name[0] == 'n' ? 1 : 2;
    return 0;
}
