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
    size_t first_row, end_row; /* of the group's, that it has put */
    struct kept_loss *losses;  /* by them */
    unsigned conflicts;        /* how often the registry has sent it back */
    struct waiting_job *next;
};

struct job_queue {
    struct waiting_job *first;
    struct waiting_job **end;
    size_t n;
    size_t alone; /* so many of the first run one by one */
};

/* What the group is at. Each state but JOBS_IDLE and JOBS_COMMITTING goes on by steps, some at a turn. */
enum jobs_state {
    JOBS_IDLE,
    JOBS_RUNNING,  /* jobs put rows */
    JOBS_DROPPING, /* the last one's are taken back */
    JOBS_RESERVING,
    JOBS_REVERTING,
    JOBS_TELLING,    /* the history, what goes to the registry with the rows */
    JOBS_COMMITTING, /* rows are on their way */
    JOBS_REPLAYING,
    JOBS_REFRESHING, /* tables are built once more with what was found meanwhile */
    JOBS_PUBLISHING,
    JOBS_FINISHING, /* tables are published: what they named goes, and followers hear of it */
    JOBS_ANSWERING, /* those whose jobs they were */
    JOBS_ABORTING,
};

struct waiter {
    void (*function)(void *user);
    void *user;
    struct waiter *next;
};

/* How far the history of a group is told. */
struct jobs_telling {
    bool has_begun;
    const struct waiting_job *job; /* whose rows they are */
    size_t row;                    /* the next one */
    size_t last;             /* the last one that is told of the job, kept until the others are counted */
    unsigned n_of_job, most; /* rows to be told of it, and how many are told one by one */
    unsigned n;              /* told of the jobs before */
};

struct jobs {
    struct event *turn;      /* something waits */
    struct event *again;     /* something could not be had a while ago */
    struct event *gathered;  /* nobody is waited for any more */
    struct event *committed; /* the registry has ended a commit */
    struct event *others;    /* other hosts have written; NULL: there are none */
    struct remote *remotes;  /* rows of theirs that could not be had together */
    bool has_batches;        /* of theirs, in the registry */
    bool is_remote;          /* the group is one of theirs */
    uint64_t n_skipped;      /* rows of theirs that are not in effect here */
    struct job_queue changes;
    struct job_queue findings;
    struct job_queue group; /* that is on its way */
    struct transaction transaction;
    struct waiting_job *running;
    size_t most;       /* jobs of the group */
    size_t n_stand;    /* of them: neither refused nor taken back */
    size_t n_answered; /* of them */
    size_t n_behind;   /* that waited when the first was */
    uint64_t group_ns; /* jobs are added to a group for so long */
    uint64_t turn_ns;  /* then others have the loop */
    uint64_t gather_until_ns;
    uint64_t most_gather_ns; /* those who had the last group are waited for so long at the most */
    uint64_t gather_end_ns;
    size_t n_expected;       /* with so many jobs the next group begins at once; 0: with any */
    size_t n_returning;      /* of them were of the last group */
    unsigned n_failures;     /* they did not come, so often in a row */
    unsigned n_without_wait; /* groups that begin at once for that */
    struct jobs_telling telling;
    uint64_t commit_begun_ns;
    uint64_t commit_ns; /* the last one took so long */
    struct registry_commit commit;
    struct registry_row *rows;
    struct transaction stirred; /* its instances: findings have touched them while a commit was under way */
    bool is_stirred_said;
    bool is_stirred_late; /* they could not be published: not tried again until `again` */
    enum jobs_state state;
    int result; /* of the group, while it is undone */
    struct error error;
    bool is_written;       /* the group's rows are on disk */
    bool is_unwritten;     /* it was reserved, and the registry has not taken it */
    size_t most_numbers;   /* as many go along with a commit */
    bool are_numbers_late; /* a commit failed: they are not tried by themselves until `again` */
    uint64_t revision;
    struct waiter *waiters; /* for a steady catalog */
    bool had_findings;      /* the last step was of findings */
    uint64_t n_steps;       /* taken so far */
    bool must_save;         /* numbers, also without a change that takes them along */
    bool is_ending;
};

