/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/neighbourhood.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "datapath/datapath.h"

struct neighbour_place {
    struct ip_address address;
    uint64_t cookie; /* 0: of several namespaces */
    bool is_target;  /* there is an endpoint to be asked about */
    UT_hash_handle hh;
};

struct neighbour_pair {
    struct svc_netns_pair key;
    UT_hash_handle hh;
};

struct neighbour_here {
    struct ip_address address;
    uint64_t fresh_until; /* 0: it is not */
    uint64_t awaits;      /* where it is will be known when the look of this number has ended; 0: known */
    bool is_used;
    bool is_wanted;
};

static int note_pair(const struct svc_netns_pair *key, uint32_t id, void *user)
{
    struct neighbourhood *hood = user;
    struct neighbour_pair *pair = calloc(1, sizeof(*pair));

    (void)id;
    if (!pair)
        return -ENOMEM;
    pair->key = *key;
    HASH_ADD(hh, hood->pairs, key, sizeof(pair->key), pair);
    return 0;
}

int neighbourhood_init(struct neighbourhood *hood, struct datapath *datapath, uint32_t max_endpoints)
{
    *hood = (struct neighbourhood){.datapath = datapath, .n = max_endpoints + 1};
    hood->here = calloc(hood->n, sizeof(*hood->here));
    return hood->here && datapath_each_netns_id(datapath, note_pair, hood) == 0 ? 0 : -ENOMEM;
}

static void forget_places(struct neighbourhood *hood)
{
    struct neighbour_place *place, *next;

    HASH_ITER (hh, hood->places, place, next) {
        HASH_DEL(hood->places, place);
        free(place);
    }
}

void neighbourhood_done(struct neighbourhood *hood)
{
    struct neighbour_pair *pair, *next;

    forget_places(hood);
    HASH_ITER (hh, hood->pairs, pair, next) {
        HASH_DEL(hood->pairs, pair);
        free(pair);
    }
    free(hood->here);
    *hood = (struct neighbourhood){0};
}

/* ---- endpoints ---- */

static struct neighbour_place *neighbour_place_at(const struct neighbourhood *hood,
                                                  const struct ip_address *address)
{
    struct neighbour_place *place;

    HASH_FIND(hh, hood->places, address, sizeof(*address), place);
    return place;
}

/* Until there has been a look, what an earlier run has written is all that is known. */
static void neighbourhood_match(struct neighbourhood *hood, uint32_t number)
{
    const struct neighbour_here *here = &hood->here[number];
    uint64_t cookie = 0;

    if (here->is_wanted && ip_address_is_loopback(&here->address)) {
        cookie = SVC_NETNS_OF_CALLER;
    } else if (here->is_wanted) {
        struct neighbour_place *place = neighbour_place_at(hood, &here->address);

        cookie = place ? place->cookie : 0;
        if (place)
            place->is_target = true;
        if (here->awaits)
            cookie = SVC_NETNS_NOT_YET;
    }
    if (hood->has_looked || cookie || !here->is_wanted)
        datapath_set_neighbour(hood->datapath, number, cookie);
    if (hood->has_looked)
        datapath_set_neighbour_fresh(hood->datapath, number, here->fresh_until != 0);
}

static void neighbour_forget(struct neighbourhood *hood, struct neighbour_here *here)
{
    hood->n_fresh -= here->fresh_until != 0;
    hood->n_awaiting -= here->awaits != 0;
    *here = (struct neighbour_here){0};
}

bool neighbourhood_put(struct neighbourhood *hood, uint32_t number, const struct ip_address *address,
                       bool is_wanted, uint64_t fresh_until)
{
    struct neighbour_here *here;
    uint64_t fresh, awaits;
    bool is_new;

    if (number == 0 || number >= hood->n)
        return false;
    here = &hood->here[number];
    is_new = is_wanted && (!here->is_wanted || !ip_address_equal(&here->address, address)) &&
             !ip_address_is_loopback(address);
    fresh = !is_wanted ? 0 : is_new ? (hood->has_looked ? fresh_until : 0) : here->fresh_until;
    awaits = !fresh ? 0 : is_new ? hood->n_looks + 1 : here->awaits;
    neighbour_forget(hood, here);
    *here = (struct neighbour_here){
        .address = *address, .fresh_until = fresh, .awaits = awaits, .is_used = true, .is_wanted = is_wanted};
    hood->n_fresh += fresh != 0;
    hood->n_awaiting += awaits != 0;
    neighbourhood_match(hood, number);
    hood->is_stirred |= is_new;
    return is_new;
}

void neighbourhood_remove(struct neighbourhood *hood, uint32_t number)
{
    if (number == 0 || number >= hood->n)
        return;
    neighbour_forget(hood, &hood->here[number]);
    datapath_set_neighbour(hood->datapath, number, 0);
}

void neighbourhood_age(struct neighbourhood *hood, uint64_t now_ns)
{
    for (uint32_t number = 1; hood->n_fresh > 0 && number < hood->n; number++) {
        struct neighbour_here *here = &hood->here[number];

        if (!here->fresh_until || here->fresh_until > now_ns)
            continue;
        here->fresh_until = 0;
        hood->n_fresh--;
        datapath_set_neighbour_fresh(hood->datapath, number, false);
    }
}

/* ---- looks ---- */

void neighbourhood_look_begins(struct neighbourhood *hood)
{
    hood->n_looks++;
}

