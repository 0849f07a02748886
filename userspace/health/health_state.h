/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What probe results make of one endpoint: rise and fall, start period, admission. Pure: time comes from the
 * caller, as milliseconds of one steady clock and as the wall clock's seconds for people.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <svcconnect/abi.h>

struct health_state_rules {
    uint32_t rise; /* passes in a row that make it healthy; 0 is 1 */
    uint32_t fall; /* failures in a row that make it unhealthy; 0 is 1 */
    uint32_t start_period_ms;
    uint32_t admission_ms;
};

struct health_state {
    enum svc_health health; /* UNKNOWN, HEALTHY or UNHEALTHY */
    bool is_admitted;       /* routable although UNKNOWN */
    uint32_t passes;        /* in a row */
    uint32_t failures;      /* in a row, of those that count */
    uint64_t begun_ms;
    time_t since; /* of `health` */
};

/* Begins with what is known already; all but HEALTHY and UNHEALTHY is UNKNOWN. */
void health_state_begin(struct health_state *state, const struct health_state_rules *rules,
                        enum svc_health initial, uint64_t now_ms, time_t now);

/*
 * Takes in a result. `is_withheld`: the endpoint does not become UNHEALTHY, however often it failed. While it
 * is UNKNOWN, failures within the start period do not count. True: `health` has changed (which is the only
 * way in which a result changes whether it is routable).
 */
bool health_state_result(struct health_state *state, const struct health_state_rules *rules, bool has_passed,
                         bool is_withheld, uint64_t now_ms, time_t now);

bool health_state_is_routable(const struct health_state *state);

/* True, with the time: it is UNKNOWN and becomes routable then. */
bool health_state_awaits_admission(const struct health_state *state, const struct health_state_rules *rules,
                                   uint64_t *ret_due_ms);

/* Makes it routable if that is due. True: it has become so. Never taken back, even when the rules change. */
bool health_state_admit(struct health_state *state, const struct health_state_rules *rules, uint64_t now_ms);
