/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS for tasks: a stub in each of a task's network namespaces, whose sockets are there, beside the name
 * servers that its resolv.conf names. The programs send the task's questions there while the heartbeat is
 * fresh. What is about the task's names is answered; everything else goes to the name server that was asked,
 * from inside that namespace, and its answer back, both unchanged but for the transaction id.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/dns_resolvers.h"
#include "daemon/dns_zones.h"
#include "tasks/cgroup_watch.h"

struct daemon;
struct dns_stub;
struct task;

struct dns_counters {
    uint64_t answered; /* about names of ours */
    uint64_t forwarded;
    uint64_t timed_out; /* of these without an answer */
    uint64_t refused;   /* too many at a time, or no way to the name server: SERVFAIL */
    uint64_t malformed;
};

/* When a task's processes are looked at next. */
struct dns_look {
    uint64_t at_tick;
    unsigned pause;         /* in ticks, the last one; 0: something has happened */
    unsigned n_quick;       /* looks that are to follow soon */
    uint64_t rest_until_ns; /* no quick one before */
};

struct dns {
    struct event *tick;
    struct event *quick; /* while there are looks to follow soon */
    struct event *watch; /* of cgroups; NULL: they cannot be watched */
    int watch_fd;
    uint32_t n_more_entries; /* in `resolvers`, beside the first of each task */
    struct dns_zones zones;
    struct dns_counters counters;
    struct dns_stub *listener; /* for those outside tasks; NULL: none */
    uint8_t *buffer;           /* for one message */
    uint64_t ticks;
};

/* After the tasks have been adopted. */
int dns_begin(struct daemon *daemon, struct error *error);
/* The heartbeat ends at once, so that tasks ask their own name servers; nothing else changes for them. */
void dns_done(struct daemon *daemon);

/* A task is new, or sees other names now. `pid`: a process whose namespaces it will have; 0: found later. */
void dns_task_put(struct daemon *daemon, struct task *task, pid_t pid);
/* For people: the name servers that are stood in for, and what came of all questions; the caller's. */
cJSON *dns_describe_task(const struct task *task);
cJSON *dns_describe(const struct daemon *daemon);
void dns_task_remove(struct daemon *daemon, struct task *task);
