/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who may call whom, for the programs (<svcconnect/policy.h>): which number the policy of an alias or of an address has,
 * what holds for each task of this host, and at which addresses endpoints of services with a policy are. What services allow is
 * their setting (settings/allow_from.h).
 *
 * Whoever is allowed is written down before a table asks for it, and taken away after the change is published; so a change
 * refuses nobody whom it allows. Numbers are the kernel's: a start takes over those that are pinned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/policy.h>

#include "engine/follower.h"
#include "settings/allow_from.h"

struct datapath;
struct event_base;
struct event_log;
struct policies;

struct policies_settings {
    struct event_base *base; /* NULL: nothing is put right later on (tests) */
    struct engine *engine;
    struct datapath *datapath;
    struct event_log *events; /* NULL: nobody is told */
};

/* Before the engine publishes. -ENOMEM. */
int policies_new(const struct policies_settings *settings, struct policies **ret_policies);
void policies_free(struct policies **policies); /* NULL-safe; what is written stays */

/* A task is about to get its scope, or is another client from now on: what it may call is written down. `user` is a struct
 * policies ** as the follower's. -ENOMEM, -E2BIG. */
int policies_admit(void *user, uint64_t cgroup_id, const char *namespace_name, const char *service);
void policies_dismiss(void *user, uint64_t cgroup_id); /* it has gone */

/* What the timer does while nothing is changed: puts right what a change has left, and takes away what nobody has asked for
 * since the round before. Some of it at a time; true: the round has not ended. */
bool policies_look(struct policies *policies);

/* What a program has told of. */
void policies_tell(struct policies *policies, const struct svc_event *event);

/* What holds for a caller of the service, by its setting. */
enum svc_policy_verdict policies_verdict(const struct service *service, const struct caller *caller);

/* Is no other service with a policy at the endpoint's address? One that has no policy opens nothing. */
bool policies_is_alone(const struct policies *policies, uint32_t endpoint);

struct policy_counts {
    uint64_t refused;
    uint64_t audited;
};
/* Of a service: connects to its aliases and addresses, with those of routes that lead to others as well. */
struct policy_counts policies_counts(const struct policies *policies, const struct service *service);

struct policies_figures {
    size_t policies;
    size_t pairs;
    size_t addresses;
};
struct policies_figures policies_figures(const struct policies *policies);

extern const struct engine_follower
    policies_follower; /* `user`: a struct policies * in a variable of the caller's */
