/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Active health checks: which instances are probed, and what a finding does to the tables. What one host
 * finds is its own: it goes into no registry.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/follower.h"
#include "health/health.h"
#include "model/catalog.h"

struct event_log;
struct exec_policy;
struct outliers;

struct probes {
    struct engine *engine;
    const struct outliers *outliers;
    struct event_log *events;
    struct health *health;
    uint32_t n_refused;    /* as was last told: endpoints whose commands are not run */
    bool is_weak_observer; /* as was last told: its own trouble is the likelier cause of failing checks */
};

/* Makes the prober; instances come to it by the follower. -ENOMEM. */
int probes_init(struct probes *probes, struct event_base *base, struct engine *engine,
                const struct outliers *outliers, const struct exec_policy *exec, struct event_log *events,
                struct error *error);
void probes_done(struct probes *probes);

/* For the prober, and for tests: the endpoint has been found to be so. A finding is submitted. */
void probes_found(uint32_t endpoint, const struct health_report *report, void *probes);

/* Every second: says when this host becomes the likelier cause of failing checks, and when no longer; and
 * when there are more checks whose commands are not run. */
void probes_sweep(struct probes *probes);

/* Why `status` is degraded by that; NULL: it is not. */
const char *probes_trouble(const struct probes *probes);

/* Are there endpoints whose checks are commands that must not be run? `text` names the first and says why. */
bool probes_refused(const struct probes *probes, char *text, size_t size);

/*
 * `user`: the probes. Before tables are built it sets `observed` and `is_held_back` of an instance to what is
 * known: a new instance of a service with a check is UNKNOWN and waits for its first pass; one that was there
 * before the check keeps what it had. At a start it takes over what an earlier run had found, as the kernel's
 * `endpoints` tells it.
 */
extern const struct engine_follower probes_follower;
