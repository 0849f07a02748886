/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is counted of services: sums over their endpoints that never go down, also when an endpoint goes, since
 * whoever reads them would take that for a restart. The kernel counts endpoints. In rounds, a piece at a time, all
 * of them are looked at, and what each has more than at the last look is its service's; one that goes is looked
 * at a last time. What the kernel counted before the daemon began is nobody's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/follower.h"
#include "metrics/services.h"

struct datapath;
struct engine;
struct outliers;

struct totals_record;
struct totals_service;

struct totals {
    struct engine *engine;
    struct datapath *datapath;
    const struct outliers *outliers;
    bool is_on; /* else nothing is kept */
    uint32_t n_numbers;
    unsigned char *old;             /* bits: numbers that were there at the begin, not looked at yet */
    struct totals_record **records; /* by endpoint number, in pieces that are made when one is needed */
    struct totals_service *by_name;
    struct totals_service **services; /* some are NULL: those that have gone */
    size_t n_services;
    uint64_t round;   /* that is under way; 0: none is */
    uint64_t rounds;  /* that have begun */
    uint32_t number;  /* whose turn it is in it */
    uint64_t shown;   /* the last round that has ended; 0: none has */
    size_t next_dead; /* service whose turn it is to be asked for, at the end of a round */
};

/* All rooms must be there and endpoints be published. -ENOMEM. */
int totals_begin(struct totals *totals, struct engine *engine, struct datapath *datapath,
                 const struct outliers *outliers);
void totals_done(struct totals *totals); /* harmless on one that is all 0 */

/* Which round tells what is asked for now: the one under way, else a new one. */
uint64_t totals_join(struct totals *totals);

/*
 * A piece of the round, while the catalog is steady: at most so many numbers. 1: `round` goes on; 0: it has ended;
 * -ENOMEM.
 */
int totals_piece(struct totals *totals, uint64_t round, unsigned most);

/* The service at a place below `n_services`, as the last round found it. false: there is none at this place. */
bool totals_service(const struct totals *totals, size_t place, struct metrics_service *ret_service);

/* The same by its name; of one without an instance all is 0. */
struct metrics_service totals_of(const struct totals *totals, const char *namespace_name,
                                 const char *service);

extern const struct engine_follower totals_follower; /* `user`: the totals */
