/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Outliers on a data path in memory, and what programs would find there. Included after cmocka.h. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/memory.h"
#include "engine/engine.h"
#include "upkeep/outliers.h"

#define MAX_ENDPOINTS 8

/* ---- what the tests begin with ---- */

/* Instances are made in the catalog with numbers of the test's choice, behind the engine's back. */
struct lab {
    struct event_base *base;
    struct engine *engine;
    struct catalog *catalog;
    struct datapath *datapath;
    struct outliers outliers;
};

static inline int begin(struct lab *lab)
{
    int r = outliers_init(&lab->outliers, lab->engine, MAX_ENDPOINTS);

    lab->outliers.datapath = lab->datapath;
    return r;
}

static inline int setup(void **state)
{
    static const struct datapath_config config = {
        .aliases = 2, .slots = 1, .endpoints = MAX_ENDPOINTS, .tasks = 1};
    struct engine_settings settings = {.max_aliases = 2, .max_slots = 1, .max_endpoints = MAX_ENDPOINTS};
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    if (!lab)
        return -1;
    lab->base = settings.base = event_base_new();
    if (alias_range_parse("127.255.0.0/16", "fd7f:ff53:7663::/112", &settings.alias_range, NULL) < 0 ||
        engine_new(&settings, &lab->engine) < 0 || datapath_new_in_memory(&config, &lab->datapath) < 0)
        return -1;
    lab->catalog = engine_catalog(lab->engine);
    return begin(lab);
}

static inline int teardown(void **state)
{
    struct lab *lab = *state;

    outliers_done(&lab->outliers);
    engine_free(&lab->engine);
    datapath_close(&lab->datapath);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static inline struct svc_outlier *cell_of(const struct lab *lab, uint32_t number)
{
    return datapath_outlier(lab->datapath, number);
}

struct peer_search {
    const struct svc_peer_key *key; /* NULL: only counts them */
    uint32_t endpoint;
    unsigned n;
};

static inline int on_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    struct peer_search *search = user;

    search->n++;
    if (search->key && memcmp(key, search->key, sizeof(*key)) == 0)
        search->endpoint = endpoint;
    return 0;
}

static inline unsigned count_peers(struct lab *lab)
{
    struct peer_search search = {0};

    assert_int_equal(datapath_each_peer(lab->datapath, on_peer, &search), 0);
    return search.n;
}

/* An instance of "ns/web" (or of another namespace) at 10.0.0.LAST:8080, in the catalog only. */
static inline struct instance *make_in(struct lab *lab, const char *namespace_name, uint32_t number,
                                       uint8_t last)
{
    struct service *service = catalog_make_service(lab->catalog, namespace_name, "web");
    struct instance *instance;
    char id[16];

    (void)snprintf(id, sizeof(id), "%u", number);
    instance = catalog_make_instance(lab->catalog, service, id);
    assert_non_null(instance);
    instance->endpoint = number;
    instance->address = ip_address_from_v4(0x0a000000u + last);
    instance->port = 8080;
    instance->protocol = TCP;
    return instance;
}

static inline struct instance *put(struct lab *lab, uint32_t number, uint8_t last)
{
    struct instance *instance = make_in(lab, "ns", number, last);

    outliers_put(&lab->outliers, instance);
    assert_true(outliers_is_at(&lab->outliers, instance));
    return instance;
}

/* Followed as the program does it, from `peers` along `next`: "1 3 5", or "" if the address leads nowhere. */
static inline const char *list_in(struct lab *lab, uint32_t scope, uint8_t last, char text[static 64])
{
    const struct svc_peer_key key = {.namespace_scope = scope,
                                     .port_be = htons(8080),
                                     .protocol = TCP,
                                     .address = {[10] = 0xff, 0xff, 10, [15] = last}};
    struct peer_search search = {.key = &key};
    size_t n = 0;

    assert_int_equal(datapath_each_peer(lab->datapath, on_peer, &search), 0);
    text[0] = '\0';
    for (uint32_t at = search.endpoint, steps = 0; at; at = cell_of(lab, at)->next) {
        assert_true(++steps <= MAX_ENDPOINTS); /* no circle */
        n += (size_t)snprintf(text + n, 64 - n, n ? " %u" : "%u", at);
    }
    return text;
}

static inline void expect_list(struct lab *lab, uint8_t last, const char *wanted)
{
    char text[64];

    assert_string_equal(list_in(lab, 1, last, text), wanted);
}
