/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which endpoints are on this host, and in which network namespace: the programs ask there whether anybody listens
 * before a connect is sent (bpf/liveness.bpf.h). Known are this host's own addresses and those of the tasks'
 * network namespaces; an address that two of them have is nobody's. Looked for by a thread: soon after an instance or
 * a task was put, and now and then.
 *
 * The asking is the programs', and goes on without the daemon with what it wrote last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "engine/follower.h"

struct datapath;
struct event_base;
struct liveness;

struct liveness_settings {
    struct event_base *base;
    struct engine *engine;
    struct datapath *datapath;
    uint32_t max_endpoints;
    /* As tasks_directories(), of all namespaces for NULL. */
    int (*directories)(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n);
    void *user;
};

/* Before the engine publishes, which tells of all instances. -ENOMEM. */
int liveness_new(const struct liveness_settings *settings, struct liveness **ret_liveness);
void liveness_free(struct liveness **liveness); /* NULL-safe; what is written stays */

/* The first look, once tasks are known; -ENOMEM. */
int liveness_begin(struct liveness *liveness);

/* There is a task more: whoever calls from another network namespace needs numbers of its own for those of endpoints. */
void liveness_task_put(struct liveness *liveness);

struct liveness_figures {
    uint64_t looks; /* that have ended */
    size_t namespaces;
    bool is_unsupported; /* this kernel does not tell namespaces apart: loopback addresses only */
};
struct liveness_figures liveness_figures(const struct liveness *liveness);

extern const struct engine_follower
    liveness_follower; /* `user`: a struct liveness * in a variable of the caller's */
