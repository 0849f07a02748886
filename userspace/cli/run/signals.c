/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* siginfo in, kill() to the command and its wait status out. */
#include "cli/run/signals.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

static const int passed_on[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,  SIGUSR1,
                                SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGTSTP};

int run_signals_begin(struct run_signals *ret_signals)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    struct run_signals signals;

    (void)sigemptyset(&signals.waited);
    (void)sigaddset(&signals.waited, SIGCHLD);
    for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
        (void)sigaddset(&signals.waited, passed_on[i]);
    if (sigprocmask(SIG_BLOCK, &signals.waited, &signals.previous_mask) < 0)
        return -errno;
    /* Where SIGCHLD is ignored (inherited), children vanish before they are waited for. */
    if (sigaction(SIGCHLD, &standard, &signals.child_action) < 0)
        return -errno;
    *ret_signals = signals;
    return 0;
}

void run_signals_end(const struct run_signals *signals)
{
    (void)sigaction(SIGCHLD, &signals->child_action, NULL);
    (void)sigprocmask(SIG_SETMASK, &signals->previous_mask, NULL);
}

void run_signals_pass_pending(const struct run_signals *signals, pid_t child)
{
    const struct timespec at_once = {0};
    int number;

    while ((number = sigtimedwait(&signals->waited, NULL, &at_once)) > 0)
        if (number != SIGCHLD)
            (void)kill(child, number);
}

bool run_signals_must_pass(const siginfo_t *info, pid_t child, bool leads_session)
{
    bool is_from_kernel = info->si_code == SI_KERNEL;

    if (info->si_code <= 0 && info->si_pid == child)
        return false;
    switch (info->si_signo) {
    case SIGINT:
    case SIGQUIT:
    case SIGTSTP:
    case SIGWINCH:
        return !is_from_kernel;
    case SIGHUP:
    case SIGCONT:
        return !is_from_kernel || leads_session;
    default:
        return true;
    }
}

/* Stops this process as the command was stopped, so that the shell takes the job back; goes on when
 * continued. */
static void stop_along(int number)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction previous;
    sigset_t only;
    sigset_t mask;

    (void)sigemptyset(&only);
    (void)sigaddset(&only, number);
    (void)sigaction(number, &standard, &previous);
    (void)kill(getpid(), number);
    (void)sigprocmask(SIG_UNBLOCK, &only, &mask); /* stops here */
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)sigaction(number, &previous, NULL);
}

/* 1: it has ended, *ret_status is set; 0: not yet. */
static int signals_reap(pid_t child, int *ret_status)
{
    int status;

    for (;;) {
        pid_t pid = waitpid(child, &status, WNOHANG | WUNTRACED);

        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return -errno;
        if (pid == 0)
            return 0;
        if (!WIFSTOPPED(status)) {
            *ret_status = status;
            return 1;
        }
        if (WSTOPSIG(status) != SIGSTOP) {
            stop_along(WSTOPSIG(status));
            (void)kill(child, SIGCONT); /* who continues this process alone means the command */
        }
    }
}

int run_signals_wait(const struct run_signals *signals, pid_t child, int *ret_status)
{
    bool leads_session = getsid(0) == getpid();

    for (;;) {
        siginfo_t info;
        /* First: the SIGCHLD of an early end may have been taken by run_signals_pass_pending(). */
        int r = signals_reap(child, ret_status);

        if (r != 0)
            return r < 0 ? r : 0;
        if (sigwaitinfo(&signals->waited, &info) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (info.si_signo != SIGCHLD && run_signals_must_pass(&info, child, leads_session))
            (void)kill(child, info.si_signo);
    }
}

void run_signals_die(int number)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    const struct rlimit none = {0, 0};
    sigset_t only;

    /* The command has left its core; a limit of 0 does not hold for a core_pattern that is a
     * pipe, this does. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)sigaction(number, &standard, NULL);
    (void)sigemptyset(&only);
    (void)sigaddset(&only, number);
    (void)kill(getpid(), number);
    (void)sigprocmask(SIG_UNBLOCK, &only, NULL);
}
