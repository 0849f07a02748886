/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What each zone of a target has, and its share of what the target gets. */
#pragma once

#include "routing/table.h"
#include "routing/target_weights.h"

struct target_zones {
    size_t n; /* 0: zones are ignored, all is as without */
    struct zone_side sides[TABLE_MAX_ZONES];
    uint32_t shares[TABLE_MAX_ZONES]; /* of ZONE_ALL */
};

/* By the target alone. -ENOMEM, -E2BIG as table_build(). */
int target_zones_read(const struct table_target *target, bool only_v4, struct target_zones *ret_zones);

/* `weights`: target_weights_build() of the same. */
void target_zones_find(const struct table_target *target, bool only_v4, const struct target_weights *weights,
                       struct target_zones *ret_zones);
