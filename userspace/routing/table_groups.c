/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "routing/table_groups.h"

#include <errno.h>
#include <stdlib.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"

struct group_of_endpoint {
    uint32_t endpoint;
    uint32_t group;
};

static int groups_by_endpoint(const void *a, const void *b)
{
    uint32_t left = ((const struct group_of_endpoint *)a)->endpoint;
    uint32_t right = ((const struct group_of_endpoint *)b)->endpoint;

    return left < right ? -1 : left > right;
}

static uint32_t groups_find(const struct group_of_endpoint *all, size_t n, uint32_t endpoint)
{
    const struct group_of_endpoint key = {.endpoint = endpoint};
    const struct group_of_endpoint *found = bsearch(&key, all, n, sizeof(*all), groups_by_endpoint);

    return found ? found->group : 0;
}

int table_mark_groups(const struct table_target *targets, size_t n_targets, struct svc_slot *slots,
                      uint32_t count)
{
    _cleanup_free_ struct group_of_endpoint *all = NULL;
    size_t n = 0;

    if (count < 2 || n_targets > SVC_MAX_GROUP / TABLE_MAX_ZONES)
        return 0;
    for (size_t t = 0; t < n_targets; t++)
        n += targets[t].n_candidates;
    all = calloc(n + 1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    n = 0;
    for (size_t t = 0; t < n_targets; t++)
        for (size_t c = 0; c < targets[t].n_candidates; c++)
            all[n++] = (struct group_of_endpoint){
                .endpoint = targets[t].candidates[c].endpoint,
                .group = 1 + (uint32_t)(t * TABLE_MAX_ZONES) +
                         (targets[t].zones ? targets[t].candidates[c].zone : 0),
            };
    qsort(all, n, sizeof(*all), groups_by_endpoint);
    for (uint32_t i = 0; i < count; i++)
        slots[i].groups =
            svc_groups(groups_find(all, n, slots[i].endpoint_a), groups_find(all, n, slots[i].endpoint_b));
    return 0;
}
