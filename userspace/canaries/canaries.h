/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Canaries at work: every second those that run are looked at, and what their rules (model/canary.h) decide
 * becomes one job that puts the canary's row and its route, so that a kill leaves both or neither. In a fleet one host
 * at a time takes the steps, and judges by the connects of all; each judges by its own too, and ends a canary of which too
 * many fail.
 */
#pragma once

#include <stdbool.h>

#include "engine/change/transaction.h"
#include "engine/follower.h"

struct canary_step;
struct canary_view;
struct event_log;

struct canaries {
    struct engine *engine;
    struct event_log *events;
    struct canary_step *steps; /* on their way: at most one of a canary */
    struct canary_view *views; /* in a fleet: from where this host counts a step's outcomes */
    bool is_waiting;           /* for a steady catalog */
};

void canaries_init(struct canaries *canaries, struct engine *engine, struct event_log *events);
void canaries_done(struct canaries *canaries); /* after engine_stop() */

/* Puts the canary's row and the route that goes with its state; marks the transaction as a canary's. */
int canaries_put(struct transaction *transaction, const char *namespace_name,
                 const struct catalog_canary *entry, struct error *error);

/* Every second. A step that fails is said once and tried again; one on its way is not taken twice. */
void canaries_sweep(struct canaries *self);

#define CANARIES_BUSY "a route that no canary drives; svcconnect canary abort ends it"

/* -EBUSY: the row is the route of a canary that is RUNNING or PAUSED. */
int canaries_guard(const struct engine *engine, const char *key, struct error *error);

enum canaries_verdict {
    CANARIES_FREE,   /* the route may be set */
    CANARIES_KEEP,   /* it is what was there before the canary: what the canary made of it stays */
    CANARIES_REFUSE, /* the canary drives it, and this is another one than before */
};

/*
 * May a document set this route? One that says what it said before a canary is no change: applying it again,
 * as every start does, must not take back what the canary has done since.
 */
enum canaries_verdict canaries_judge_route(const struct model_namespace *parent, const char *client,
                                           const struct client_alias *alias,
                                           const struct named_target *targets, size_t n_targets,
                                           bool is_unhealthy_on_empty);

extern const struct engine_follower canaries_follower; /* `user`: the canaries */
