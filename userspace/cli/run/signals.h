/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Signals while a command runs: held back from the start, passed on to the command, and its end or stop
 * awaited, all by sigwaitinfo(), so that none is lost between fork and wait. No handlers.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct run_signals {
    sigset_t waited;               /* blocked: those passed on, and SIGCHLD */
    sigset_t previous_mask;        /* the caller's, for the command */
    struct sigaction child_action; /* the caller's SIGCHLD disposition, for the command */
};

/* Blocks them, and sees to it that children can be waited for. Negative errno. */
int run_signals_begin(struct run_signals *ret_signals);

/* Undoes run_signals_begin(); what came in meanwhile takes effect. */
void run_signals_end(const struct run_signals *signals);

/*
 * Passes on everything that came in so far, to a child that still has it blocked: where a terminal's signal
 * has reached both, the two are one to it.
 */
void run_signals_pass_pending(const struct run_signals *signals, pid_t child);

/*
 * Is this one to be passed on? A terminal signals the whole foreground group, the command included; that, and
 * what the command sent itself, is not. `leads_session`: a hangup goes to this process alone.
 */
bool run_signals_must_pass(const siginfo_t *info, pid_t child, bool leads_session);

/* Passes signals on until the child has ended; stops along with it when a terminal stops it. */
int run_signals_wait(const struct run_signals *signals, pid_t child, int *ret_status);

/* Ends this process by `number`, without a core file, so that the caller sees how the command ended. */
void run_signals_die(int number);
