/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections that have ended, for people: the last ones in memory, numbered from 1 on. A zeroed log takes nothing
 * and holds nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/callers.h>

#include "base/address.h"

#define CONNECTION_LOG_CAPACITY 2048

/* Texts are "" where something is not known. */
struct connection_names {
    const char *namespace_name; /* the client's */
    const char *client;
    const char *cgroup; /* of a task without a service */
    const char *alias;
    const char *service; /* the endpoint's */
    const char *instance;
};

struct connection_entry {
    uint64_t sequence;
    int64_t time_ms;               /* wall clock: when it ended */
    struct svc_connection what;    /* as the programs told it; times are CLOCK_MONOTONIC */
    struct connection_names names; /* the entry's own */
    char *texts;                   /* private: all names, one behind the other */
};

struct connection_log {
    struct connection_entry *ring; /* CONNECTION_LOG_CAPACITY, by sequence */
    uint64_t newest;               /* sequence; 0: none yet */
};

int connection_log_init(struct connection_log *log); /* -ENOMEM: *log is as if zeroed */
void connection_log_done(struct connection_log *log);

/* In the place of the oldest one where there is no room. Without memory for its names it is left out. */
void connection_log_add(struct connection_log *log, const struct svc_connection *what, int64_t time_ms,
                        const struct connection_names *names);

/* The first one after this number that is kept, NULL: there is none. Valid until one is added. */
const struct connection_entry *connection_log_next(const struct connection_log *log, uint64_t after);

/* The number of the oldest one kept; newest + 1 if there is none. */
uint64_t connection_log_oldest(const struct connection_log *log);

/* For how long it lasted, in us; UINT64_MAX: it is not known. */
uint64_t connection_duration_us(const struct svc_connection *what);

/* Which are asked for. */
struct connection_filter {
    const char *namespace_name, *client,
        *service;     /* NULL: any; a client also by its cgroup, a service where none
                                                      * is known by the alias */
    bool only_failed; /* that did not end by being closed */
    uint64_t slow_us; /* that lasted so long, or were never established and it is not known; 0: any */
};

bool connection_is_wanted(const struct connection_filter *filter, const struct connection_entry *entry);

/* "closed", "refused", ... as members of `outcomes` elsewhere; "noEndpoint", "noAlias", "denied". */
const char *connection_outcome(uint32_t outcome);

/* Why it has failed, in words; NULL: it has not. */
const char *connection_reason(uint32_t outcome);
