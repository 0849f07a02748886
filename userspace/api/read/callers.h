/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A row of who calls whom, as it is told: names that are known now, and what follows from its counters. */
#pragma once

#include <svcconnect/callers.h>

#include "base/address.h"

struct api;
struct cJSON;

/* Each is "" where it is not known (any more); valid until the next turn of the loop. */
struct caller_names {
    const char *namespace_name; /* the client's */
    const char *client;
    const char *cgroup; /* of a task without a service */
    const char *alias;
    const char *service; /* the endpoint's */
    const char *instance;
    struct ip_address address;
};

void caller_find_names(const struct api *api, const struct svc_caller *row, struct caller_names *ret_names);

/* Connections that have ended, one way or the other; and that have not. */
uint64_t caller_ended(const struct svc_caller *row);
uint64_t caller_open(const struct svc_caller *row);

/* Below so many us were so many of a hundred round trips; 0: no more can be said. */
uint32_t caller_rtt(const struct svc_caller *row, unsigned percent);

/* An item of GET /v1/callers, the caller's; NULL: the row is free, or there is no memory. */
struct cJSON *read_caller(const struct api *api, uint32_t number);
