/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Active health checks, the daemon's part: which instances are probed, and what a finding does to the tables.
 * What one host finds is its own: it goes into no registry.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/follower.h"
#include "model/catalog.h"

struct daemon;

/* Makes the prober. Instances come to it by probes_put(). -ENOMEM. */
int probes_new(struct daemon *daemon, struct error *error);

/*
 * In a change, before tables are built: sets `observed` and `is_held_back` to what is known. A new instance
 * of a service with a check is UNKNOWN and waits for its first pass; one that was there before the check
 * keeps what it had.
 */
void probes_plan(const struct daemon *daemon, struct instance *instance);

/* After it: the instance is probed from now on, or no longer. */
void probes_put(struct daemon *daemon, const struct instance *instance);
void probes_remove(struct daemon *daemon, uint32_t number);

/* At start: what an earlier run had found, as the kernel's `endpoints` tells it. */
void probes_adopt(struct instance *instance, enum svc_health entry);

/* Every second: says when this host becomes the likelier cause of failing checks, and when no longer; and
 * when there are more checks whose commands are not run. */
void probes_sweep(struct daemon *daemon);

/* Why `status` is degraded by that; NULL: it is not. */
const char *probes_trouble(const struct daemon *daemon);

/* Are there endpoints whose checks are commands that must not be run? `text` names the first and says why. */
bool probes_refused(const struct daemon *daemon, char *text, size_t size);

extern const struct engine_follower probes_follower; /* `user`: the daemon */
