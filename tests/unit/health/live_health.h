/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A health engine on the test's loop, and what it has told. Included after cmocka.h by the tests of the
 * engine.
 */
#pragma once

#include <string.h>

#include "health/health_internal.h"
#include "live_endpoint.h"

#define MAX_ENDPOINTS 1000

struct seen {
    unsigned transitions;
    struct health_report last;
};

static struct health *health;
static struct seen seen[MAX_ENDPOINTS];
static uint32_t to_remove[2]; /* in the callback; 0: none */

static inline void on_transition(uint32_t endpoint, const struct health_report *report, void *user)
{
    struct health_report read;

    assert_ptr_equal(user, seen);
    assert_true(health_read(health, endpoint, &read));
    assert_int_equal(read.health, report->health);
    seen[endpoint].transitions++;
    seen[endpoint].last = *report;
    for (size_t i = 0; i < ARRAY_SIZE(to_remove); i++)
        if (to_remove[i])
            health_remove(health, to_remove[i]);
}

/* What the tests' checks run; one of them is not there. */
static char *allowed[] = {(char *)"/bin/sh", (char *)"/bin/sleep", (char *)"/bin/true",
                          (char *)"/nonexistent/"};
static const struct exec_policy live_policy = {allowed, ARRAY_SIZE(allowed)};

static inline int begin(void **unused)
{
    memset(seen, 0, sizeof(seen));
    memset(to_remove, 0, sizeof(to_remove));
    return loop_begin(unused) < 0 ? -1 : health_new(base, &live_policy, on_transition, seen, &health);
}

static inline int end(void **unused)
{
    health_free(&health);
    return loop_end(unused);
}

/* Quick ones: found healthy by one pass, unhealthy by two failures. */
static inline struct health_check check_of(enum health_check_type type)
{
    return (struct health_check){
        .type = type,
        .interval_ms = 50,
        .timeout_ms = 5000,
        .rise = 1,
        .fall = 2,
        .status_min = 200,
        .status_max = 399,
    };
}

static inline struct health_target target_of(uint32_t endpoint, uint16_t port,
                                             const struct health_check *check)
{
    return (struct health_target){
        .endpoint = endpoint,
        .service = 1,
        .name = "default/backend/i",
        .address = loopback(AF_INET),
        .port = port,
        .check = check,
        .admission_ms = 60000,
    };
}

static inline struct health_report report_of(uint32_t endpoint)
{
    struct health_report report;

    assert_true(health_read(health, endpoint, &report));
    return report;
}

static inline bool is_seen(void *user)
{
    return ((const struct seen *)user)->transitions > 0;
}

struct count {
    uint32_t endpoint;
    uint64_t probes;
};

static inline bool is_probed(void *user)
{
    const struct count *count = user;

    return report_of(count->endpoint).probes >= count->probes;
}

static inline bool is_under_way(void *user)
{
    return health_figures(health).under_way >= *(const uint32_t *)user;
}

static inline void wait_probes(uint32_t endpoint, uint64_t probes)
{
    struct count count = {endpoint, probes};

    loop_until(is_probed, &count, "probes");
}

static inline void wait_under_way(uint32_t wanted)
{
    loop_until(is_under_way, &wanted, "probes under way");
}

/* `n` more probes of each of first, first + step, ... below end. */
static inline void wait_rounds(uint32_t first, uint32_t end, uint32_t step, uint64_t n)
{
    uint64_t wanted[MAX_ENDPOINTS];

    for (uint32_t i = first; i < end; i += step)
        wanted[i] = report_of(i).probes + n;
    for (uint32_t i = first; i < end; i += step)
        wait_probes(i, wanted[i]);
}
