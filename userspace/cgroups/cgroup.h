/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Task cgroups: from what a user typed to a checked directory below the cgroup v2 mount. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <svcconnect/abi.h>

#include "base/error.h"

/* Where `svcconnect run` makes its cgroups. */
#define CGROUP_RUN_PARENT "/svcconnect"

struct cgroup {
    char path[SVC_CGROUP_SIZE]; /* below the mount, begins with /, never "/" */
    uint64_t id;                /* inode number, which is what the kernel calls the cgroup id */
};

/*
 * `text`: a path below the mount ("/a/b", "a/b") or the full path of the directory. Links are resolved.
 * Refused: the root in any spelling, "", what does not exist (-ENOENT) or is not a cgroup v2 directory. An
 * empty path computed from an unreadable /proc/PID/cgroup would otherwise redirect the whole host.
 */
int cgroup_resolve(const char *root, const char *text, struct cgroup *ret_cgroup, struct error *error);

/* Full path of the directory. */
void cgroup_directory(const char *root, const char *path, char *ret_text, size_t size);

/* Does the path still lead to this cgroup? */
bool cgroup_is_alive(const char *root, const struct cgroup *cgroup);

/* Is one path the other, or above or below it? */
bool cgroup_overlaps(const char *a, const char *b);

/*
 * The ids of its processes, a line each. A threaded cgroup has none to tell, its threads' processes being those
 * of a cgroup above: there the threads, by which /proc tells as much. NULL: -errno in *ret_error. The caller
 * closes it.
 */
FILE *cgroup_open_members(int directory_fd, int *ret_error);

/* Is it a threaded one? Sockets are in it then that its threads have made, and no other ones of theirs. */
bool cgroup_is_threaded(const char *root, const char *path);

/* Processes in it and below it, threads where it is threaded. -errno when it cannot be read. */
int cgroup_count_processes(const char *root, const char *path, unsigned *ret_count);

/* Removes it with its descendants, which must hold no process: -EBUSY otherwise. */
int cgroup_remove(const char *root, const char *path);

/*
 * Is the cgroup with this id the one at `path` or below it? Where a cgroup is never changes. -ENOENT: it has
 * gone; -EPERM: it takes CAP_DAC_READ_SEARCH to find one by its id.
 */
int cgroup_is_within(const char *root, const char *path, uint64_t id, bool *ret_is_within);

/* A name for the task's directory of links: the last component made harmless, then -ID. */
void cgroup_link_name(const struct cgroup *cgroup, char *ret_name, size_t size);

/* The id at the end of such a name; -EINVAL. */
int cgroup_link_name_id(const char *name, uint64_t *ret_id);
