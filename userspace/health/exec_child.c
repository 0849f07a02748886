/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * posix_spawn, not fork: its cost does not grow with the memory of this process. Not posix_spawnp either:
 * what is run is the path that was allowed, never one found in PATH, and no shell steps in for a file of no
 * format.
 */
#include "health/exec_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define OUR_PREFIX  "SVCCONNECT_"
#define N_VARIABLES 3

/* ---- environment ---- */

struct environment {
    char **variables; /* those of this process stay where they are */
    char *own[N_VARIABLES];
};

static void environment_done(struct environment *environment)
{
    for (size_t i = 0; i < N_VARIABLES; i++)
        free(environment->own[i]);
    free(environment->variables);
}

/* What the service manager told this process is not for a command. */
static bool is_passed_on(const char *variable)
{
    return strncmp(variable, OUR_PREFIX, strlen(OUR_PREFIX)) != 0 &&
           strncmp(variable, "NOTIFY_SOCKET=", strlen("NOTIFY_SOCKET=")) != 0 &&
           strncmp(variable, "WATCHDOG_", strlen("WATCHDOG_")) != 0;
}

static int make_own_variables(const struct probe_request *request, char *own[static N_VARIABLES])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    if (asprintf(&own[0], OUR_PREFIX "NAME=%s", request->name ? request->name : "") < 0) {
        own[0] = NULL;
        return -ENOMEM;
    }
    if (asprintf(&own[1], OUR_PREFIX "ADDRESS=%s", ip_address_format(&request->address, address)) < 0) {
        own[1] = NULL;
        return -ENOMEM;
    }
    if (asprintf(&own[2], OUR_PREFIX "PORT=%u", request->port) < 0) {
        own[2] = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int environment_make(const struct probe_request *request, struct environment *environment)
{
    size_t n = 0;
    int r = make_own_variables(request, environment->own);

    if (r < 0)
        return r;
    while (environ && environ[n])
        n++;
    environment->variables = calloc(n + N_VARIABLES + 1, sizeof(char *));
    if (!environment->variables)
        return -ENOMEM;
    n = 0;
    for (char **variable = environ; variable && *variable; variable++)
        if (is_passed_on(*variable))
            environment->variables[n++] = *variable;
    memcpy(&environment->variables[n], environment->own, sizeof(environment->own));
    return 0;
}

/* ---- starting ---- */

static int set_actions(posix_spawn_file_actions_t *actions, int output_fd)
{
    int number = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (number == 0)
        number = posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    if (number == 0)
        number = posix_spawn_file_actions_adddup2(actions, output_fd, STDERR_FILENO);
    if (number == 0)
        number = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return -number;
}

/* A group of its own; no signal blocked or ignored, whatever this process does with them. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigset_t all;
    int number;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    number = posix_spawnattr_setflags(attributes, flags);
    if (number == 0)
        number = posix_spawnattr_setpgroup(attributes, 0);
    if (number == 0)
        number = posix_spawnattr_setsigmask(attributes, &none);
    if (number == 0)
        number = posix_spawnattr_setsigdefault(attributes, &all);
    return -number;
}

static int spawn(char **command, char **environment, int output_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    r = set_actions(&actions, output_fd);
    if (r == 0)
        r = set_attributes(&attributes);
    if (r == 0)
        r = -posix_spawn(ret_pid, command[0], &actions, &attributes, command, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

/* The end to read from does not block; the command's does, as commands expect. */
static int make_pipe(int *ret_output_fd, int *ret_input_fd)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *ret_output_fd = ends[0];
    *ret_input_fd = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int exec_child_start(const struct probe_request *request, struct exec_child *ret_child)
{
    _cleanup_(environment_done) struct environment environment = {0};
    _cleanup_close_ int output_fd = -1;
    _cleanup_close_ int input_fd = -1;
    struct exec_child child = {.pidfd = -1, .output_fd = -1};
    int r = environment_make(request, &environment);

    if (r == 0)
        r = make_pipe(&output_fd, &input_fd);
    if (r < 0)
        return r;
    r = spawn(request->check->command, environment.variables, input_fd, &child.pid);
    if (r < 0)
        return r;
    child.pidfd = pidfd_open(child.pid, 0);
    if (child.pidfd < 0) {
        r = -errno;
        exec_child_kill(&child);
        (void)waitpid(child.pid, NULL, 0);
        return r;
    }
    child.output_fd = TAKE_FD(output_fd);
    *ret_child = child;
    return 0;
}

/* ---- ending ---- */

void exec_child_kill(const struct exec_child *child)
{
    if (child->pid > 0)
        (void)kill(-child->pid, SIGKILL);
}

int exec_child_wait(struct exec_child *child, siginfo_t *ret_info)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0) {
        child->pid = 0;
        return -errno;
    }
    if (info.si_pid == 0)
        return -EAGAIN;
    child->pid = 0;
    *ret_info = info;
    return 0;
}

int exec_child_wait_briefly(struct exec_child *child, int patience_ms)
{
    struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
    int64_t begun_ms = (int64_t)clock_monotonic_ms();
    siginfo_t info;
    int64_t left_ms;

    (void)poll(&end, 1, patience_ms);
    (void)exec_child_wait(child, &info);
    left_ms = patience_ms - ((int64_t)clock_monotonic_ms() - begun_ms);
    return left_ms > 0 ? (int)left_ms : 0;
}

void exec_child_close(struct exec_child *child)
{
    if (child->pidfd >= 0)
        (void)close(child->pidfd);
    if (child->output_fd >= 0)
        (void)close(child->output_fd);
    child->pidfd = -1;
    child->output_fd = -1;
}
