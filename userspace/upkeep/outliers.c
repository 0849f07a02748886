/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints by address in `peers`, and the policies that the programs judge them by. */
#include "upkeep/outliers_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/first_byte.h>
#include <svcconnect/index.h>

#include "base/clock.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/engine.h"

int outliers_init(struct outliers *outliers, struct engine *engine, uint32_t max_endpoints)
{
    *outliers = (struct outliers){.engine = engine, .n = max_endpoints + 1};
    outliers->by_number = calloc(outliers->n, sizeof(struct peer *));
    return outliers->by_number ? 0 : -ENOMEM;
}

void outliers_done(struct outliers *outliers)
{
    struct peer *peer, *next;

    HASH_ITER (hh, outliers->all, peer, next) {
        HASH_DEL(outliers->all, peer);
        free(peer);
    }
    free(outliers->by_number);
    *outliers = (struct outliers){0};
}

/* ---- cells: one endpoint's state in the kernel's memory ---- */

static void set_policy(struct outliers *outliers, const struct instance *instance, struct svc_outlier *cell)
{
    const struct ejection_policy *ejection =
        service_ejection(engine_catalog(outliers->engine), instance->service);

    cell->failures = (uint16_t)ejection->failures;
    cell->window_ms = ejection->window_ms;
    cell->base_ms = ejection->base_ms;
    cell->max_ms = ejection->max_ms;
    cell->connect_timeout_ms =
        service_connect_timeout_ms(engine_catalog(outliers->engine), instance->service);
    cell->syn_timeout_ms = service_get_settings(instance->service)->syn_timeout_ms;
    cell->timed =
        instance->protocol == TCP ? svc_timed_of(service_get_settings(instance->service)->response_time) : 0;
    cell->load_weight = 0;
    cell->is_by_time = service_get_settings(instance->service)->balance == BALANCE_LEAST_TIME;
    if (service_get_settings(instance->service)->balance != BALANCE_WEIGHTED) {
        cell->load_weight = instance->weight ? instance->weight : 1;
        outliers->has_loads = true;
    }
}

/* A record of another layout does not tell the namespace. */
static bool was_at(const struct svc_outlier *cell, const struct svc_peer_key *key)
{
    return cell->port_be == key->port_be && memcmp(cell->address, key->address, sizeof(key->address)) == 0;
}

/* Of [0]: connects look at the endpoint's own cell only while it says that one may matter (see abi.h). */
static void note_ejection(struct datapath *datapath)
{
    struct svc_outlier *any = datapath_outlier(datapath, 0);

    if (!any->ejected_until) /* nobody else clears it */
        __atomic_store_n(&any->ejected_until, clock_monotonic_ns(), __ATOMIC_SEQ_CST);
}

_Static_assert(SYN_TIMEOUT_MAX_MS < SVC_SYN_BEGINS, "svc_patience has room for both");

static void note_limits(struct datapath *datapath, const struct svc_outlier *cell)
{
    struct svc_outlier *any = datapath_outlier(datapath, 0);
    uint32_t limit_ms = cell->connect_timeout_ms ? cell->connect_timeout_ms : cell->syn_timeout_ms;

    if (limit_ms && !any->connect_timeout_ms)
        any->connect_timeout_ms = limit_ms;
}

