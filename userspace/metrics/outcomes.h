/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How connects end, by the label that says so: of an endpoint and of a service the same. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#define METRICS_OUTCOMES 7

/* The i-th outcome's label; *ret_count: how often it came. */
static inline const char *metrics_outcome(const struct svc_endpoint_stats *stats, size_t i,
                                          uint64_t *ret_count)
{
    const struct {
        const char *name;
        uint64_t count;
    } all[METRICS_OUTCOMES] = {
        {"established", stats->established}, {"refused", stats->refused},
        {"timed_out", stats->timed_out},     {"retransmitted", stats->retransmitted},
        {"gave_up", stats->gave_up},         {"reset_early", stats->reset_early},
        {"unreachable", stats->unreachable},
    };

    *ret_count = all[i].count;
    return all[i].name;
}
