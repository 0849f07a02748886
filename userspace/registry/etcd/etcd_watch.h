/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What others write, as it comes: a thread with one endless request, which goes on with the next revision at another
 * member when it ends. What is handed over is whole as it was committed; this host's own commits are left out. Where
 * etcd has forgotten the revisions in between (compacted), all rows are read at one revision and the difference to what
 * was handed over is one batch, so who takes batches never has to begin anew.
 *
 * The owner is one thread; the committer's calls the three at the end.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "registry/etcd/etcd_client.h"
#include "registry/etcd/etcd_known.h"
#include "registry/etcd/etcd_presence.h"
#include "registry/etcd/etcd_text.h"
#include "registry/registry.h"

struct etcd_batch {
    struct registry_batch batch;
    struct etcd_head head;   /* mod_revision 0: it is not of a commit of ours */
    struct etcd_pairs heads; /* of namespaces, that were written with it */
    uint64_t revision;       /* the newest of all these */
    uint64_t at;             /* etcd's revision */
    struct etcd_batch *next;
};

struct etcd_watch {
    const struct etcd_settings *settings;
    struct etcd_settings hasty; /* the same, for what the thread asks between */
    const char *fleet, *head_key, *writer;
    char *driver_key;
    struct etcd_presence *presence; /* hears what becomes of its keys; the owner's */
    pthread_t thread;
    bool has_thread;
    bool has_mutex;
    int fd; /* readable while there are batches */
    CURLM *multi;

    /* The thread's, and the owner's before it is started. */
    struct etcd_client stream, asking;
    struct etcd_known known;
    uint64_t next;       /* the first revision that has not been seen */
    uint64_t heard;      /* the newest revision of the head */
    uint64_t ahead;      /* the head was ahead of the stream at the last check: its revision */
    uint64_t check_ms;   /* when the next one is due */
    uint64_t look_ms;    /* when a host in doubt is to be looked at; UINT64_MAX: there is none */
    uint64_t believe_ms; /* nobody is taken for gone before: all had to put their keys back */
    uint64_t audit_ms;   /* when the next audit is due; UINT64_MAX: never */
    uint64_t audited;    /* up to this revision all was as it was told */
    size_t n_strange;    /* keys that are no text, as of the last reading of all */
    bool is_doubtful;    /* the last audit found this difference */
    int64_t doubt_more;
    uint64_t doubt_sum;
    char *line; /* the message that has not come whole */
    size_t n_line, line_room;
    int end; /* why the stream is to end */
    struct error error;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex. */
    bool is_stopping;
    struct etcd_batch *first, **last;
    uint64_t seen;      /* all up to this revision is queued */
    uint64_t in_flight; /* the commit that is; 0: none */
    uint64_t confirmed; /* the revision under which it was seen; 0: not yet */
    uint64_t *unknown;  /* commits whose end nobody knows */
    size_t n_unknown;
    char driver[ETCD_HOST_SIZE]; /* who drives the canaries; "": nobody */
    uint64_t twin_ms;            /* when another host was last seen to write this one's key */
    struct registry_link link;
};

/* Texts and settings are the caller's until the end. -ENOMEM, -EMFILE. */
int etcd_watch_init(struct etcd_watch *watch, const struct etcd_settings *settings, const char *fleet,
                    const char *head_key, const char *writer, struct etcd_presence *presence);
void etcd_watch_done(struct etcd_watch *watch);

/* Before the start: a key of the fleet was read, and takes its owner out of the value; all of them were; is a row to be
 * had? -ENOMEM. */
int etcd_watch_know(struct etcd_watch *watch, struct etcd_pair *pair);
void etcd_watch_knows_all(struct etcd_watch *watch);
bool etcd_watch_shows(struct etcd_watch *watch, const char *row);

/* What was written after `revision` is watched for from now on. */
int etcd_watch_start(struct etcd_watch *watch, uint64_t revision);

/* NULL: there is none. The caller frees it with etcd_batch_free(). */
struct etcd_batch *etcd_watch_take(struct etcd_watch *watch);
void etcd_batch_free(struct etcd_batch *batch);

struct registry_link etcd_watch_link(struct etcd_watch *watch);

/* Around a commit, with its number. The end that is known stays as it is, except that a commit that was seen has been
 * written: 0 then, with its revision. */
void etcd_watch_begin_commit(struct etcd_watch *watch, uint64_t number);
int etcd_watch_end_commit(struct etcd_watch *watch, uint64_t number, int r, uint64_t *revision);

/* Returns when all up to `revision` is there to be taken, or after that time. */
void etcd_watch_wait_for(struct etcd_watch *watch, uint64_t revision, uint32_t most_ms);