void neighbourhood_look_ends(struct neighbourhood *hood)
{
    for (uint32_t number = 1; hood->n_awaiting > 0 && number < hood->n; number++) {
        struct neighbour_here *here = &hood->here[number];

        if (!here->awaits || here->awaits > hood->n_looks)
            continue;
        here->awaits = 0;
        hood->n_awaiting--;
        neighbourhood_match(hood, number);
    }
}

/* ---- what has been seen ---- */

static void place_put(struct neighbourhood *hood, const struct ip_address *address, uint64_t cookie)
{
    struct neighbour_place *place = neighbour_place_at(hood, address);

    if (place) {
        place->cookie = 0;
        return;
    }
    place = calloc(1, sizeof(*place));
    if (!place)
        return; /* not known */
    place->address = *address;
    place->cookie = cookie;
    HASH_ADD(hh, hood->places, address, sizeof(place->address), place);
}

static void take_places(struct neighbourhood *hood, const struct netns_look *seen)
{
    forget_places(hood);
    for (size_t i = 0; seen && i < seen->n; i++)
        for (size_t a = 0; a < seen->all[i].n_addresses; a++)
            place_put(hood, &seen->all[i].addresses[a], seen->all[i].cookie);
}

/* The same whatever the order; never 0. */
static uint64_t sign(const struct netns_look *seen)
{
    uint64_t sum = 0;

    for (size_t i = 0; seen && i < seen->n; i++) {
        sum += seen->all[i].cookie * 0x9e3779b97f4a7c15ull;
        for (size_t a = 0; a < seen->all[i].n_addresses; a++) {
            uint64_t halves[2];

            memcpy(halves, &seen->all[i].addresses[a], sizeof(halves));
            sum +=
                (halves[0] ^ halves[1] * 0xff51afd7ed558ccdull ^ seen->all[i].cookie) * 0xc4ceb9fe1a85ec53ull;
        }
    }
    return sum | 1;
}

/* ---- pairs ---- */

static bool is_seen_cookie(const struct netns_look *seen, uint64_t cookie)
{
    for (size_t i = 0; i < seen->n; i++)
        if (seen->all[i].cookie == cookie)
            return true;
    return false;
}

/* Of namespaces that have gone: cookies are not given twice. */
static void drop_pairs(struct neighbourhood *hood, const struct netns_look *seen)
{
    struct neighbour_pair *pair, *next;

    HASH_ITER (hh, hood->pairs, pair, next) {
        if (is_seen_cookie(seen, pair->key.caller) && is_seen_cookie(seen, pair->key.target))
            continue;
        (void)datapath_delete_netns_id(hood->datapath, &pair->key);
        HASH_DEL(hood->pairs, pair);
        free(pair);
    }
}

static bool is_pair_written(const struct neighbourhood *hood, uint64_t caller, uint64_t target)
{
    const struct svc_netns_pair key = {caller, target};
    const struct neighbour_pair *pair;

    HASH_FIND(hh, hood->pairs, &key, sizeof(key), pair);
    return pair != NULL;
}

static bool is_target(const struct neighbourhood *hood, const struct netns_seen *seen)
{
    for (size_t i = 0; i < seen->n_addresses; i++) {
        const struct neighbour_place *place = neighbour_place_at(hood, &seen->addresses[i]);

        if (place && place->cookie && place->is_target)
            return true;
    }
    return false;
}

/* Everybody may call; targets are the namespaces that have endpoints. */
static size_t want_numbers(struct neighbourhood *hood, const struct netns_look *seen,
                           struct neighbour_wanted *wanted, size_t size)
{
    size_t n = 0;

    for (size_t target = 0; target < seen->n; target++) {
        if (!is_target(hood, &seen->all[target]))
            continue;
        for (size_t caller = 0; caller < seen->n; caller++) {
            if (caller == target || is_pair_written(hood, seen->all[caller].cookie, seen->all[target].cookie))
                continue;
            if (n == size) {
                hood->is_stirred = true; /* the others at the next look */
                return n;
            }
            wanted[n++] = (struct neighbour_wanted){caller, target, -ENOENT};
        }
    }
    return n;
}

size_t neighbourhood_take(struct neighbourhood *hood, const struct netns_look *seen,
                          struct neighbour_wanted *wanted, size_t size)
{
    uint64_t signature = sign(seen);

    if (hood->has_looked && signature == hood->signature && !hood->is_stirred)
        return 0;
    hood->has_looked = true;
    hood->is_stirred = false;
    hood->signature = signature;
    take_places(hood, seen);
    for (uint32_t number = 1; number < hood->n; number++)
        if (hood->here[number].is_used)
            neighbourhood_match(hood, number);
    if (!seen)
        return 0;
    if (!seen->is_cut)
        drop_pairs(hood, seen);
    return want_numbers(hood, seen, wanted, size);
}

void neighbourhood_number(struct neighbourhood *hood, const struct netns_look *seen,
                          const struct neighbour_wanted *wanted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct svc_netns_pair key = {seen->all[wanted[i].caller].cookie,
                                           seen->all[wanted[i].target].cookie};

        if (wanted[i].number >= 0 && HASH_COUNT(hood->pairs) < SVC_MAX_NETNS_PAIRS &&
            datapath_put_netns_id(hood->datapath, &key, (uint32_t)wanted[i].number) == 0)
            (void)note_pair(&key, 0, hood);
    }
}
