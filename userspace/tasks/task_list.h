/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tasks of this host: cgroups with programs attached, their namespaces, and the hosts files of `run`. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uthash.h>

#include "engine/follower.h"
#include "base/error.h"
#include "dns/dns.h"
#include "cgroups/cgroup.h"

struct daemon;

struct task {
    struct cgroup cgroup;
    char link_name[192];
    char *namespace_name;
    char *service; /* "" where none was named */
    uint32_t scope;
    uint32_t namespace_scope; /* of the namespace itself */
    bool is_run;
    bool is_attached;
    unsigned empty_sweeps;          /* of a run task: how often in a row it held no process */
    struct dns_entries dns_entries; /* none: its DNS is left alone */
    struct dns_stub *dns;           /* by network namespace; NULL: no process has been seen in it */
    struct dns_look dns_look;
    struct cgroup_watch dns_watch;
    UT_hash_handle hh; /* by cgroup.id */
};

struct task_list {
    struct task *all;
};

/*
 * Attaches a cgroup, or gives an attached one another namespace or service. -EEXIST: it lies above or below
 * another task; -ENOSPC: maps.tasks. `pid`: whose namespaces its processes will have; 0: not known. *ret_task
 * stays the list's.
 */
int task_attach(struct daemon *daemon, const char *cgroup, const char *namespace_name, const char *service,
                bool is_run, pid_t pid, struct task **ret_task, struct error *error);

/* -ENOENT: not a task. A cgroup that has gone can still be named by its path. */
int task_detach(struct daemon *daemon, const char *cgroup, struct error *error);
void task_detach_all(struct daemon *daemon);

/* At start: tasks as the kernel has them; completes, corrects scopes, collects what died. */
int task_list_adopt(struct daemon *daemon, struct error *error);

/* Moves the namespace's tasks to the scope their service has now. */
void task_list_rescope(struct daemon *daemon, const char *namespace_name);

/* The same for all tasks; their names are told anew, too. */
void task_list_rescope_all(struct daemon *daemon);

/* Now and then: collects dead cgroups, removes abandoned ones of `run`. */
void task_list_sweep(struct daemon *daemon);

void task_list_done(struct task_list *tasks);

extern const struct engine_follower task_list_follower; /* `user`: the daemon */
