/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is told of who calls whom. The caller begins a family and writes all before the next. */
#pragma once

#include <stdbool.h>

#include <svcconnect/callers.h>

#include "metrics/first_byte.h"
#include "metrics/text.h"

struct metrics_caller {
    const char *namespace_name;
    const char *client; /* "": tasks without a service */
    const char *alias;  /* "": none, or it has gone */
    uint16_t port;      /* of the alias; 0: none was dialled */
    const char *service;
    uint64_t connections; /* as these: never going down while anybody calls */
    uint64_t closed;
    uint64_t failed[SVC_OUTCOMES]; /* by enum svc_outcome_kind */
    uint64_t bytes_sent, bytes_received;
    struct first_byte_sum first_byte; /* of those that were measured */
    uint64_t rtt[SVC_RTT_BUCKETS];    /* as in struct svc_caller */
    uint64_t open;                    /* now */
};

/* The last one is of services: only namespace, service and bytes count. */
#define METRICS_CALLER_FAMILIES 6
#define METRICS_CALLER_SERVICES 5
void metrics_begin_caller_family(const struct metrics_text *text, unsigned family);
void metrics_write_caller(const struct metrics_text *text, unsigned family,
                          const struct metrics_caller *caller);
