/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The cgroup of one `svcconnect run`: made, emptied of what the command left, removed. All access goes
 * through the descriptor opened when it was made, so nothing but this directory and what is in it is ever
 * touched.
 */
#pragma once

#include "base/error.h"

struct run_cgroup {
    char *path;  /* "/sys/fs/cgroup/svcconnect/run-4243" */
    char *below; /* "/svcconnect/run-4243": below the cgroup mount */
    int fd;      /* the directory; -1: none */
    int root_fd; /* the cgroup v2 mount; -1: none */
};

#define RUN_CGROUP_NONE ((struct run_cgroup){.fd = -1, .root_fd = -1})

/*
 * Makes svcconnect/run-`number` below `root`, the cgroup v2 mount of the daemon; run-`number`-2 and so on if a
 * leftover stands there. Where the hierarchy is not to be seen at `root` (`ip netns exec` hides it, a root
 * directory of one's own may not have it) it is mounted for this process alone.
 */
int run_cgroup_make(const char *root, long number, struct run_cgroup *ret_cgroup, struct error *error);

/*
 * Ends the processes in it: SIGTERM, after `grace_ms` SIGKILL. Then removes the directories below it. 0: it
 * is empty; -EBUSY: something survives (a process the kernel cannot end).
 */
int run_cgroup_empty(const struct run_cgroup *cgroup, int grace_ms);

/* Removes the directory, and the one it is in with the last of them; one that has gone already is fine.
 * Negative errno: it stays. */
int run_cgroup_remove(const struct run_cgroup *cgroup);

/* Releases the struct; the directory is left alone. */
void run_cgroup_done(struct run_cgroup *cgroup);
