/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether it is the endpoints that fail or this host: if more than half of the healthy ones fail at the same
 * time and they are of different services, the observer is the likelier cause, and states are kept. Owns no
 * endpoints and knows no sockets; time comes from the caller, as in health_state.h.
 *
 * Failing at the same time: the last result of each is a failure, or it went down within the longest interval
 * of all (an endpoint that is probed often is through with falling before one that is probed seldom has
 * failed once). Those that went down so are taken back when the rule takes hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "health/health_state.h"

struct weak_service;

/* One endpoint, inside of what the caller keeps for it. Read `state`; all else is the observer's. */
struct weak_member {
    struct health_state state;
    struct health_state_rules rules; /* the caller may change them at any time */
    struct weak_service *service;
    bool is_watched; /* healthy, or was before it fell */
    bool is_failing; /* watched, and the last result is a failure */
    bool is_fallen;  /* became UNHEALTHY within the window */
    bool is_changed;
    enum svc_health fallen_from;
    time_t fallen_from_since;
    uint64_t fallen_ms;
    uint32_t epoch; /* its failures are of */
    TAILQ_ENTRY(weak_member) fallen_link;
    TAILQ_ENTRY(weak_member) changed_link;
};

TAILQ_HEAD(weak_member_list, weak_member);

struct weak_observer {
    bool is_weak;
    uint32_t watched;
    uint32_t failing;
    uint32_t failing_services;
    uint32_t window_ms; /* the longest interval */
    uint32_t epoch;     /* one more each time it is no longer weak */
    struct weak_service *services;
    struct weak_member_list fallen_members; /* oldest first */
    struct weak_member_list changed_members;
};

void weak_observer_init(struct weak_observer *observer);
void weak_observer_done(struct weak_observer *observer); /* when all members are removed */

/* `member->rules` is set. -ENOMEM. */
int weak_observer_add(struct weak_observer *observer, struct weak_member *member, uint32_t service,
                      uint32_t interval_ms, enum svc_health initial, uint64_t now_ms, time_t now);
void weak_observer_remove(struct weak_observer *observer, struct weak_member *member);

/* Moves it to another service, with all that is known of it. -ENOMEM: nothing has changed. */
int weak_observer_move(struct weak_observer *observer, struct weak_member *member, uint32_t service,
                       uint32_t interval_ms);

/* Takes in a probe's result, and an admission that may be due. What changes can then be taken. */
void weak_observer_result(struct weak_observer *observer, struct weak_member *member, bool has_passed,
                          uint64_t now_ms, time_t now);
void weak_observer_admit(struct weak_observer *observer, struct weak_member *member, uint64_t now_ms);

/* The next member whose health or whose being routable has changed; NULL: no more. */
struct weak_member *weak_observer_take_changed(struct weak_observer *observer);
