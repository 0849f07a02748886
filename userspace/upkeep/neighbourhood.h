/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From addresses of this host to network namespaces, and from there to what the programs read: which endpoints are
 * where (`neighbours`), and what namespaces call each other (`netns_ids`). Data only: who looks is liveness.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "cgroups/netns_look.h"

struct datapath;
struct neighbour_place;
struct neighbour_pair;
struct neighbour_here;

struct neighbourhood {
    struct datapath *datapath;
    struct neighbour_place *places; /* by address */
    struct neighbour_pair *pairs;   /* that are written */
    struct neighbour_here *here;    /* by endpoint number */
    uint32_t n;
    uint32_t n_fresh;
    uint32_t n_awaiting;
    uint64_t n_looks; /* begun */
    bool has_looked;
    bool is_stirred;    /* what was seen is to be gone through even if it is as before */
    uint64_t signature; /* of what was seen last */
};

/* A pair of namespaces, by their places in the look, that needs a number; the number, or a negative errno. */
struct neighbour_wanted {
    size_t caller;
    size_t target;
    int number;
};

/* Takes over the pairs that an earlier run wrote. -ENOMEM. Ended with neighbourhood_done() in any case. */
int neighbourhood_init(struct neighbourhood *hood, struct datapath *datapath, uint32_t max_endpoints);
void neighbourhood_done(struct neighbourhood *hood); /* what is written stays */

/*
 * The endpoint as it is now; asked about only if `is_wanted`. True: its address is new, so a look is due. Is it new after the
 * first look, and `fresh_until` a time (CLOCK_MONOTONIC, ns), nobody need have been found there before that finding nobody
 * is believed, until then: a container that has just begun, which may not listen yet. Nobody is taken to be there until a
 * look that begins after this has ended.
 */
bool neighbourhood_put(struct neighbourhood *hood, uint32_t number, const struct ip_address *address,
                       bool is_wanted, uint64_t fresh_until);
void neighbourhood_age(struct neighbourhood *hood, uint64_t now_ns); /* now and then */
void neighbourhood_remove(struct neighbourhood *hood, uint32_t number);

/* A look begins, and has ended, well or not, its numbers included. */
void neighbourhood_look_begins(struct neighbourhood *hood);
void neighbourhood_look_ends(struct neighbourhood *hood);

/*
 * What has been seen; NULL: this kernel does not tell, and only loopback addresses are asked about. An address that
 * two namespaces have is nobody's. Fills up to `size` pairs that need a number and returns how many.
 */
size_t neighbourhood_take(struct neighbourhood *hood, const struct netns_look *seen,
                          struct neighbour_wanted *wanted, size_t size);

/* The numbers of pairs that were wanted of this look. */
void neighbourhood_number(struct neighbourhood *hood, const struct netns_look *seen,
                          const struct neighbour_wanted *wanted, size_t n);
