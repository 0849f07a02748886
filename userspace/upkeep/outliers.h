/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Passive ejection, the daemon's part: which endpoints have which address (`peers`), by which policy they are
 * judged (`outliers`), ejecting and clearing by hand. The judging is the program's, and works without the
 * daemon.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/hash.h"
#include "engine/follower.h"
#include "base/error.h"
#include "model/catalog.h"

struct datapath;
struct engine;

/* One address in one namespace; its endpoints are linked by `next` in the kernel's memory, lowest number
 * first. */
struct peer {
    struct svc_peer_key key;
    uint32_t first;
    bool is_written; /* at start: `peers` has it so */
    UT_hash_handle hh;
};

struct outliers {
    struct engine *engine;
    struct datapath *datapath; /* given before engine_adopt() */
    struct peer *all;          /* by key */
    struct peer **by_number;   /* of an endpoint; NULL: not judged */
    uint32_t n;
    bool has_loads; /* some service balances by load, or did (upkeep/loads.h) */
};

/* Room for endpoints 1..max_endpoints. -ENOMEM. Ended with outliers_done() in any case. */
int outliers_init(struct outliers *outliers, struct engine *engine, uint32_t max_endpoints);
void outliers_done(struct outliers *outliers);

/* The numbered instance as it is now: a new address starts with a clean record, an old one keeps its own. */
void outliers_put(struct outliers *outliers, const struct instance *instance);

/* Is the instance one that was put before, with the address it has now? */
bool outliers_is_at(const struct outliers *outliers, const struct instance *instance);

/* The endpoint is no longer registered, and its record goes with it; its number is reused after a grace period at the earliest. */
void outliers_remove(struct outliers *outliers, uint32_t number);

/* Where the endpoint is, if no other endpoint of its namespace has the same address; NULL. */
const struct svc_peer_key *outliers_alone_at(const struct outliers *outliers, uint32_t number);

/* At start: every instance, then what the kernel holds beyond them goes. Writes only differences. -ENOMEM. */
int outliers_adopt(struct outliers *outliers, struct error *error);

/* Policies of all instances anew: settings have changed. */
void outliers_refresh(struct outliers *outliers);

/* Removes from `peers` the addresses of endpoints that are not registered, which a start had left there. */
void outliers_forget_strangers(struct outliers *outliers);

/* Milliseconds that the endpoint stays ejected; 0: it is not. */
uint64_t outliers_ejected_ms(const struct outliers *outliers, uint32_t number);

/* Connects stop looking at single endpoints when none is ejected any more. After returns, and at a start. */
void outliers_settle(struct outliers *outliers);

/* Ejects for so long, or clears an ejection together with the record that led to it. -ENOENT: not judged. */
int outliers_eject(struct outliers *outliers, uint32_t number, uint32_t duration_ms);
int outliers_clear(struct outliers *outliers, uint32_t number);

extern const struct engine_follower outliers_follower; /* `user`: the outliers */
