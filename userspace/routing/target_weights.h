/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The weights of a target's candidates as whole numbers in one unit, those of groups divided among their
 * members: all are multiplied by the least common multiple of the groups' sizes, so that nothing is rounded.
 * Private to routing/.
 */
#pragma once

#include "routing/table.h"

struct target_weights {
    unsigned __int128 *weights; /* of each candidate; 0: it cannot be drawn */
    unsigned __int128 sum;      /* 0: none can */
    uint64_t scale;             /* what a weight outside groups was multiplied by */
};

/* Can the candidate be drawn? */
bool candidate_is_drawn(const struct table_candidate *candidate, bool only_v4);

/* -ENOMEM; -E2BIG: a group of more than TABLE_MAX_GROUP members. target_weights_done() ends it. */
int target_weights_build(const struct table_target *target, bool only_v4, struct target_weights *ret_weights);
void target_weights_done(struct target_weights *weights);
