/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Active health checks: probes endpoints on a jittered schedule and tells transitions. In: targets with their
 * checks. Out: a callback per transition, a report on request. Runs on the caller's event loop and never
 * blocks it; knows no services, only the numbers it is given.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "settings/service_settings.h"

struct health;

#define HEALTH_REASON_SIZE 160

#define HEALTH_FIRST_PROBE_MS 1000u /* a new target is probed within this time, or its interval */
#define HEALTH_PAUSE_MS       100u  /* between two probes of a target, at least */
#define HEALTH_MAX_PROBES     512u  /* under way; others wait in a queue */
#define HEALTH_MAX_COMMANDS   32u   /* of them */

/* What is known of one endpoint. */
struct health_report {
    enum svc_health health;          /* UNKNOWN, HEALTHY or UNHEALTHY */
    bool is_routable;                /* HEALTHY, or UNKNOWN beyond the admission deadline */
    char reason[HEALTH_REASON_SIZE]; /* of the last result: "connection refused", "status 503, wanted 200-399"
                                      */
    const char *refusal;             /* why it is never probed, which is the reason then; NULL: it is */
    time_t since;                    /* CLOCK_REALTIME: when `health` last changed */
    uint32_t passes;                 /* in a row */
    uint32_t failures;               /* in a row */
    uint64_t probes;
};

struct health_target {
    uint32_t endpoint; /* the key */
    uint32_t service;  /* equal for the endpoints of one service: for the weak observer rule */
    const char *name;  /* "namespace/service/instance": for the environment of exec checks; copied */
    struct ip_address address;
    uint16_t port;                    /* host order */
    const struct health_check *check; /* type is not NONE; copied */
    uint32_t admission_ms;
    const char *refusal; /* why it must not be probed, a constant; NULL: of commands the policy decides */
};

/*
 * Called from the event loop when health or is_routable has changed; may call health_put(), _remove(),
 * _hurry() and _read(), but not health_free().
 */
typedef void (*health_transition_fn)(uint32_t endpoint, const struct health_report *report, void *user);

/*
 * -ENOMEM. `exec` names the commands that may be run and outlives the checks; NULL: none. `user` goes to the
 * callback. The process ignores SIGPIPE and does not ignore SIGCHLD.
 */
int health_new(struct event_base *base, const struct exec_policy *exec, health_transition_fn on_transition,
               void *user, struct health **ret_health);
void health_free(struct health **health); /* NULL-safe; ends what is under way, before `base` is freed */

/*
 * Adds or replaces a target. One that is there with the same address, port and check keeps its state and
 * schedule (service, name and admission_ms may change); a changed one is probed anew from `initial`. A new
 * one starts with `initial` (what an earlier run found, or UNKNOWN), a first probe within a moment, spread by
 * jitter. No callback comes from inside: with an admission_ms of 0 health_read() tells at once that it is
 * routable. -EINVAL: a check of type NONE, or of type EXEC without a command. -ENOMEM: one that is there is
 * left as it is, unless it was the only target of all.
 *
 * A command that may not be run by the policy, and whatever has a `refusal`, leaves its endpoint in the state it is in;
 * the report says why.
 *
 * While an endpoint is UNKNOWN, the start period forgives failures; its first pass ends the period, as in
 * ECS. `path` and `host` of the check go into the request as they are: whoever reads them keeps control
 * characters out.
 */
int health_put(struct health *health, const struct health_target *target, enum svc_health initial);
void health_remove(struct health *health, uint32_t endpoint); /* nothing if it is not there */

/* Something points to trouble (a failed connect): probe now, if none is under way and the last is not just
 * over. */
void health_hurry(struct health *health, uint32_t endpoint);

/* False: not a target. */
bool health_read(const struct health *health, uint32_t endpoint, struct health_report *ret_report);

/* Figures for status and metrics. */
struct health_figures {
    uint32_t targets;
    uint32_t refused;   /* of the targets: their commands are not run */
    uint32_t under_way; /* probes */
    uint64_t probes;
    uint64_t failed;
    bool is_weak_observer; /* more than half of the targets, of different services, failed within one
                              interval: this host is taken for the cause and states are kept */
};
struct health_figures health_figures(const struct health *health);