#define JOBS_OF_GROUP     1024
#define FINDINGS_OF_GROUP 128 /* they are published in one go */

/* job_queue.c */
void job_queue_init(struct job_queue *queue);
void job_queue_push(struct job_queue *queue, struct waiting_job *waiting);
struct waiting_job *job_queue_pop(struct job_queue *queue);                    /* NULL: it is empty */
void job_queue_put_back(struct job_queue *queue, struct waiting_job *waiting); /* as the first */
void job_queue_put_back_all(struct job_queue *queue, struct job_queue *from);  /* before what `queue` holds */

/* Tells each job, or `most` of them, its end, what its own run said or else this one, and frees it. */
void job_queue_answer_some(struct job_queue *queue, size_t most, uint64_t revision);
void job_queue_answer(struct job_queue *queue, int r, uint64_t revision, const struct error *error);

/*
 * The group cannot be had: of several each is tried by itself, also those that refused themselves, since they
 * may have seen what another one had put. Only of one it is known whose fault it is.
 */
void job_queue_give_up(struct job_queue *queue, struct job_queue *group, int r, const struct error *error);

/* The registry did not write the group: its jobs are told, except those that are to run again, which are put
 * back to `queue`. */
void job_queue_fail(struct job_queue *queue, struct job_queue *group, int r, const struct error *error);

/* steady.c */
void jobs_call_waiters(struct engine *engine);
void jobs_drop_waiters(struct jobs *jobs);

/* jobs_group.c */
int job_run_once(struct transaction *transaction, struct waiting_job *waiting);

/* What the job that ran has put stays, or is to be dropped; true: it stays. */
bool job_has_run(struct transaction *transaction, struct waiting_job *waiting, int r);

/* Of the group on its way, or begins one; nothing to be done while the registry commits. */
void jobs_step(struct engine *engine);

/* The registry has ended the commit under way. */
void jobs_end_commit(struct engine *engine, int r, uint64_t revision, const struct error *error);

/* jobs_gather.c: after a group, whether the next one still waits for those who had it, and that it does not. */
void gather_after(struct jobs *jobs);
bool gather_is_on(const struct jobs *jobs);
void gather_end(struct jobs *jobs);

/* jobs_history.c: what the group changes goes along with its commit, told by steps (STEP_MORE, then 0), and is kept
 * when that has ended. */
int jobs_tell_history(struct engine *engine);
void jobs_keep_history(struct engine *engine);

/* jobs_remote.c: what other hosts have written becomes the first of the jobs, to run by itself. False: there is nothing. */
bool jobs_begin_remote(struct engine *engine);
int jobs_listen_to_others(struct engine *engine, struct event_base *base); /* -ENOMEM */
void jobs_leave_others(struct jobs *jobs);

/* jobs_losses.c: the group is on disk, and followers hear of the aliases without an endpoint. */
void jobs_tell_losses(struct engine *engine);

/* jobs_findings.c */
void jobs_run_findings(struct engine *engine);

/* jobs_stirred.c */
void stirred_remember(struct jobs *jobs, const struct transaction *finding);
void stirred_join(const struct jobs *jobs, struct transaction *transaction);
int stirred_publish(struct engine *engine); /* some of them: STEP_MORE, or 0 */
void stirred_drop(struct jobs *jobs);

int jobs_init(struct engine *engine, struct event_base *base);   /* -ENOMEM */
int jobs_listen(struct engine *engine, struct event_base *base); /* when there is a registry; -ENOMEM */
void jobs_free(struct engine *engine);

/* There is work: the next turn takes it up. */
void jobs_stir(struct engine *engine);

/* What nobody waits for and could not be had is tried again in a while. */
void jobs_again_later(struct jobs *jobs);