static bool is_any_ejected(const struct outliers *outliers)
{
    for (uint32_t number = 1; number < outliers->n; number++)
        if (outliers->by_number[number] &&
            __atomic_load_n(&datapath_outlier(outliers->datapath, number)->ejected_until, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

void outliers_settle(struct outliers *outliers)
{
    struct svc_outlier *any = datapath_outlier(outliers->datapath, 0);

    if (any->ejected_until == 0 || is_any_ejected(outliers))
        return;
    /* Looked at again after the store: a program may have ejected one in between. */
    __atomic_store_n(&any->ejected_until, 0, __ATOMIC_SEQ_CST);
    if (is_any_ejected(outliers))
        note_ejection(outliers->datapath);
}

void outliers_write_cell(struct outliers *outliers, const struct instance *instance,
                         const struct svc_peer_key *key)
{
    struct svc_outlier *cell = datapath_outlier(outliers->datapath, instance->endpoint);
    struct svc_outlier wanted = *cell;

    if (!svc_outlier_matches(cell, key)) {
        if (!datapath_old_outlier(outliers->datapath, instance->endpoint, &wanted) || !was_at(&wanted, key)) {
            wanted = (struct svc_outlier){.port_be = key->port_be};
            memcpy(wanted.address, key->address, sizeof(wanted.address));
        }
        wanted.next = 0;
        wanted.open = 0;
        wanted.namespace_scope = key->namespace_scope;
        wanted.protocol = key->protocol;
    }
    set_policy(outliers, instance, &wanted);
    note_limits(outliers->datapath, &wanted);
    if (wanted.ejected_until)
        note_ejection(outliers->datapath);
    if (svc_outlier_matches(cell, key)) {
        if (cell->failures == wanted.failures && cell->window_ms == wanted.window_ms &&
            cell->base_ms == wanted.base_ms && cell->max_ms == wanted.max_ms &&
            cell->connect_timeout_ms == wanted.connect_timeout_ms &&
            cell->syn_timeout_ms == wanted.syn_timeout_ms && cell->load_weight == wanted.load_weight &&
            cell->timed == wanted.timed && cell->is_by_time == wanted.is_by_time)
            return;
        if (cell->window_ms != wanted.window_ms)
            cell->history = 0; /* counted in parts of another length */
        cell->window_ms = wanted.window_ms;
        cell->base_ms = wanted.base_ms;
        cell->max_ms = wanted.max_ms;
        cell->failures = wanted.failures;
        cell->connect_timeout_ms = wanted.connect_timeout_ms;
        cell->syn_timeout_ms = wanted.syn_timeout_ms;
        cell->load_weight = wanted.load_weight;
        cell->timed = wanted.timed;
        cell->is_by_time = wanted.is_by_time;
    } else {
        *cell = wanted;
    }
    datapath_count_write(outliers->datapath);
}

void outliers_link_cell(struct datapath *datapath, uint32_t number, uint32_t next)
{
    struct svc_outlier *cell = datapath_outlier(datapath, number);

    if (cell->next == next)
        return;
    __atomic_store_n(&cell->next, next, __ATOMIC_RELEASE);
    datapath_count_write(datapath);
}

/* ---- peers: endpoints by address ---- */

static void set_first(struct outliers *outliers, struct peer *peer, uint32_t number)
{
    int r = number ? datapath_put_peer(outliers->datapath, &peer->key, number)
                   : datapath_delete_peer(outliers->datapath, &peer->key);

    peer->first = number;
    if (r < 0)
        log_warning("endpoint %u: its connects cannot be judged: %s", number, strerror(-r));
    if (!number) {
        HASH_DEL(outliers->all, peer);
        free(peer);
    }
}

struct peer *outliers_make_peer(struct outliers *outliers, const struct svc_peer_key *key)
{
    struct peer *peer;

    HASH_FIND(hh, outliers->all, key, sizeof(*key), peer);
    if (peer)
        return peer;
    peer = calloc(1, sizeof(*peer));
    if (!peer)
        return NULL;
    peer->key = *key;
    HASH_ADD(hh, outliers->all, key, sizeof(peer->key), peer);
    return peer;
}

/* The last endpoint of the peer with a lower number; 0: none. */
static uint32_t predecessor(const struct datapath *datapath, const struct peer *peer, uint32_t number)
{
    uint32_t before = 0;

    for (uint32_t at = peer->first; at && at < number; at = datapath_outlier(datapath, at)->next)
        before = at;
    return before;
}

static void link_in(struct outliers *outliers, struct peer *peer, uint32_t number)
{
    struct datapath *datapath = outliers->datapath;
    uint32_t before = predecessor(datapath, peer, number);

    outliers_link_cell(datapath, number, before ? datapath_outlier(datapath, before)->next : peer->first);
    if (before)
        outliers_link_cell(datapath, before, number);
    else
        set_first(outliers, peer, number);
    outliers->by_number[number] = peer;
}

void outliers_forget_cell(struct datapath *datapath, uint32_t number)
{
    struct svc_outlier *cell = datapath_outlier(datapath, number);

    if (!cell->protocol)
        return;
    __atomic_store_n(&cell->protocol, 0, __ATOMIC_SEQ_CST); /* so that it matches no key */
    datapath_count_write(datapath);
}

void outliers_remove(struct outliers *outliers, uint32_t number)
{
    struct datapath *datapath = outliers->datapath;
    struct peer *peer = number < outliers->n ? outliers->by_number[number] : NULL;
    uint32_t before, next;

    if (!peer)
        return;
    outliers->by_number[number] = NULL;
    before = predecessor(datapath, peer, number);
    next = datapath_outlier(datapath, number)->next;
    if (before)
        outliers_link_cell(datapath, before, next);
    else
        set_first(outliers, peer, next);
    outliers_forget_cell(datapath, number); /* last: until here it is found by its key */
}

int outliers_key_of(struct outliers *outliers, const struct instance *instance, struct svc_peer_key *ret_key)
{
    struct svc_peer_key key = {.port_be = htons(instance->port), .protocol = (uint8_t)instance->protocol};
    int r = engine_scope(outliers->engine, instance->service->parent->name, &key.namespace_scope, NULL);

    if (r < 0)
        return r;
    memcpy(key.address, instance->address.bytes, sizeof(key.address));
    *ret_key = key;
    return 0;
}

bool outliers_is_at(const struct outliers *outliers, const struct instance *instance)
{
    const struct peer *peer = outliers->by_number[instance->endpoint];

    return peer && peer->key.port_be == htons(instance->port) && peer->key.protocol == instance->protocol &&
           memcmp(peer->key.address, instance->address.bytes, sizeof(peer->key.address)) == 0;
}

void outliers_put(struct outliers *outliers, const struct instance *instance)
{
    struct peer *peer = outliers->by_number[instance->endpoint];
    struct svc_peer_key key;

    if (outliers_key_of(outliers, instance, &key) < 0)
        return;
    if (peer && memcmp(&peer->key, &key, sizeof(key)) != 0) {
        outliers_remove(outliers, instance->endpoint);
        peer = NULL;
    }
    outliers_write_cell(outliers, instance, &key);
    if (peer)
        return;
    peer = outliers_make_peer(outliers, &key);
    if (peer)
        link_in(outliers, peer, instance->endpoint);
}

const struct svc_peer_key *outliers_alone_at(const struct outliers *outliers, uint32_t number)
{
    const struct peer *peer = number < outliers->n ? outliers->by_number[number] : NULL;

    return peer && peer->first == number && !datapath_outlier(outliers->datapath, number)->next ? &peer->key
                                                                                                : NULL;
}

void outliers_refresh(struct outliers *outliers)
{
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;

    for (parent = engine_catalog(outliers->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance; instance = instance->hh.next)
                if (outliers->by_number[instance->endpoint])
                    outliers_put(outliers, instance);
}

/* ---- by hand ---- */

uint64_t outliers_ejected_ms(const struct outliers *outliers, uint32_t number)
{
    const struct svc_outlier *cell = number < outliers->n && outliers->by_number[number]
                                         ? datapath_outlier(outliers->datapath, number)
                                         : NULL;
    uint64_t until = cell ? __atomic_load_n(&cell->ejected_until, __ATOMIC_RELAXED) : 0;
    uint64_t now = until ? clock_monotonic_ns() : 0;

    return until > now ? (until - now + SVC_NS_PER_MS - 1) / SVC_NS_PER_MS : 0;
}

int outliers_eject(struct outliers *outliers, uint32_t number, uint32_t duration_ms)
{
    if (number >= outliers->n || !outliers->by_number[number])
        return -ENOENT;
    svc_outlier_eject(datapath_outlier(outliers->datapath, number), clock_monotonic_ns(), duration_ms);
    note_ejection(outliers->datapath);
    datapath_count_write(outliers->datapath);
    return 0;
}

int outliers_clear(struct outliers *outliers, uint32_t number)
{
    struct svc_outlier *cell;

    if (number >= outliers->n || !outliers->by_number[number])
        return -ENOENT;
    cell = datapath_outlier(outliers->datapath, number);
    cell->history = 0;
    cell->ejections = 0;
    __atomic_store_n(&cell->ejected_until, 0, __ATOMIC_RELEASE);
    outliers_settle(outliers);
    datapath_count_write(outliers->datapath);
    return 0;
}

/* ---- following changes ---- */

static void outliers_follow_put(void *user, struct instance *instance)
{
    outliers_put(user, instance);
}

static void outliers_follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    (void)namespace_name;
    outliers_remove(user, number);
}

static void follow_settings_changed(void *user)
{
    outliers_refresh(user);
}

static void follow_republished(void *user)
{
    outliers_forget_strangers(user);
}

static int follow_begin(void *user, struct error *error)
{
    return outliers_adopt(user, error);
}

const struct engine_follower outliers_follower = {
    .put = outliers_follow_put,
    .removed = outliers_follow_removed,
    .settings_changed = follow_settings_changed,
    .begin = follow_begin,
    .republished = follow_republished,
};
