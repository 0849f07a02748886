/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Figures of one moment and their Prometheus text. The caller gathers, this renders. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <svcconnect/abi.h>

struct metrics_map {
    const char *name;
    uint32_t used;
    uint32_t max;
    const char *setting; /* that raises max */
};

struct metrics_endpoint {
    const char *namespace_name;
    const char *service;
    const char *instance;
    uint64_t connections;
};

struct metrics_snapshot {
    struct svc_counters counters;
    const struct metrics_map *maps;
    size_t n_maps;
    size_t namespaces, services, instances, aliases, tasks;
    uint64_t map_writes;
    uint64_t revision;
    double uptime_seconds;
};

void metrics_write(FILE *out, const struct metrics_snapshot *snapshot);

/* One line per endpoint; write the header first. */
void metrics_write_endpoint_header(FILE *out);
void metrics_write_endpoint(FILE *out, const struct metrics_endpoint *endpoint);
