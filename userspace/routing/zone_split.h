/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What part of a host's connects goes to each zone, by the rule of Envoy's zone-aware routing. Pure.
 *
 * The host's own zone keeps all while its part of the capacity is at least its part of the clients. Where it is
 * less, it keeps that much of them, capacity / clients, and the rest goes to the zones that have more capacity
 * than clients, in proportion to what they have more. If all hosts do so and clients are where they are taken
 * to be, every endpoint gets what it would get without zones.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ZONE_OWN  0u  /* the place of the host's own zone among the sides */
#define ZONE_MOST 64u /* zones that are told apart; what has no place among them counts as one */
#define ZONE_ALL  65536u

/* Weights in any unit that is the same for all zones. All of a kind together are below 2^84, and no zone's `drawn` is
 * more than 2^48 times its `able`. */
struct zone_side {
    unsigned __int128 able;    /* of the endpoints that take connects now */
    unsigned __int128 drawn;   /* with those that are ejected: in the table, and skipped as they are drawn */
    unsigned __int128 clients; /* of whoever connects; a unit of its own */
};

/*
 * The share of the table of each of the n sides (1..ZONE_MOST), which add up to ZONE_ALL. They are such that
 * what the able endpoints get, once the ejected ones have been skipped, is by the rule above. A side where
 * nothing is drawn has 0; any other has 1 at least: if all others are ejected while no daemon is there to hear
 * of it, the programs still find it. With nothing drawn at all every share is 0.
 */
void zone_split(const struct zone_side *sides, size_t n, uint32_t *ret_shares);

/* Of the rule alone: what the own zone keeps of its connects, in parts of 2^32. */
uint64_t zone_kept(const struct zone_side *sides, size_t n);
#define ZONE_KEPT_ALL (UINT64_C(1) << 32)
