/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sums by zone over a target's candidates. */
#include "routing/target_zones.h"

#include "base/cleanup.h"

/* Could the candidate be drawn if it were well? The unhealthy addresses of a host name do not count: the others have
 * taken over its weight. */
static bool target_zones_is_present(const struct table_candidate *candidate, bool only_v4)
{
    return candidate->is_present && candidate->weight > 0 &&
           (!only_v4 || ip_address_is_v4(&candidate->address));
}

static bool are_too_few(const struct table_target *target, bool only_v4)
{
    size_t n = 0;

    for (size_t c = 0; c < target->n_candidates; c++)
        n += target_zones_is_present(&target->candidates[c], only_v4);
    return n < target->zones->minimum;
}

static void add_candidate(const struct table_candidate *candidate, bool only_v4,
                          const struct target_weights *weights, size_t c, bool are_clients_told,
                          struct zone_side *side)
{
    unsigned __int128 weight = weights->weights[c];

    side->drawn += weight;
    if (!candidate->is_ejected)
        side->able += weight;
    if (are_clients_told || !target_zones_is_present(candidate, only_v4))
        return;
    if (weight > 0)
        side->clients += weight;
    else if (!candidate->group)
        side->clients += (unsigned __int128)candidate->weight * weights->scale;
}

void target_zones_find(const struct table_target *target, bool only_v4, const struct target_weights *weights,
                       struct target_zones *ret_zones)
{
    const struct table_zones *zones = target->zones;

    *ret_zones = (struct target_zones){0};
    if (!zones || weights->sum == 0 || are_too_few(target, only_v4))
        return;
    ret_zones->n = zones->n;
    for (size_t z = 0; z < zones->n && zones->clients; z++)
        ret_zones->sides[z].clients = zones->clients[z];
    for (size_t c = 0; c < target->n_candidates; c++)
        add_candidate(&target->candidates[c], only_v4, weights, c, zones->clients,
                      &ret_zones->sides[target->candidates[c].zone]);
    zone_split(ret_zones->sides, zones->n, ret_zones->shares);
}

int target_zones_read(const struct table_target *target, bool only_v4, struct target_zones *ret_zones)
{
    _cleanup_(target_weights_done) struct target_weights weights = {0};
    int r = target_weights_build(target, only_v4, &weights);

    if (r == 0)
        target_zones_find(target, only_v4, &weights, ret_zones);
    return r;
}
