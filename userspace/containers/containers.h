/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Containers of this host become tasks and instances by their labels:
 *
 *   runtimes/ ──► what there is ──► workloads/ ──► who is a task, which instances ──► tasks/ attaches
 *   the gate ───► stands: attach, wait for names, let it run                     └──► engine: one job makes it so
 *
 * The runtime is the truth. Every change there leads to a plan of all containers, and the plan is compared with what is
 * there: lost events cost time and nothing else. What is registered for a container is marked as its own, so that it
 * goes with it, also when the daemon was away meanwhile; while a runtime does not answer, what it told last holds.
 *
 * On the loop. Plans are carried out while the engine is steady.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct container;
struct containers;
struct dns;
struct engine_follower;
struct engine;
struct event_base;
struct event_log;
struct tasks;

#define CONTAINERS_MAX 4096 /* of all runtimes; those beyond are left alone */

/* Texts and pointers outlive it. */
struct containers_settings {
    struct event_base *base;
    struct engine *engine;
    struct tasks *tasks;
    struct dns *dns;
    struct event_log *events;
    const char *cgroup_root;
    const char *runtimes;      /* "none", "auto", NAME:PATH separated by commas, or both */
    bool has_no_gate;          /* as where the kernel has none */
    const char *run_directory; /* where "auto" looks; NULL: "/run" */
    const char *host_address;  /* "auto", or an address: of containers on the host's network */
};

/* Is this text such a list? -EINVAL. */
int containers_check_runtimes(const char *field, const char *runtimes, struct error *error);

/* Documents that change; `user` is a struct containers **, which may lead to NULL. */
extern const struct engine_follower containers_follower;

/* "auto", or an address that others can connect to? -EINVAL. */
int containers_check_host_address(const char *field, const char *text, struct error *error);

/* After tasks have been adopted and DNS has begun. NULL in *ret_containers: "none" is to be followed. -ENOMEM. */
int containers_begin(const struct containers_settings *settings, struct containers **ret_containers,
                     struct error *error);
void containers_end(struct containers **containers); /* NULL-safe; sets to NULL; everything stays as it is */

/*
 * The cgroup of a running container, by its name or the beginning of its id; the containers' text. -ENOENT: there is no
 * such one, or it does not run; -EINVAL: several. NULL containers: there is none.
 */
int containers_cgroup_of(const struct containers *containers, const char *field, const char *text,
                         const char **ret_cgroup, struct error *error);
/* The name of the container whose cgroup this is or is in; "": none's. NULL containers: the same. */
const char *containers_name_at(const struct containers *containers, const char *cgroup);
/* What people want to know of that container beside its name: members of the object. */
void containers_describe_at(const struct containers *containers, const char *cgroup, cJSON *object);

/* What is being stopped; texts are the containers'. */
struct container_stop {
    const char *name;
    const char *id;
    const char *runtime;
    size_t n_instances;
    uint64_t open; /* connections now */
    uint32_t timeout_s;
};

/*
 * Drains a running container's instances, for `timeout_s` at most (NULL: the container's own time to stop), then has its
 * runtime stop it; what has become of it is in containers_describe(). One that is being stopped already goes on as it is.
 * `by`: who wants it, for events. While the engine is steady. -ENOENT: no such one runs; -EINVAL: one without labels, or
 * that its runtime cannot be asked to stop; -EAGAIN: the runtime does not answer. NULL containers: -ENOENT.
 */
int containers_stop(struct containers *containers, const char *field, const char *text,
                    const uint32_t *timeout_s, const char *by, struct container_stop *ret_stop,
                    struct error *error);

/*
 * A runtime is about to let this container's first process begin, and waits: attaches it if it is a task, and tells when its names are
 * there, when it is no task, or after 450 ms at the latest; always once, and not from within. The container, with id, pid and
 * labels, is taken over. -ENOENT: no process, or `containers` is NULL; -ENOMEM: nobody will be told.
 */
int containers_start(struct containers *containers, struct container *container,
                     void (*done)(const char *container, bool is_task, bool is_attached, void *user),
                     void *user, struct error *error);

/* How many runtimes are followed, and how many of them answer. NULL containers: none. */
size_t containers_count_runtimes(const struct containers *containers, size_t *ret_connected);

/* For people: each container, and why it is left alone; each runtime and what it can do. The caller frees them. NULL
 * containers: none. */
cJSON *containers_describe(const struct containers *containers);
/* {"address", "from"}: of containers on this host's network; no members: it has none. */
cJSON *containers_describe_host(const struct containers *containers);
/* What was to be followed, as it is configured; NULL containers: "none". */
const char *containers_setting(const struct containers *containers);
cJSON *containers_describe_runtimes(const struct containers *containers);
