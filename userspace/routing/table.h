/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a client alias's targets to the alias-method table that the program draws from. Pure: same input, same
 * bytes, which is what lets an adopting daemon see that nothing has changed.
 *
 * P(endpoint) = target weight / sum over targets that have an eligible endpoint
 *             x instance weight / sum over the target's eligible instances.
 * The weight of a group (the addresses of one host name) is divided by the number of its eligible members.
 * Eligible here: is_eligible and weight > 0 (and, for a table of IPv4 only, an IPv4 address). A target of
 * weight 0 counts as having none. Weight 0 is never drawn; every other weight keeps its probability to 2^-32.
 *
 * A target with zones shares what it has among them first, to 2^-16 (zone_split.h), and then within each by weight:
 *
 * P(endpoint) = as above x share of its zone
 *             x instance weight / sum over the target's eligible instances of that zone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "routing/zone_split.h"

#define TABLE_MAX_WEIGHT   65535u
#define TABLE_WEIGHT_PARTS 16u /* candidates' weights may be given in parts: all of them, or none */
#define TABLE_MAX_GROUP    32u
#define TABLE_MAX_ZONES    ZONE_MOST

/* An instance as routing sees it. */
struct table_candidate {
    uint32_t endpoint; /* key of the `endpoints` map */
    struct ip_address address;
    uint16_t port;   /* host order */
    uint32_t weight; /* 0..TABLE_MAX_WEIGHT * TABLE_WEIGHT_PARTS */
    bool is_eligible;
    uint32_t group; /* those of one group share the weight that each of them has; 0: by itself */
    uint32_t
        networks; /* of this host that the address is on, see svc_is_far(); 0: it can be reached from all */
    uint8_t zone; /* its place among the target's zones; ZONE_OWN: this host's */
    bool is_present; /* counts for where clients are taken to be, also while it is not eligible */
    bool is_ejected; /* the programs skip it: its zone has that much less to give */
};

/* How a target's connects are shared among zones. */
struct table_zones {
    size_t n;                /* 1..TABLE_MAX_ZONES */
    size_t minimum;          /* fewer candidates than these that are present: zones are ignored */
    const uint32_t *clients; /* of each zone, in any unit; NULL: clients are where endpoints are, by weight */
};

struct table_target {
    uint32_t weight; /* 0..TABLE_MAX_WEIGHT */
    const struct table_candidate *candidates;
    size_t n_candidates;
    const struct table_zones *zones; /* NULL: none */
};

/*
 * Builds the table: one slot per eligible candidate, in the order given (targets, then candidates).
 * The caller frees *ret_slots; with nobody eligible it is NULL and *ret_count 0. Unused bytes of a slot
 * are zero. -ENOMEM; -E2BIG: more than SVC_MAX_TABLE_SLOTS eligible candidates, or TABLE_MAX_GROUP in a
 * group.
 */
int table_build(const struct table_target *targets, size_t n_targets, bool only_v4,
                struct svc_slot **ret_slots, uint32_t *ret_count);

/*
 * The probabilities (0..1) of all targets, and of all candidates of the first target, of the second and so
 * on, by the formula above, for people to read. The caller has room for as many of both. -ENOMEM; -E2BIG as
 * above: what has been written then means nothing.
 */
int table_shares(const struct table_target *targets, size_t n_targets, bool only_v4, double *ret_targets,
                 double *ret_candidates);
