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
#include <uthash.h>

struct daemon;

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

struct services_dir {
    struct services_file *files; /* by path */
    int inotify_fd;              /* valid if `event` is */
    int watch;                   /* -1: the directory is not there */
    struct event *event;
    struct event *timer; /* a burst of events is one scan */
    uint64_t revision;   /* of the registry when the last scan began */
};

/* Scans once and watches. Failures are logged and shown in status; the daemon goes on. */
void services_dir_start(struct daemon *daemon);

/*
 * Every second: watches a directory that has come into being meanwhile; tries refused files again when the
 * registry has changed, because what was in their way may be gone.
 */
void services_dir_sweep(struct daemon *daemon);

/* "count" of documents in force and "failed" files. */
void services_dir_describe(const struct daemon *daemon, cJSON *object);
void services_dir_done(struct services_dir *dir);
