/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the parts of the gate share. Private to runtimes/. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <svcconnect/abi.h>

#include "cgroups/cgroup_tree.h"
#include "runtimes/gate.h"

#define GATE_PARENTS   64
#define GATE_PLACES    512 /* that are watched for parents; those beyond are not */
#define GATE_DEPTH     3   /* levels below the cgroup root in which parents are looked for */
#define GATE_PROCESSES 32  /* of one container, on its way */
#define GATE_HELD      64  /* programs of one container that wait; more are let go */

/* One way: from the loop, or to it. */
enum gate_word {
    GATE_WORD_APPEARED,
    GATE_WORD_STANDS,
    GATE_WORD_ENDED,
    GATE_WORD_RELEASE, /* from the loop */
    GATE_WORD_WATCH,   /* from the loop, of a parent */
    GATE_WORD_WATCH_ALL,
    GATE_WORD_EXPECT, /* from the loop */
};

struct gate_message {
    enum gate_word word;
    uint64_t ticket;
    enum gate_end end;
    uint64_t held_us;
    pid_t pid;
    char cgroup[SVC_CGROUP_SIZE];
    struct gate_message *next;
};

struct gate_queue {
    struct gate_message *first;
    struct gate_message **end;
};

enum gate_state {
    GATE_FREE,
    GATE_LOOKING, /* for a process with a root of its own */
    GATE_MARKED,
    GATE_HOLDING, /* the loop has been told */
};

/* A container on its way; the thread's alone. */
struct gate_container {
    enum gate_state state;
    bool is_expected; /* the cgroup has not been seen yet */
    uint64_t ticket;
    uint64_t since_ns; /* the cgroup was seen */
    uint64_t held_since_ns;
    int members_fd;      /* of its cgroup.procs; -1: not open yet */
    unsigned looks;      /* so many were taken */
    int root_fd;         /* of the marked mount; -1: none */
    int held[GATE_HELD]; /* descriptors of fanotify's events that wait for an answer */
    size_t n_held;
    char cgroup[SVC_CGROUP_SIZE];
};

/* A parent, by its path below the cgroup root; the thread's alone. */
struct gate_parent {
    char path[SVC_CGROUP_SIZE];
    bool takes_all;  /* whatever its children are called */
    int watch;       /* -1: it is not there */
    int above_watch; /* of the directory in which it will appear; -1: none */
};

/* A cgroup that may become a parent; the thread's alone. */
struct gate_place {
    int watch;
    int depth; /* the root's is 0 */
    char path[SVC_CGROUP_SIZE];
};

struct gate {
    struct gate_settings settings;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct gate_queue to_loop;
    struct gate_queue to_thread;
    bool is_stopping; /* under the mutex */
    int loop_fd;      /* eventfds: something is in the queue */
    int thread_fd;
    struct event *event;
    /* the thread's: */
    int inotify_fd;
    int fanotify_fd;
    uint64_t last_ticket;
    struct gate_parent parents[GATE_PARENTS];
    size_t n_parents;
    struct gate_place places[GATE_PLACES];
    size_t n_places;
    struct gate_container containers[GATE_CONTAINERS];
};

/* Into the queue and awake; without memory the message is lost, and a deadline takes its place. */
void gate_tell_loop(struct gate *gate, const struct gate_message *message);

/* A new child, with its path below the cgroup root; the same one may be met twice. */
typedef void (*gate_found_fn)(struct gate *gate, const char *cgroup, bool takes_all);

/* gate_parents.c */
int gate_watch_directory(const struct gate *gate, const char *path); /* inotify's number; -1: none */
void gate_parents_add(struct gate *gate, const char *path, bool takes_all);
/* Of parents and of places. */
void gate_parents_read(struct gate *gate, gate_found_fn found);

/* gate_places.c */
void gate_places_begin(struct gate *gate); /* what is there already is left alone */
struct inotify_event;
void gate_places_take(struct gate *gate, const struct inotify_event *event, gate_found_fn found);

/* gate_members.c */

/*
 * Processes of the cgroup itself, by a descriptor that is kept: a path in a cgroup hierarchy is looked up behind whoever makes
 * or removes a cgroup, and on a busy machine that one waits for its turn on a processor (80 ms were seen, of which a container
 * may begin in 10). Returns how many; 0 also where they cannot be read.
 */
size_t gate_members(const struct gate *gate, struct gate_container *container,
                    pid_t ret_members[static GATE_PROCESSES]);

/* Also of cgroups below, which some runtimes make for the processes. As cgroup_tree_add(). */
int gate_members_below(const struct gate *gate, const struct gate_container *container,
                       struct cgroup_tree *tree);

bool gate_has_process(const struct gate *gate, struct gate_container *container, pid_t pid, bool looks_below);

bool gate_root_of(pid_t pid, struct stat *ret_info); /* false: it has gone */

/*
 * Until the runtime has given it one, a container's first process has the root that its parent has; the host's, mostly, or
 * that of the runtime's own container.
 */
bool gate_has_own_root(pid_t pid);

/* gate_thread.c */
void *gate_thread(void *user);
