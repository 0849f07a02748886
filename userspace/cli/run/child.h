/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The process that becomes the command: forked, held until it is told to go, then into its cgroup and its own
 * mounts (mounts.h), then exec. What fails on the way comes back to the parent.
 */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "base/error.h"
#include "cli/run/mounts.h"

struct run_plan {
    char **program; /* NULL-terminated */
    int cgroup_fd;
    struct run_mounts_plan mounts;
    const sigset_t *signal_mask;          /* what the command starts with */
    const struct sigaction *child_action; /* the SIGCHLD disposition it starts with */
};

struct run_child {
    pid_t pid;
    int channel_fd; /* a byte to the child lets it go; back comes how it failed, or the end of file: it runs
                     */
};

/* The child exists and waits; it has the caller's signal mask. */
int run_child_fork(const struct run_plan *plan, struct run_child *ret_child, struct error *error);

/*
 * Lets it go and waits until it has become the command. 0: it has, or a signal ended it before. Otherwise
 * `error` says what failed and the exit status for it is returned: 127 not found, 126 not executable, 1
 * anything before exec. The child has then ended and is yet to be reaped. Closes the channel.
 */
int run_child_go(struct run_child *child, const struct run_plan *plan, struct error *error);
