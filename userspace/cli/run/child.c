/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between fork and exec. The process has one thread, so the child may call what it likes. */
#include "cli/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum stage {
    STAGE_CGROUP,
    STAGE_MOUNTS, /* and one for each further step of run_mounts_make() */
    STAGE_SIGNALS = STAGE_MOUNTS + RUN_MOUNTS_NAME_SERVICES + 1,
    STAGE_EXEC,
};

struct failure {
    int stage;
    int number;
};

static const char *const stage_words[] = {
    [STAGE_CGROUP] = "cannot join the task's cgroup",
    [STAGE_MOUNTS + RUN_MOUNTS_NAMESPACE] = "cannot make a mount namespace",
    [STAGE_MOUNTS + RUN_MOUNTS_PROPAGATION] = "cannot make the mounts of the command its own",
    [STAGE_MOUNTS + RUN_MOUNTS_HOSTS] = "cannot put the names in place of /etc/hosts",
    [STAGE_MOUNTS + RUN_MOUNTS_NAME_SERVICES] = "cannot keep name services of the host from the command",
    [STAGE_SIGNALS] = "cannot restore the signal state",
};

static int join_cgroup(int cgroup_fd)
{
    _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return write(fd, "0", 1) == 1 ? 0 : -errno;
}

/* Everything up to exec. Returns only if something failed. */
static struct failure become_command(const struct run_plan *plan)
{
    enum run_mounts_step step;
    int r = join_cgroup(plan->cgroup_fd);

    if (r < 0)
        return (struct failure){STAGE_CGROUP, -r};
    r = run_mounts_make(&plan->mounts, &step);
    if (r < 0)
        return (struct failure){STAGE_MOUNTS + (int)step, -r};
    if (sigaction(SIGCHLD, plan->child_action, NULL) < 0 ||
        sigprocmask(SIG_SETMASK, plan->signal_mask, NULL) < 0)
        return (struct failure){STAGE_SIGNALS, errno};
    (void)execvp(plan->program[0], plan->program);
    return (struct failure){STAGE_EXEC, errno};
}

static void run_in_child(const struct run_plan *plan, int channel_fd)
{
    struct failure failure;
    ssize_t got;
    char byte;

    do
        got = recv(channel_fd, &byte, 1, 0);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        _exit(1); /* the parent has gone */
    failure = become_command(plan);
    (void)send(channel_fd, &failure, sizeof(failure), MSG_NOSIGNAL);
    _exit(1);
}

int run_child_fork(const struct run_plan *plan, struct run_child *ret_child, struct error *error)
{
    _cleanup_close_ int parent_fd = -1;
    _cleanup_close_ int child_fd = -1;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_errno(error, errno, "cannot make a channel to the command");
    parent_fd = pair[0];
    child_fd = pair[1];
    pid = fork();
    if (pid < 0)
        return error_errno(error, errno, "cannot start a process");
    if (pid == 0) {
        (void)close(parent_fd); /* or the parent's end would never be seen */
        run_in_child(plan, child_fd);
    }
    *ret_child = (struct run_child){.pid = pid, .channel_fd = TAKE_FD(parent_fd)};
    return 0;
}

int run_child_go(struct run_child *child, const struct run_plan *plan, struct error *error)
{
    _cleanup_close_ int fd = TAKE_FD(child->channel_fd);
    struct failure failure;
    ssize_t got;

    /* A child that has been killed meanwhile is found by waiting for it. */
    if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
        return 0;
    do
        got = recv(fd, &failure, sizeof(failure), 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(failure))
        return 0;
    if (failure.stage != STAGE_EXEC) {
        (void)error_errno(error, failure.number, "%s", stage_words[failure.stage]);
        return 1;
    }
    (void)error_errno(error, failure.number, "%s", plan->program[0]);
    return failure.number == ENOENT ? 127 : 126;
}
