/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The queue of jobs and the group that is on its way. Private to engine/. */
#pragma once

#include "engine/change/job.h"
#include "engine/change/transaction_internal.h"

struct event;
struct event_base;

struct waiting_job {
    struct job job;
    int result; /* of its own run */
    struct error error;
    unsigned conflicts; /* how often the registry has sent it back */
    struct waiting_job *next;
};

struct job_queue {
    struct waiting_job *first;
    struct waiting_job **end;
    size_t n;
    size_t alone; /* so many of the first run one by one */
};

/* An instance that findings have changed while a commit was under way. */
struct stirred {
    char *namespace_name;
    char *service;
    char *instance;
    struct stirred *next;
};

/* What the group is at. Each state but JOBS_IDLE and JOBS_COMMITTING goes on by steps, some at a turn. */
enum jobs_state {
    JOBS_IDLE,
    JOBS_RUNNING,  /* jobs put rows */
    JOBS_DROPPING, /* the last one's are taken back */
    JOBS_RESERVING,
    JOBS_REVERTING,
    JOBS_COMMITTING, /* rows are on their way */
    JOBS_REPLAYING,
    JOBS_PUBLISHING,
    JOBS_ABORTING,
};

struct waiter {
    void (*function)(void *user);
    void *user;
    struct waiter *next;
};

struct jobs {
    struct event *turn;      /* something waits */
    struct event *committed; /* the registry has ended a commit */
    struct job_queue changes;
    struct job_queue findings;
    struct job_queue group; /* that is on its way */
    struct transaction transaction;
    struct waiting_job *running;
    size_t most; /* jobs of the group */
    uint64_t gather_until_ns;
    struct registry_commit commit;
    struct registry_row *rows;
    struct stirred *stirred;
    enum jobs_state state;
    int result; /* of the group, while it is undone */
    struct error error;
    uint64_t revision;
    struct waiter *waiters; /* for a steady catalog */
    bool must_save;         /* numbers, also without a change that takes them along */
    bool is_ending;
};

int jobs_init(struct engine *engine, struct event_base *base);   /* -ENOMEM */
int jobs_listen(struct engine *engine, struct event_base *base); /* when there is a registry; -ENOMEM */
void jobs_free(struct engine *engine);

/* There is work: the next turn takes it up. */
void jobs_stir(struct engine *engine);
