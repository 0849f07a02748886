/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is known of each container and runtime. Private to containers/. */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "containers/containers.h"
#include "model/container.h"
#include "http/fetch.h"
#include "runtimes/bundles.h"
#include "runtimes/docker.h"
#include "runtimes/docker_about.h"
#include "runtimes/docker_stop.h"
#include "runtimes/gate.h"
#include "workloads/plan.h"

struct transaction;

#define RUNTIMES_MAX        16
#define ROOTS_RUNTIMES      4  /* of these, that users leave free */
#define USERS_NAMESPACE_MAX 48 /* of what names users' namespaces */

/* The runtime of containers that only a start has told of. */
#define RUNTIME_UNKNOWN "oci"

enum names_state { /* how a container's first program got its names */
    NAMES_UNKNOWN,
    NAMES_GATED,   /* held until they were there */
    NAMES_TIMEOUT, /* held, and let go too early */
    NAMES_LATE,    /* not held: it was there first, or the gate could not */
};

enum stop_state { /* of a container that somebody wants stopped */
    STOP_NONE,
    STOP_DRAINING,
    STOP_TOLD, /* its runtime is at it */
    STOP_DONE,
    STOP_FAILED,
};

struct stopping {
    enum stop_state state;
    uint32_t timeout_s; /* of the drain */
    uint64_t until_ms;  /* monotonic: nobody is waited for any longer */
    uint64_t open;      /* connections, when last looked at */
    struct event *timer;
    struct docker_stop request;
    struct fetch *fetch; /* NULL: none */
    char reason[200];    /* why it failed */
};

#define CREATOR_ID_MAX                                                                                       \
    40 /* digits of a container's id in the creator of its instances, which has 64 characters */

struct held {
    struct container *container;
    struct containers *owner;
    const struct runtime *from; /* which has told of it; NULL: none that is followed */
    bool is_expected;           /* the gate has been told where it will be */
    bool is_unread;             /* the runtime has not told more than its id */
    uint64_t list;              /* it became known after that list was asked for */
    uint64_t ticket;            /* of the gate; 0: it is not on its way */
    bool is_standing;           /* held until gate_release() */
    enum names_state names;
    uint64_t held_us;
    uint64_t waiting_for; /* cgroup id of the task whose names it waits for; 0: none */
    bool is_attached;
    char why_not_attached[200];
    char why_not_registered[200]; /* one of its instances */
    struct event *end;            /* of its first process; NULL: nobody watches */
    int pidfd;
    uint64_t told_to_end_ms; /* monotonic: by a signal that ends, while it is CONTAINER_ENDING */
    struct stopping stop;
    /* of the last plan: */
    bool is_task;
    bool is_labelled; /* by labels of its own */
    char namespace_name[256];
    char service[256];
    char why_not[WORKLOAD_NOTE_SIZE]; /* why it is no task */
    char note[WORKLOAD_NOTE_SIZE];    /* a warning, of others too */
    size_t n_instances;
    uint32_t task_networks;    /* Docker's networks that it is on, a bit for each; 0: it has a way to all */
    uint32_t address_networks; /* that of its instances' address */
    uint64_t cgroup_id;        /* of the task, while it is attached */
    uint32_t told_networks;    /* of the task, to the programs */
    char short_id[CREATOR_ID_MAX + 1];
    UT_hash_handle hh;       /* by container->id */
    UT_hash_handle hh_short; /* by short_id */
};

struct runtime {
    struct containers *owner;
    char name[16];
    char *socket;            /* runc: its root directory */
    char *directory;         /* of bundles; NULL: it has an API */
    struct docker *docker;   /* NULL: it has no API */
    struct bundles *bundles; /* NULL: it has an API */
    bool is_bounded;         /* a user's own, found by itself: of his containers only, into his namespace */
    uid_t uid;               /* whose, while it is bounded */
    char namespace_name[64];
    bool is_connected;
    uint64_t lost_ms;           /* when its events ended last (monotonic); 0: they never have */
    struct docker_about *about; /* is being asked what it is; NULL: it has answered, or has no API */
    char version[32];           /* for people, as the next; "": not known */
    char cgroup_driver[16];
    bool asks;      /* before it lets containers begin: it has done so */
    bool is_listed; /* since it was connected first: what it does not know is gone */
    uint64_t list;  /* which of all is being asked for, or was last */
    char reason[200];
};

/* What is to be registered; copies, for a job that may run later and again. */
struct wanted_instance {
    struct registering *owner;
    bool is_refused; /* its own job has failed */
    char *container_id;
    char *key; /* "NAMESPACE\nSERVICE\nID" */
    char *namespace_name;
    char *creator;
    char *attributes; /* or NULL */
    bool has_drain_s;
    uint32_t drain_s;                  /* how long it may drain; else its service says */
    struct workload_instance instance; /* with aliases of its own, and no zone */
    UT_hash_handle hh;
};

