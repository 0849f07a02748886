/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is counted of callers, for metrics: sums over rows (svcconnect/callers.h) by client, alias and service, and of bytes
 * by service, that do not go down when a row goes into the others. All rows are looked at in a round, a piece at a
 * time, and what each has more than at the last look is added.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/callers.h"

struct api;
struct datapath;
struct caller_record;
struct caller_sum;

struct caller_totals {
    const struct api *api;
    const struct datapath *datapath;
    struct caller_record *records; /* by row */
    struct caller_sum *by_key;
    struct caller_sum **sums; /* some are NULL: those that have gone */
    size_t n_sums;
    uint64_t round; /* that has begun last */
    uint32_t row;   /* whose turn it is in it; 0: it has ended */
};

int caller_totals_begin(struct caller_totals *totals, const struct api *api, const struct datapath *datapath);
void caller_totals_done(struct caller_totals *totals); /* harmless on one that is all 0 */

/* A new round, or the one that is under way. */
void caller_totals_join(struct caller_totals *totals);

/* A piece of it, while the catalog is steady: so many rows at most. 1: it goes on; 0: it has ended; -ENOMEM. */
int caller_totals_piece(struct caller_totals *totals, unsigned most);

/* The sum at a place below `n_sums`. `is_service`: of a service over all its clients, which has bytes only. False: there is
 * none of this kind at this place. */
bool caller_totals_sum(const struct caller_totals *totals, size_t place, bool is_service,
                       struct metrics_caller *ret_caller);

/* The same of a service by its name. False: nobody has called it. */
bool caller_totals_of_service(const struct caller_totals *totals, const char *namespace_name,
                              const char *service, struct metrics_caller *ret_caller);
