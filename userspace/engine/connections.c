/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sums over the programs' counters. */
#include "engine/connections.h"

#include "engine/engine_internal.h"

uint64_t endpoint_open(const struct engine *engine, uint32_t endpoint)
{
    struct svc_endpoint_stats stats = {0};

    (void)datapath_endpoint_stats(engine->datapath, endpoint, &stats);
    return stats.established > stats.closed ? stats.established - stats.closed : 0;
}

uint64_t instance_open(const struct engine *engine, const struct instance *instance)
{
    uint64_t open = instance->endpoint ? endpoint_open(engine, instance->endpoint) : 0;

    for (size_t i = 0; i < instance->n_addresses; i++)
        open += endpoint_open(engine, instance->addresses[i]->endpoint);
    return open;
}

struct canary_outcomes service_outcomes(const struct engine *engine, const char *namespace_name,
                                        const char *service_name)
{
    const struct service *service = catalog_service(engine->catalog, namespace_name, service_name);
    struct canary_outcomes outcomes = {0};
    const struct instance *instance;

    for (instance = service ? service->instances : NULL; instance; instance = instance->hh.next) {
        struct svc_endpoint_stats stats;

        if (datapath_endpoint_stats(engine->datapath, instance->endpoint, &stats) < 0)
            continue;
        outcomes.established += stats.established;
        outcomes.failures += stats.refused + stats.retransmitted + stats.unreachable;
        outcomes.ejections += stats.ejections;
    }
    return outcomes;
}