struct registering {
    struct containers *owner;        /* NULL: it has ended */
    size_t n_jobs;                   /* that have not ended */
    bool is_scan_missed;             /* what is gone could not be removed */
    struct wanted_instance *items;   /* by key; owned with what they lead to */
    struct registering *before;      /* what was registered last; NULL: nothing by this daemon */
    bool is_scan;                    /* look through the whole catalog for what is a container's and gone */
    char runtimes[RUNTIMES_MAX][16]; /* those that have listed what they have */
    size_t n_runtimes;
};

struct socket_watch;

/* One that a runtime has asked for. */
struct start;

/* Who is on the way at the gate and of whom no runtime has told yet. */
struct stranger;

struct containers {
    struct containers_settings settings;
    struct fetcher *fetcher;
    struct host_address *host; /* NULL: not begun */
    struct gate *gate;         /* NULL: the kernel has none */
    char why_no_gate[100];
    struct runtime runtimes[RUNTIMES_MAX];
    size_t n_runtimes;
    uint64_t n_lists; /* that were asked for, of all runtimes */
    struct held *all; /* by id */
    struct held *by_short_id;
    struct network_bit *networks;
    struct moving *moving;      /* instances to other networks; NULL: none are on their way */
    struct stranger *strangers; /* by id */
    struct start *starts;       /* by ticket */
    uint64_t last_start;
    struct socket_watch *watch; /* NULL: runtimes are named, or not begun */
    struct event *plan_event;
    uint64_t n_plans;
    struct found_document *documents; /* of families of ECS's task definitions that containers have */
    size_t documents_searched;        /* bytes, for the last plan */
    uint64_t documents_generation;    /* they are looked for anew in another one */
    struct event *documents_event;
    struct registering *registering; /* under way; NULL: none */
    struct registering *registered;  /* by the last job; NULL: none */
    bool is_scan_due;                /* a runtime has told all it has */
    bool is_register_again;
};

/* containers_told.c: what is known of one changes. `user` is the struct containers. */
void containers_on_put(struct container *container, void *user);
void containers_on_gone(const char *id, void *user);

/*
 * containers_words.c: what a runtime tells over its API; `user` is the struct runtime. Each speaks of its own containers: of one
 * that another runtime has told of its word is not heard.
 */
void containers_on_docker_put(struct container *container, void *user);
void containers_on_ending(const char *id, void *user);
void containers_on_docker_gone(const char *id, void *user);
void containers_on_unread(const struct docker *docker, const char *id, void *user);
void containers_on_listing(const struct docker *docker, void *user);
void containers_on_listed(const struct docker *docker, char (*ids)[DOCKER_ID_MAX + 1], size_t n, void *user);
/* One that is known by no more than its id. -ENOSPC, and the container is freed. */
int containers_add(struct containers *containers, struct container *container, struct held **ret_held);
void containers_free_held(struct containers *containers, struct held *held);

/* The one whose cgroup this is; NULL: no runtime has told of it. */
struct held *containers_find_cgroup(const struct containers *containers, const char *cgroup);
/* A plan is due, at the end of this turn of the loop. */
void containers_changed(struct containers *containers);
struct held *containers_find(const struct containers *containers, const char *id);
/* The end of its first process, which the kernel tells before any runtime does; watching twice is the same as once. */
void containers_watch_end(struct held *held);
void containers_forget_end(struct held *held);

/* containers_lookup.c: whose cgroup this is or is in; NULL: none's. */
const struct held *containers_at(const struct containers *containers, const char *cgroup);
/* By what people call it; -ENOENT, -EINVAL as containers_cgroup_of(). */
int containers_find_running(const struct containers *containers, const char *field, const char *text,
                            struct held **ret_held, const char **ret_cgroup, struct error *error);

/* containers_documents.c: workload_settings.find_document; `user` is the struct containers. */
const struct workload_document *containers_find_document(const char *family, const char *namespace_name,
                                                         const char *cluster, void *user);
/* Those that the last plan did not ask for, or all. */
void containers_forget_documents(struct containers *containers, bool is_all);
size_t containers_count_documents(const struct containers *containers);   /* families that are kept */
void containers_on_documents(evutil_socket_t fd, short what, void *user); /* they may have changed */

/* containers_networks.c */
void containers_take_networks(struct containers *containers, struct held *held,
                              const struct workload *workload);
void containers_tell_networks(struct containers *containers,
                              struct held *held); /* of a task that is attached */
void containers_plan_instance(void *user, struct instance *instance);
void containers_move_instances(struct containers *containers); /* those that the last job has put */
void containers_forget_networks(struct containers *containers);

