/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Figures of one moment and their text. The caller gathers, this renders. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "metrics/text.h"

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
    const char *health; /* "HEALTHY", ... */
    bool is_ejected;
    uint64_t open;
    struct svc_endpoint_stats stats;
    char address[IP_ADDRESS_TEXT_SIZE]; /* of an instance with several; else "" */
};

/* How many there are in a state, or with a result. */
struct metrics_state {
    const char *name;
    uint64_t n;
};

/* Of a registry that hosts share. */
struct metrics_fleet {
    double lost_seconds; /* for so long; 0: it is there */
    uint64_t hosts, gone_hosts, gone_instances, doubted_hosts;
    uint64_t put_back, resyncs, skipped_rows, differences;
};

/* Of what goes to a collector of OpenTelemetry. */
struct metrics_otlp {
    uint64_t sent, dropped; /* connections */
    uint64_t failed_requests;
};

struct metrics_snapshot {
    struct svc_counters counters;
    struct svc_refusals refusals;
    const struct metrics_map *maps;
    size_t n_maps;
    size_t namespaces, services, instances, aliases, tasks;
    uint64_t map_writes;
    uint64_t revision;
    double uptime_seconds;
    uint64_t probes;
    uint64_t probes_failed;
    uint32_t probe_targets;
    bool is_weak_observer;
    bool is_registry_degraded;
    uint64_t pins_put_back;
    unsigned troubles; /* conditions that make the daemon's state "degraded" */
    uint32_t kept_aliases;
    const struct histogram *loop_lag; /* NULL: nobody has measured it */
    const char *version;              /* of the daemon; NULL: nobody says */
    const char *kernel;
    double changed_at; /* the last change of the registry, seconds since 1970; 0: none is known */
    size_t tasks_not_attached;
    size_t drains; /* instances on their way out */
    const struct metrics_state *canaries;
    size_t n_canaries; /* states, not canaries */
    const struct metrics_state *dns_questions;
    size_t n_dns_questions;
    bool is_dns_on;
    size_t runtimes, runtimes_connected;
    const struct metrics_fleet *fleet; /* NULL: the registry is this host's own */
    const struct metrics_otlp *otlp;   /* NULL: nothing goes to a collector */
};

void metrics_write(const struct metrics_text *text, const struct metrics_snapshot *snapshot);

/*
 * What is told of each endpoint, family by family: the format wants each family's samples in one piece, so
 * the caller begins a family and writes all endpoints before the next.
 */
#define METRICS_FAMILIES 6
void metrics_begin_family(const struct metrics_text *text, unsigned family);
void metrics_write_endpoint(const struct metrics_text *text, unsigned family,
                            const struct metrics_endpoint *endpoint);
/* Whether it shows `stats` and `open`, which the others do without. */
bool metrics_family_has_stats(unsigned family);

/* The last of all. */
void metrics_write_tail(const struct metrics_text *text, bool is_consistent);
