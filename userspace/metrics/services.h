/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is told of services and of client aliases. The caller begins a family and writes all services, or all
 * aliases, before the next.
 */
#pragma once

#include <svcconnect/abi.h>

#include "metrics/first_byte.h"
#include "metrics/text.h"

enum metrics_service_state {
    METRICS_DRAWN, /* connects are sent there */
    METRICS_EJECTED,
    METRICS_UNHEALTHY,
    METRICS_UNKNOWN,
    METRICS_DRAINING,
    METRICS_IDLE, /* healthy, of weight 0 */
    METRICS_SERVICE_STATES
};

/* "drawn", ...: the label that says so. */
const char *metrics_service_state_name(enum metrics_service_state state);

struct metrics_service {
    const char *namespace_name;
    const char *service;
    struct svc_endpoint_stats stats;  /* counted since the daemon began to; they never go down */
    struct first_byte_sum first_byte; /* the same, of those that were measured */
    uint64_t open;                    /* connections, now */
    uint64_t endpoints[METRICS_SERVICE_STATES];
};

#define METRICS_SERVICE_FAMILIES 6
void metrics_begin_service_family(const struct metrics_text *text, unsigned family);
void metrics_write_service(const struct metrics_text *text, unsigned family,
                           const struct metrics_service *service);

struct metrics_target {
    const char *service;
    double wanted, effective; /* shares, 0 to 1 */
    double in_zone;           /* of what it gets, what stays in the host's zone; NAN: not known */
};

struct metrics_alias {
    const char *namespace_name;
    const char *dns_name;
    uint16_t port;
    const char *protocol; /* "tcp", "udp" */
    uint64_t endpoints;   /* that are drawn */
    const struct metrics_target *targets;
    size_t n_targets;
};

/* Only the second needs `wanted`, and those from METRICS_ALIAS_SHARES on `effective` and `in_zone`. */
#define METRICS_ALIAS_FAMILIES 4
#define METRICS_ALIAS_SHARES   2
#define METRICS_ALIAS_ZONES    3
void metrics_begin_alias_family(const struct metrics_text *text, unsigned family);
void metrics_write_alias(const struct metrics_text *text, unsigned family, const struct metrics_alias *alias);