/* containers_stop.c */
void containers_forget_stop(struct held *held);
bool containers_is_stopping(const struct held *held);

/* containers_tasks.c: attaches what is a task and has a cgroup. */
void containers_attach(struct containers *containers, struct held *held);
void containers_release(struct containers *containers, uint64_t ticket); /* from the gate; 0: nobody */
/* Its first program is held, or will be: nothing that was known of an earlier start holds. */
void containers_take_standing(struct containers *containers, struct held *held, uint64_t ticket,
                              const char *cgroup, pid_t pid);
/* The gate's three words; `user` is the struct containers. */
void containers_on_appeared(uint64_t ticket, const char *cgroup, void *user);
void containers_on_stands(uint64_t ticket, const char *cgroup, pid_t pid, void *user);
void containers_on_gate_end(uint64_t ticket, const char *cgroup, enum gate_end end, uint64_t held_us,
                            void *user);

/*
 * containers_strangers.c: asks all runtimes for an id that none has told of, while it is on its way; one that nobody
 * knows is let go as soon as that is known.
 */
void containers_ask_for(struct containers *containers, uint64_t ticket, const char *cgroup, const char *id);
/* It stands now. False: nobody was asked for it. */
bool containers_stranger_stands(struct containers *containers, uint64_t ticket, const char *id, pid_t pid);
/* A runtime has told of it: it is a stranger no more. */
void containers_meet(struct containers *containers, struct held *held);
/* NULL `id`: all of them; nobody is let go by this. */
void containers_forget_stranger(struct containers *containers, uint64_t ticket, const char *id);

/* containers_starts.c: false: the ticket is the gate's own. */
bool containers_release_start(struct containers *containers, uint64_t ticket);
void containers_forget_starts(struct containers *containers); /* all are answered */
/* The path up to the directory that has a container's id in its name; false: none has, and it stays. */
bool containers_cut_cgroup(char *path);

/* containers_instances.c: what a job does. NULL: no memory. */
struct registering *registering_new(struct containers *containers, const struct workload_plan *plan);
void registering_free(struct registering *registering); /* NULL-safe */
int containers_put_one(struct transaction *transaction, struct wanted_instance *wanted, struct error *error);
int containers_remove_gone(struct transaction *transaction, const struct registering *registering,
                           struct error *error);

/*
 * containers_left_out.c: has somebody deregistered it since its container was started? If it is there again, somebody has
 * registered it, and it is left out no more.
 */
int containers_keep_left_out(struct transaction *transaction, const struct wanted_instance *wanted,
                             bool is_there, bool *ret_is_out, struct error *error);
bool containers_is_left_out(const struct containers *containers,
                            const struct held *held); /* one of its instances */

/* containers_register.c: jobs make the registry as the plan wants it. */
void containers_register(struct containers *containers, const struct workload_plan *plan);
/* Frees what was registered last; one that is under way frees itself. */
void containers_forget_registering(struct containers *containers);

/* The gate, if there is none yet; a kernel that has none is told of. */
void containers_begin_gate(struct containers *containers);

/* containers_runtimes.c: follows one from now on. -ENOMEM, -EMFILE. */
int containers_begin_runtime(struct containers *containers, struct runtime *runtime);
/* Have all of this name told what they have? What an instance is marked with has no more than the name. */
bool containers_have_listed(const struct containers *containers, const char *name);
/* What lies in files by now is told at once. */
void containers_catch_up(struct containers *containers);

/* containers_sockets.c: "auto" and lists; adds what is not there yet. -ENOMEM. */
int containers_find_sockets(struct containers *containers);
int containers_add_runtime(struct containers *containers, const char *name, const char *socket); /* once */
const char *containers_run_directory(const struct containers *containers);

/* runtimes_text.c: what is written as "auto,docker:SOCKET,rootless:NAMESPACE". */
bool containers_is_auto(const char *runtimes);           /* does it begin with that word? */
const char *containers_named_ones(const char *runtimes); /* what is behind it */
bool containers_is_of_users(const char *entry, size_t length);

/* containers_later.c: looks for sockets now and whenever one may have come. -ENOMEM. */
int containers_watch_sockets(struct containers *containers);
void containers_forget_sockets(struct containers *containers);

/* containers_users.c: users' runtimes that are followed by themselves; `pattern` is what comes after "rootless:". -ENOMEM. */
int containers_find_users(struct containers *containers, const char *pattern, size_t length);
/* What is told is made what that user may say; false: he may not say it at all. */
bool containers_bound(const struct runtime *runtime, struct container *container);
/* May this cgroup be one of that runtime's containers? NULL: nobody's in particular. */
bool containers_may_be_of(const struct runtime *runtime, const char *cgroup);
/* Its cgroup and process are whose they have to be. */
bool containers_may_attach(const struct held *held);
