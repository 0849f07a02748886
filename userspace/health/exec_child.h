/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The process of an exec probe: starting it, ending its group, waiting for it and nobody else. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "health/probe.h"

struct exec_child {
    pid_t pid; /* and process group; 0: waited for */
    int pidfd;
    int output_fd; /* what it writes, non-blocking */
};

/* Negative errno, of the exec itself too: nothing is left. */
int exec_child_start(const struct probe_request *request, struct exec_child *ret_child);

/* SIGKILL to the group, as long as it is not waited for. */
void exec_child_kill(const struct exec_child *child);

/* -EAGAIN: not over yet; -ECHILD: somebody else has waited for it. */
int exec_child_wait(struct exec_child *child, siginfo_t *ret_info);

/* Waits up to `patience_ms` for the end of one that was killed; returns what is left of them. */
int exec_child_wait_briefly(struct exec_child *child, int patience_ms);

void exec_child_close(struct exec_child *child);
