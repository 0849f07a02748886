/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The directory of documents (services.d): every *.json in it is applied at start and when it changes. A file
 * that turns bad keeps its last good version in force; a file that is removed takes its documents along; a
 * directory that cannot be read changes nothing.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/hash.h"

struct dirent;
struct engine;
struct event_base;
struct worker;

/* One file as it was last looked at. */
struct services_file {
    char *path;
    struct timespec changed; /* ctime: what an editor cannot set back */
    off_t size;
    ino_t inode;
    char *failure; /* why it was not applied; NULL: it was */
    bool is_seen;  /* in the scan under way */
    UT_hash_handle hh;
};

enum services_state {
    SERVICES_IDLE,
    SERVICES_APPLYING, /* files, in alphabetical order */
    SERVICES_WAITING,  /* until the catalog may be read */
    SERVICES_REMOVING, /* what came from files that are gone */
};

struct services_dir {
    /* Set by the owner before the start; they outlive it. */
    struct engine *engine;
    struct event_base *base;
    struct worker *worker;
    const char *path;
    /* Once for each file that has changed something, or has gone; NULL: nobody wants to know. */
    void (*tell)(void *user, const char *message);
    void *tell_user;

    struct services_file *files; /* by path */
    int inotify_fd;              /* valid if `event` is */
    int watch;                   /* -1: the directory is not there */
    struct event *event;
    struct event *timer; /* a burst of events is one scan */
    uint64_t revision;   /* of the registry when the last scan began */

    enum services_state state;
    struct dirent **entries; /* of the scan under way */
    int n_entries;
    int next_entry;
    unsigned n_loads;     /* files and removals on their way */
    bool must_scan_again; /* something has changed during a scan */
    bool is_ending;       /* jobs are refused because the daemon ends */
};

/* Begins a first scan and watches. Failures are logged and shown in status; the daemon goes on. */
void services_dir_start(struct services_dir *dir);

/* Blocks until the scan under way has been applied: for the start, before the loop turns, and for tests. */
void services_dir_settle(struct services_dir *dir);

/*
 * Every second: watches a directory that has come into being meanwhile; tries refused files again when the
 * registry has changed, because what was in their way may be gone.
 */
void services_dir_sweep(struct services_dir *dir);

/* All files as if they had only just come: what is registered has been replaced under them. */
void services_dir_apply_again(struct services_dir *dir);

/* "count" of documents in force and "failed" files. */
void services_dir_describe(const struct services_dir *dir, cJSON *object);

/* After worker_stop() and engine_stop(), which end what is on its way. */
void services_dir_done(struct services_dir *dir);
