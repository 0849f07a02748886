/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/outliers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

int outliers_new(struct outliers *outliers, uint32_t max_endpoints)
{
    outliers->by_number = calloc((size_t)max_endpoints + 1, sizeof(struct peer *));
    outliers->n = max_endpoints + 1;
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

static void set_policy(const struct daemon *daemon, const struct instance *instance, struct svc_outlier *cell)
{
    const struct ejection_policy *ejection =
        service_ejection(engine_catalog(daemon->engine), instance->service);

    cell->failures = (uint16_t)ejection->failures;
    cell->window_ms = ejection->window_ms;
    cell->base_ms = ejection->base_ms;
    cell->max_ms = ejection->max_ms;
    cell->connect_timeout_ms = service_connect_timeout_ms(engine_catalog(daemon->engine), instance->service);
}

static bool is_at(const struct svc_outlier *cell, const struct svc_peer_key *key)
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

static void note_connect_timeout(struct datapath *datapath, uint32_t timeout_ms)
{
    struct svc_outlier *any = datapath_outlier(datapath, 0);

    if (timeout_ms && !any->connect_timeout_ms)
        any->connect_timeout_ms = timeout_ms;
}

static bool is_any_ejected(const struct daemon *daemon)
{
    for (uint32_t number = 1; number < daemon->outliers.n; number++)
        if (daemon->outliers.by_number[number] &&
            __atomic_load_n(&datapath_outlier(daemon->datapath, number)->ejected_until, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

void outliers_settle(struct daemon *daemon)
{
    struct svc_outlier *any = datapath_outlier(daemon->datapath, 0);

    if (any->ejected_until == 0 || is_any_ejected(daemon))
        return;
    /* Looked at again after the store: a program may have ejected one in between. */
    __atomic_store_n(&any->ejected_until, 0, __ATOMIC_SEQ_CST);
    if (is_any_ejected(daemon))
        note_ejection(daemon->datapath);
}

/* Writes the members that are userspace's where they differ; the program's stay, unless the address is new.
 */
static void write_cell(struct daemon *daemon, const struct instance *instance, const struct svc_peer_key *key)
{
    struct svc_outlier *cell = datapath_outlier(daemon->datapath, instance->endpoint);
    struct svc_outlier wanted = *cell;

    if (!is_at(cell, key)) {
        if (!datapath_old_outlier(daemon->datapath, instance->endpoint, &wanted) || !is_at(&wanted, key)) {
            wanted = (struct svc_outlier){.port_be = key->port_be};
            memcpy(wanted.address, key->address, sizeof(wanted.address));
        }
        wanted.next = 0;
    }
    set_policy(daemon, instance, &wanted);
    note_connect_timeout(daemon->datapath, wanted.connect_timeout_ms);
    if (wanted.ejected_until)
        note_ejection(daemon->datapath);
    if (is_at(cell, key)) {
        if (cell->failures == wanted.failures && cell->window_ms == wanted.window_ms &&
            cell->base_ms == wanted.base_ms && cell->max_ms == wanted.max_ms &&
            cell->connect_timeout_ms == wanted.connect_timeout_ms)
            return;
        if (cell->window_ms != wanted.window_ms)
            cell->history = 0; /* counted in parts of another length */
        cell->window_ms = wanted.window_ms;
        cell->base_ms = wanted.base_ms;
        cell->max_ms = wanted.max_ms;
        cell->failures = wanted.failures;
        cell->connect_timeout_ms = wanted.connect_timeout_ms;
    } else {
        *cell = wanted;
    }
    datapath_count_write(daemon->datapath);
}

static void link_cell(struct datapath *datapath, uint32_t number, uint32_t next)
{
    struct svc_outlier *cell = datapath_outlier(datapath, number);

    if (cell->next == next)
        return;
    __atomic_store_n(&cell->next, next, __ATOMIC_RELEASE);
    datapath_count_write(datapath);
}

/* ---- peers: endpoints by address ---- */

static void set_first(struct outliers *outliers, struct datapath *datapath, struct peer *peer,
                      uint32_t number)
{
    int r =
        number ? datapath_put_peer(datapath, &peer->key, number) : datapath_delete_peer(datapath, &peer->key);

    peer->first = number;
    if (r < 0)
        log_warning("endpoint %u: its connects cannot be judged: %s", number, strerror(-r));
    if (!number) {
        HASH_DEL(outliers->all, peer);
        free(peer);
    }
}

static struct peer *make_peer(struct outliers *outliers, const struct svc_peer_key *key)
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

static void link_in(struct outliers *outliers, struct datapath *datapath, struct peer *peer, uint32_t number)
{
    uint32_t before = predecessor(datapath, peer, number);

    link_cell(datapath, number, before ? datapath_outlier(datapath, before)->next : peer->first);
    if (before)
        link_cell(datapath, before, number);
    else
        set_first(outliers, datapath, peer, number);
    outliers->by_number[number] = peer;
}

void outliers_remove(struct outliers *outliers, struct datapath *datapath, uint32_t number)
{
    struct peer *peer = number < outliers->n ? outliers->by_number[number] : NULL;
    uint32_t before, next;

    if (!peer)
        return;
    outliers->by_number[number] = NULL;
    before = predecessor(datapath, peer, number);
    next = datapath_outlier(datapath, number)->next;
    if (before)
        link_cell(datapath, before, next);
    else
        set_first(outliers, datapath, peer, next);
}

static int key_of(struct daemon *daemon, const struct instance *instance, struct svc_peer_key *ret_key)
{
    struct svc_peer_key key = {.port_be = htons(instance->port), .protocol = (uint8_t)instance->protocol};
    int r = engine_scope(daemon->engine, instance->service->parent->name, &key.namespace_scope, NULL);

    if (r < 0)
        return r;
    memcpy(key.address, instance->address.bytes, sizeof(key.address));
    *ret_key = key;
    return 0;
}

bool outliers_is_at(const struct daemon *daemon, const struct instance *instance)
{
    const struct peer *peer = daemon->outliers.by_number[instance->endpoint];

    return peer && peer->key.port_be == htons(instance->port) && peer->key.protocol == instance->protocol &&
           memcmp(peer->key.address, instance->address.bytes, sizeof(peer->key.address)) == 0;
}

void outliers_put(struct daemon *daemon, const struct instance *instance)
{
    struct outliers *outliers = &daemon->outliers;
    struct peer *peer = outliers->by_number[instance->endpoint];
    struct svc_peer_key key;

    if (key_of(daemon, instance, &key) < 0)
        return;
    if (peer && memcmp(&peer->key, &key, sizeof(key)) != 0) {
        outliers_remove(outliers, daemon->datapath, instance->endpoint);
        peer = NULL;
    }
    write_cell(daemon, instance, &key);
    if (peer)
        return;
    peer = make_peer(outliers, &key);
    if (peer)
        link_in(outliers, daemon->datapath, peer, instance->endpoint);
}

/* ---- start ---- */

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
static int link_all(struct daemon *daemon, struct instance **by_number)
{
    struct outliers *outliers = &daemon->outliers;

    for (uint32_t number = outliers->n - 1; number > 0; number--) {
        struct svc_peer_key key;
        struct peer *peer;
        int r;

        if (!by_number[number])
            continue;
        r = key_of(daemon, by_number[number], &key);
        if (r < 0)
            return r;
        peer = make_peer(outliers, &key);
        if (!peer)
            return -ENOMEM;
        write_cell(daemon, by_number[number], &key);
        link_cell(daemon->datapath, number, peer->first);
        peer->first = number;
        outliers->by_number[number] = peer;
    }
    return 0;
}

static int write_peers(struct daemon *daemon)
{
    struct outliers *outliers = &daemon->outliers;
    struct stale_peers stale = {.outliers = outliers};
    struct peer *peer;
    int released;
    int r = datapath_each_peer(daemon->datapath, on_peer, &stale);

    for (size_t i = 0; i < stale.n && r == 0 && !engine_is_degraded(daemon->engine); i++)
        r = datapath_delete_peer(daemon->datapath, &stale.keys[i]);
    free(stale.keys);
    datapath_hold(daemon->datapath);
    for (peer = outliers->all; peer && r == 0; peer = peer->hh.next)
        if (!peer->is_written)
            r = datapath_put_peer(daemon->datapath, &peer->key, peer->first);
    released = datapath_release(daemon->datapath);
    return r < 0 ? r : released;
}

static void collect(const struct daemon *daemon, struct instance **by_number)
{
    const struct model_namespace *parent;
    const struct service *service;
    struct instance *instance;

    for (parent = engine_catalog(daemon->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance; instance = instance->hh.next)
                by_number[instance->endpoint] = instance;
}

int outliers_adopt(struct daemon *daemon, struct error *error)
{
    struct instance **by_number = calloc(daemon->outliers.n, sizeof(struct instance *));
    int r = by_number ? 0 : -ENOMEM;

    if (r == 0) {
        collect(daemon, by_number);
        r = link_all(daemon, by_number);
    }
    if (r == 0)
        r = write_peers(daemon);
    free(by_number);
    return r < 0 ? error_errno(error, r, "writing where endpoints are") : 0;
}

void outliers_forget_strangers(struct daemon *daemon)
{
    struct stale_peers stale = {.outliers = &daemon->outliers};

    if (datapath_each_peer(daemon->datapath, on_peer, &stale) == 0)
        for (size_t i = 0; i < stale.n; i++)
            (void)datapath_delete_peer(daemon->datapath, &stale.keys[i]);
    free(stale.keys);
}

void outliers_refresh(struct daemon *daemon)
{
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;

    for (parent = engine_catalog(daemon->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance; instance = instance->hh.next)
                if (daemon->outliers.by_number[instance->endpoint])
                    outliers_put(daemon, instance);
}

/* ---- by hand ---- */

uint64_t outliers_ejected_ms(const struct daemon *daemon, uint32_t number)
{
    const struct svc_outlier *cell = number < daemon->outliers.n && daemon->outliers.by_number[number]
                                         ? datapath_outlier(daemon->datapath, number)
                                         : NULL;
    uint64_t until = cell ? __atomic_load_n(&cell->ejected_until, __ATOMIC_RELAXED) : 0;
    uint64_t now = until ? clock_monotonic_ns() : 0;

    return until > now ? (until - now + SVC_NS_PER_MS - 1) / SVC_NS_PER_MS : 0;
}

int outliers_eject(struct daemon *daemon, uint32_t number, uint32_t duration_ms)
{
    if (number >= daemon->outliers.n || !daemon->outliers.by_number[number])
        return -ENOENT;
    svc_outlier_eject(datapath_outlier(daemon->datapath, number), clock_monotonic_ns(), duration_ms);
    note_ejection(daemon->datapath);
    datapath_count_write(daemon->datapath);
    return 0;
}

int outliers_clear(struct daemon *daemon, uint32_t number)
{
    struct svc_outlier *cell;

    if (number >= daemon->outliers.n || !daemon->outliers.by_number[number])
        return -ENOENT;
    cell = datapath_outlier(daemon->datapath, number);
    cell->history = 0;
    cell->ejections = 0;
    __atomic_store_n(&cell->ejected_until, 0, __ATOMIC_RELEASE);
    outliers_settle(daemon);
    datapath_count_write(daemon->datapath);
    return 0;
}

/* ---- following changes ---- */

static void follow_put(void *user, struct instance *instance)
{
    outliers_put(user, instance);
}

static void follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct daemon *daemon = user;

    (void)namespace_name;
    outliers_remove(&daemon->outliers, daemon->datapath, number);
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
    .put = follow_put,
    .removed = follow_removed,
    .settings_changed = follow_settings_changed,
    .begin = follow_begin,
    .republished = follow_republished,
};
