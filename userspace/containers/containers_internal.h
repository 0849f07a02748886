/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is known of each container and runtime. Private to containers/. */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "containers/containers.h"
#include "model/container.h"
#include "runtimes/docker.h"
#include "runtimes/gate.h"
#include "workloads/plan.h"

#define RUNTIMES_MAX 16

/* How the creator of an instance begins that is a container's: "container:RUNTIME:ID". */
#define CONTAINER_CREATOR "container:"

enum names_state { /* how a container's first program got its names */
    NAMES_UNKNOWN,
    NAMES_GATED,   /* held until they were there */
    NAMES_TIMEOUT, /* held, and let go too early */
    NAMES_LATE,    /* not held: it was there first, or the gate could not */
};

struct held {
    struct container *container;
    struct containers *owner;
    uint64_t ticket;  /* of the gate; 0: it is not on its way */
    bool is_standing; /* held until gate_release() */
    enum names_state names;
    uint64_t held_us;
    uint64_t waiting_for; /* cgroup id of the task whose names it waits for; 0: none */
    bool is_attached;
    char why_not_attached[200];
    struct event *end; /* of its first process; NULL: nobody watches */
    int pidfd;
    /* of the last plan: */
    bool is_task;
    char namespace_name[256];
    char service[256];
    char note[WORKLOAD_NOTE_SIZE];
    size_t n_instances;
    UT_hash_handle hh; /* by container->id */
};

struct runtime {
    char name[16];
    char *socket;
    struct docker *docker;
    bool is_connected;
    bool is_listed; /* since it was connected first: what it does not know is gone */
    char reason[200];
};

/* What is to be registered; copies, for a job that may run later and again. */
struct wanted_instance {
    char *key; /* "NAMESPACE\nSERVICE\nID" */
    char *namespace_name;
    char *creator;
    char *attributes;                  /* or NULL */
    struct workload_instance instance; /* with aliases of its own, and no zone */
    UT_hash_handle hh;
};

struct registering {
    struct containers *owner;        /* NULL: it has ended */
    struct wanted_instance *items;   /* by key; owned with what they lead to */
    struct registering *before;      /* what was registered last; NULL: nothing by this daemon */
    bool is_scan;                    /* look through the whole catalog for what is a container's and gone */
    char runtimes[RUNTIMES_MAX][16]; /* those that have listed what they have */
    size_t n_runtimes;
};

struct containers {
    struct containers_settings settings;
    struct fetcher *fetcher;
    struct gate *gate; /* NULL: the kernel has none */
    char why_no_gate[100];
    struct runtime runtimes[RUNTIMES_MAX];
    size_t n_runtimes;
    struct held *all; /* by id */
    struct event *plan_event;
    struct registering *registering; /* under way; NULL: none */
    struct registering *registered;  /* by the last job; NULL: none */
    bool is_scan_due;                /* a runtime has told all it has */
    bool is_register_again;
};

/* A plan is due, at the end of this turn of the loop. */
void containers_changed(struct containers *containers);
struct held *containers_find(const struct containers *containers, const char *id);

/* containers_tasks.c: attaches what is a task and has a cgroup. */
void containers_attach(struct containers *containers, struct held *held);
/* The gate's three words; `user` is the struct containers. */
void containers_on_appeared(uint64_t ticket, const char *cgroup, void *user);
void containers_on_stands(uint64_t ticket, const char *cgroup, pid_t pid, void *user);
void containers_on_gate_end(uint64_t ticket, const char *cgroup, enum gate_end end, uint64_t held_us,
                            void *user);

/* containers_instances.c: one job makes the registry as the plan wants it. */
void containers_register(struct containers *containers, const struct workload_plan *plan);
/* Frees what was registered last; one that is under way frees itself. */
void containers_forget_registering(struct containers *containers);

/* containers_sockets.c: "auto" and lists. -ENOMEM. */
int containers_find_sockets(struct containers *containers);
