/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tasks of this host: cgroups with programs attached, their namespaces, and the hosts files of `run`. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/hash.h"
#include "base/error.h"
#include "cgroups/cgroup.h"
#include "engine/follower.h"
#include "tasks/task_callers.h"

struct datapath;
struct engine;
struct event_log;

struct task {
    struct cgroup cgroup;
    char link_name[192];
    char *namespace_name;
    char *service; /* "" where none was named */
    uint32_t scope;
    uint32_t namespace_scope; /* of the namespace itself */
    bool is_run;
    bool is_attached;
    bool is_threaded;      /* was it when it was attached? */
    uint32_t caller;       /* as whom its connections are counted; 0: nobody in particular */
    unsigned empty_sweeps; /* of a run task: how often in a row it held no process */
    UT_hash_handle hh;     /* by cgroup.id */
};

/*
 * Who wants to know which tasks there are. Put: it is new, or sees other names now; `pid` is a process whose
 * namespaces its own will have, 0 if none is known. Between put and removed the task stays where it is, and
 * only put tells of another namespace or service. Removed is also told of a task that never was put.
 */
struct task_observer {
    void (*put)(void *user, const struct task *task, pid_t pid);
    void (*removed)(void *user, const struct task *task);
};

/* What the rest of the daemon gives; texts and pointers are the caller's and outlive the struct. */
struct tasks_settings {
    struct engine *engine;     /* for scopes and names */
    struct datapath *datapath; /* for links, scopes and what a restart finds */
    struct event_log *events;
    const char *cgroup_root;
    const char *hosts_dir; /* where the hosts files of `run` are */
    uint32_t max_tasks;    /* for an error's text: the map's size */
    /* What the task may call is to be written down: before it gets its scope, and until its links have gone. NULL: nobody
     * minds. */
    int (*admit)(void *user, uint64_t cgroup_id, const char *namespace_name, const char *service);
    void (*dismiss)(void *user, uint64_t cgroup_id);
    void *admit_user;
};

struct tasks {
    struct tasks_settings settings;
    struct task_callers callers;
    struct task *all;
    const struct task_observer *observer; /* NULL: none */
    void *observer_user;
};

/* Once the data path is open, before the engine publishes. Until then a zeroed struct has no tasks. */
void tasks_init(struct tasks *tasks, const struct tasks_settings *settings);
void tasks_done(struct tasks *tasks); /* nobody is told, and the kernel keeps all of it */

/* Before tasks are adopted; there is one observer. */
void tasks_observe(struct tasks *tasks, const struct task_observer *observer, void *user);

/*
 * Attaches a cgroup, or gives an attached one another namespace or service. -EEXIST: it lies above or below
 * another task; -ENOSPC: maps.tasks. `pid`: whose namespaces its processes will have; 0: not known. *ret_task
 * stays the list's.
 */
int task_attach(struct tasks *tasks, const char *cgroup, const char *namespace_name, const char *service,
                bool is_run, pid_t pid, struct task **ret_task, struct error *error);

/* On which networks of this host the task is (svc_is_far()); of one that is none nothing happens. */
void task_set_networks(struct tasks *tasks, uint64_t cgroup_id, uint32_t networks);

/* -ENOENT: not a task. A cgroup that has gone can still be named by its path. */
int task_detach(struct tasks *tasks, const char *cgroup, struct error *error);
void task_detach_all(struct tasks *tasks);

/* At start: tasks as the kernel has them; completes, corrects scopes, collects what died. */
int task_list_adopt(struct tasks *tasks, struct error *error);

/* Moves the namespace's tasks to the scope their service has now. */
void task_list_rescope(struct tasks *tasks, const char *namespace_name);

/* The same for all tasks; their names are told anew, too. */
void task_list_rescope_all(struct tasks *tasks);

/* Each second: collects dead cgroups, removes abandoned ones of `run`, makes room for who calls whom. */
void task_list_sweep(struct tasks *tasks);

/*
 * The task with these links (task.link_name) has lost some of them: it is attached anew. False: there is none, or
 * it could not be; then it says so until a restart. `user` is the struct tasks, as whoever watches the pins is
 * handed this function.
 */
bool tasks_put_on_again(void *user, const char *link_name);

/* Full paths of the cgroup directories of the namespace's tasks (NULL: of all): *ret_n of them; the caller frees each and the
 * array. `user` is the struct tasks, as draining and UDP closing are handed this function. -ENOMEM. */
int tasks_directories(void *user, const char *namespace_name, char ***ret_directories, size_t *ret_n);

/* For the engine: `user` is the struct tasks. */
extern const struct engine_follower tasks_follower;
