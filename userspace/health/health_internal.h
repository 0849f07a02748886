/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What health.c (targets come and go) and health_run.c (probes come and go) share. */
#pragma once

#include <event2/event_struct.h>
#include <stddef.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include "base/hash.h"

#include "base/clock.h"
#include "health/exec_prober.h"
#include "health/health.h"
#include "health/http_prober.h"
#include "health/tcp_prober.h"
#include "health/weak_observer.h"

enum target_phase {
    TARGET_WAITING, /* for its time */
    TARGET_QUEUED,  /* its time has come, and there is no room */
    TARGET_UNDER_WAY,
};

struct target {
    uint32_t endpoint;
    UT_hash_handle hh;
    struct weak_member member;
    struct health_check check;
    char *name;          /* of exec checks only */
    const char *refusal; /* why it is not probed; NULL: it is */
    struct probe_request request;
    struct event timer; /* for the probe or the admission, whatever is first */
    enum target_phase phase;
    bool is_spread; /* has its place within the interval */
    uint64_t next_ms;
    uint64_t started_ms;
    uint64_t finished_ms; /* 0: never */
    TAILQ_ENTRY(target) queue_link;
    union {
        struct tcp_probe *tcp; /* under way: of its check's type */
        struct http_probe *http;
    } probe;
    struct exec_probe *command; /* of an exec check: until it is gone, which may be after its outcome */
    uint64_t probes;
    char *reason; /* NULL: never probed */
    struct health *health;
};

TAILQ_HEAD(target_queue, target);

struct health {
    struct event_base *base;
    health_transition_fn on_transition;
    void *user;
    struct target *targets; /* by endpoint */
    struct weak_observer observer;
    struct tcp_prober *tcp;
    struct http_prober *http; /* from the first such check on: it takes memory and time to set up */
    struct exec_prober *exec;
    struct target_queue waiting;      /* for room for any probe */
    struct target_queue waiting_exec; /* for room for a command */
    uint32_t under_way;               /* but commands */
    uint32_t refused;
    uint64_t probes;
    uint64_t failed;
    uint64_t random;
};

/* Sets the time of the first probe, from now, and waits for it. */
void health_schedule_first(struct target *target);

/* Waits for what comes first of `next_ms` and the admission. */
void health_arm(struct target *target);

/* Takes it out of queue, prober and timer: nothing happens any more by itself. */
void health_stop(struct target *target);

/* Starts what waits for room, as far as there is. */
void health_start_waiting(struct health *health);

void health_fill_report(const struct target *target, struct health_report *ret_report);

/* Of the event loop and the probers. */
void health_on_timer(evutil_socket_t fd, short what, void *target);
void health_on_outcome(void *target, enum probe_outcome outcome, const char *reason);
void health_on_command_gone(void *health, void *target);
