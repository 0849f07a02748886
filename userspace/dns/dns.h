/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS for tasks: a stub in each of a task's network namespaces, whose sockets are there, beside the name
 * servers that its resolv.conf names. The programs send the task's questions there while the heartbeat is
 * fresh. What is about the task's names is answered; everything else goes to the name server that was asked,
 * from inside that namespace, and its answer back, both unchanged but for the transaction id.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "base/error.h"
#include "base/address.h"
#include "dns/resolvers.h"
#include "dns/zones.h"
#include "cgroups/cgroup_watch.h"
#include "cgroups/root_reader.h"
#include "engine/follower.h"
#include "tasks/task_list.h"

struct dns_cgroup;
struct dns_stub;
struct dns_waiter;
struct engine;

struct dns_counters {
    uint64_t answered; /* about names of ours */
    uint64_t forwarded;
    uint64_t timed_out; /* of these without an answer */
    uint64_t refused;   /* too many at a time, or no way to the name server: SERVFAIL */
    uint64_t malformed;
};

#define DNS_PROBLEM_SIZE 200

/* The processes of a task, gone through one by one: each waits for its resolv.conf. */
struct dns_round {
    bool is_on;
    bool is_whole; /* all processes of the task, as far as there are not too many */
    bool is_full;  /* no room for the stub of one more network namespace */
    bool is_cut;   /* not all were gone through */
    bool is_changed;
    pid_t *processes;
    size_t n_processes;
    size_t next;
    unsigned n_reads;
    int netns_fd;   /* of the process whose answer is waited for; -1: none is */
    uint64_t asked; /* what its answer is told by */
    uint64_t began_ns;
    ino_t problem_netns; /* of the last that could not be had, and why */
    char problem[DNS_PROBLEM_SIZE];
};

/* When a task's processes are looked at next, and what is known of the last time. */
struct dns_look {
    uint64_t at_tick;
    unsigned pause;         /* in ticks, the last one; 0: something has happened */
    unsigned n_quick;       /* looks that are to follow soon */
    uint64_t rest_until_ns; /* no quick one before */
    struct dns_round round;
    char problem[DNS_PROBLEM_SIZE]; /* why a process keeps to its own name servers; "": none does */
    uint64_t problem_told_ms;       /* to the log, the last time; 0: never */
    struct dns_waiter *waiting;     /* for the end of the round */
};

/* Who reads what tasks have in their root directories. */
struct dns_reads {
    struct root_reader reader;
    struct event *on_answer;
    struct event *on_end;
    struct root_answer *answer;
    uint64_t last_id;
    uint64_t started_ms;
    bool is_failed; /* which has been said */
};

/* What the rest of the daemon gives; texts and pointers are the caller's and outlive the struct. */
struct dns_settings {
    struct event_base *base;
    struct engine *engine; /* for names, addresses and the catalog */
    struct datapath *datapath;
    const char *cgroup_root;
    uint32_t max_tasks;
    uint32_t ttl; /* of answers, in seconds */
    bool is_on;   /* for tasks */
    struct ip_address listen_address;
    uint16_t listen_port;  /* 0: nobody outside tasks is answered */
    const char *keep_path; /* of the socket by which the next daemon takes over; NULL: none does */
};

/* Who has the sockets of stubs as well (keep.h). */
struct dns_keep {
    bool is_on;
    int fd;        /* to the keeper, while it is on */
    int listen_fd; /* where the next daemon asks; 0: nowhere */
    int before_fd; /* to who has those of the daemon before; 0: nobody */
};

/* What is known here of one task. */
struct dns_task {
    uint64_t cgroup_id;
    const struct task *of;      /* tasks/ says when it goes */
    struct dns_entries entries; /* none: its DNS is left alone */
    struct dns_stub *stubs;     /* by network namespace; NULL: no process has been seen in it */
    char **suffixes;            /* of the names of its namespace's services; NULL: not asked for yet */
    struct dns_look look;
    struct cgroup_watch watch;
    struct dns_cgroup *cgroups; /* of which is known whether they are the task's (asker.h) */
    UT_hash_handle hh;          /* by cgroup_id */
};

struct dns {
    struct dns_settings settings;
    struct dns_task *tasks;
    bool is_begun;
    bool is_held; /* the listener's questions wait in their sockets until the engine is steady (hold.c) */
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
    struct dns_reads reads;
    struct dns_keep keep;
    bool is_left; /* a copy of this process answers from now on */
};

/* On a zeroed struct, early in a start, while the process is small: makes the process that reads in tasks'
 * root directories. dns_done() ends it. */
void dns_reads_start(struct dns *dns);

/* At the same time: makes the process that has the sockets of DNS as well, so that they outlive this one. */
void dns_keep_start(struct dns *dns);

/* Once the data path is open, and before tasks are adopted. */
void dns_init(struct dns *dns, const struct dns_settings *settings);

/* After the tasks have been adopted. */
int dns_begin(struct dns *dns, struct error *error);

/* A regular end, before anything else of it: leaves somebody behind who answers until the next daemon does. */
void dns_leave(struct dns *dns);

/* Where nobody was left behind the heartbeat ends at once, so that tasks ask their own name servers; nothing
 * else changes for them. Good for a zeroed struct, too. */
void dns_done(struct dns *dns);

/* For tasks/: `user` is the struct dns. What was put before dns_begin() is looked at from then on. */
extern const struct task_observer dns_observer;

/* For the engine: `user` is the struct dns. */
extern const struct engine_follower dns_follower;

/* Are this task's processes being looked at just now? Then somebody may wait for the end of the round, which
 * is told also if the task goes before that. -ENOENT: it is not known here; -ENOMEM. */
bool dns_is_looking(const struct dns *dns, uint64_t cgroup_id);
int dns_call_when_looked(struct dns *dns, uint64_t cgroup_id,
                         void (*looked)(const struct task *task, void *user), void *user);
void dns_forget_waiter(struct dns *dns, uint64_t cgroup_id, const void *user);

/* For people: the name servers that are stood in for, and what came of all questions. The
 * caller frees them. */
cJSON *dns_describe_task(const struct dns *dns, uint64_t cgroup_id);
cJSON *dns_describe(const struct dns *dns);

/*
 * By what such a task is answered, for people: what is published in a scope of the namespace, and the search
 * domains of its resolv.conf where the cgroup is a task's (0: none). It stays where it is made, and is looked
 * at before the next turn of the loop. -ENOMEM.
 */
struct dns_outlook {
    struct dns_view view;
    struct dns_zone zone;
    struct dns_zone_of of;
    char **suffixes;
};
int dns_outlook_make(struct dns *dns, uint64_t cgroup_id, const char *namespace_name, uint32_t scope,
                     struct dns_outlook *outlook);
void dns_outlook_done(struct dns_outlook *outlook); /* also of a zeroed one */

/* Why a process of the task keeps to its own name servers; "": none does. */
const char *dns_problem(const struct dns *dns, uint64_t cgroup_id);
