/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A directory in the cgroup v2 hierarchy, from mkdir to rmdir. Processes are found in cgroup.procs and
 * nowhere else. */
#include "cli/run/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mounts.h"
#include "base/run_directory.h"

#define ATTEMPTS         100
#define MEMBERS_MAX      65536 /* read at once from one cgroup.procs; the next round takes the rest */
#define KILL_PATIENCE_MS 5000
#define KILL_ROUND_MS    20

/* A view of the hierarchy that is in no directory: as much of it as this process's cgroup namespace shows. */
static int mount_hierarchy(void)
{
    _cleanup_close_ int context_fd = fsopen("cgroup2", FSOPEN_CLOEXEC);
    int fd;

    if (context_fd < 0 || fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    fd = fsmount(context_fd, FSMOUNT_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int open_hierarchy(const char *root)
{
    int fd;

    if (!mounts_is_cgroup2(root))
        return mount_hierarchy();
    fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* `below` is its path below the mount. */
static int make_directory(int root_fd, const char *below)
{
    int r = run_directory_make(root_fd);
    int fd;

    if (r < 0)
        return r;
    if (mkdirat(root_fd, below + 1, 0755) < 0)
        return -errno;
    fd = openat(root_fd, below + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        r = -errno;
        (void)unlinkat(root_fd, below + 1, AT_REMOVEDIR);
        return r;
    }
    (void)fchmod(fd, 0755); /* whatever the umask is */
    return fd;
}

static int make_numbered(const char *root, long number, unsigned attempt, struct run_cgroup *cgroup)
{
    _cleanup_free_ char *below = NULL;
    char suffix[16] = "";
    int fd = -ENOENT;

    if (attempt > 1)
        (void)snprintf(suffix, sizeof(suffix), "-%u", attempt);
    if (asprintf(&below, "/" RUN_DIRECTORY "/run-%ld%s", number, suffix) < 0) {
        below = NULL;
        return -ENOMEM;
    }
    /* -ENOENT: another one has just ended and removed the directory. */
    for (unsigned tries = 0; fd == -ENOENT && tries < ATTEMPTS; tries++)
        fd = make_directory(cgroup->root_fd, below);
    if (fd < 0)
        return fd;
    cgroup->fd = fd;
    cgroup->below = TAKE_PTR(below);
    return asprintf(&cgroup->path, "%s%s", root, cgroup->below) < 0 ? -ENOMEM : 0;
}

int run_cgroup_make(const char *root, long number, struct run_cgroup *ret_cgroup, struct error *error)
{
    struct run_cgroup cgroup = RUN_CGROUP_NONE;
    _cleanup_free_ char *trimmed = strdup(root);
    int r = -EEXIST;

    if (!trimmed)
        return error_errno(error, ENOMEM, "cannot make a cgroup");
    for (size_t length = strlen(trimmed); length > 0 && trimmed[length - 1] == '/'; length--)
        trimmed[length - 1] = '\0';
    cgroup.root_fd = open_hierarchy(*trimmed ? trimmed : "/");
    if (cgroup.root_fd < 0)
        return error_errno(error, cgroup.root_fd,
                           "the daemon's cgroup root \"%s\" is no cgroup v2 mount as seen from here, and "
                           "mounting one for this command",
                           root);
    for (unsigned attempt = 1; r == -EEXIST && attempt < ATTEMPTS; attempt++)
        r = make_numbered(trimmed, number, attempt, &cgroup);
    if (r < 0) {
        (void)run_cgroup_remove(&cgroup);
        run_cgroup_done(&cgroup);
        return error_errno(error, r, "cannot make a cgroup in %s/" RUN_DIRECTORY, trimmed);
    }
    *ret_cgroup = cgroup;
    return 0;
}

/* The ids in cgroup.procs, at most MEMBERS_MAX; 0 stands for processes of other pid namespaces. */
static int cgroup_read_members(int cgroup_fd, pid_t **ret_pids, size_t *ret_count)
{
    _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    _cleanup_fclose_ FILE *file = NULL;
    _cleanup_free_ pid_t *pids = NULL;
    size_t count = 0;
    int pid;

    if (fd < 0)
        return -errno;
    file = fdopen(fd, "re");
    if (!file)
        return -errno;
    fd = -1; /* the stream's now */
    pids = calloc(MEMBERS_MAX, sizeof(*pids));
    if (!pids)
        return -ENOMEM;
    while (count < MEMBERS_MAX && fscanf(file, "%d", &pid) == 1)
        pids[count++] = pid;
    *ret_pids = TAKE_PTR(pids);
    *ret_count = count;
    return 0;
}

/*
 * Signals the process `pid` if it is a member. The id may pass to a stranger between reading it and using it,
 * so membership is read again once a descriptor holds on to the process.
 */
static void signal_member(int cgroup_fd, pid_t pid, int number)
{
    _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    _cleanup_free_ pid_t *pids = NULL;
    size_t count = 0;

    if (fd < 0 || cgroup_read_members(cgroup_fd, &pids, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid) {
            (void)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
            return;
        }
}

static void signal_members(int cgroup_fd, int number)
{
    _cleanup_free_ pid_t *pids = NULL;
    size_t count = 0;

    if (cgroup_read_members(cgroup_fd, &pids, &count) < 0)
        return; /* a threaded cgroup: its processes are listed above it */
    for (size_t i = 0; i < count; i++)
        if (pids[i] > 0)
            signal_member(cgroup_fd, pids[i], number);
}

/* Calls `visit` with each directory directly in `cgroup_fd`; its name is for unlinkat(). */
static void each_child(int cgroup_fd,
                       void (*visit)(int parent_fd, int child_fd, const char *name, int number), int number)
{
    _cleanup_closedir_ DIR *dir = NULL;
    int fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct dirent *entry;

    if (fd < 0)
        return;
    dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    while ((entry = readdir(dir))) {
        _cleanup_close_ int child_fd = -1;

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        child_fd = openat(cgroup_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child_fd >= 0)
            visit(cgroup_fd, child_fd, entry->d_name, number);
    }
}

static void signal_tree(int parent_fd, int cgroup_fd, const char *name, int number)
{
    (void)parent_fd;
    (void)name;
    signal_members(cgroup_fd, number);
    each_child(cgroup_fd, signal_tree, number);
}

static void remove_tree(int parent_fd, int cgroup_fd, const char *name, int number)
{
    each_child(cgroup_fd, remove_tree, number);
    (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* Has it, with all below it, no processes? Waits for that up to `patience_ms`. A removed cgroup is empty. */
static bool wait_until_empty(int cgroup_fd, int patience_ms)
{
    _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    int64_t deadline = (int64_t)clock_monotonic_ms() + patience_ms;

    if (fd < 0)
        return true;
    for (;;) {
        struct pollfd event = {.fd = fd, .events = POLLPRI};
        char text[256];
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        int64_t left = deadline - (int64_t)clock_monotonic_ms();

        if (length < 0)
            return errno == ENODEV;
        text[length] = '\0';
        if (strstr(text, "populated 0"))
            return true;
        if (left <= 0)
            return false;
        (void)poll(&event, 1, (int)left);
    }
}

static bool kill_at_once(int cgroup_fd)
{
    _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, "1", 1) == 1;
}

static bool kill_all(int cgroup_fd)
{
    /* Kernels before 5.14 have no cgroup.kill: go on until nothing forks any more. */
    if (kill_at_once(cgroup_fd))
        return wait_until_empty(cgroup_fd, KILL_PATIENCE_MS);
    for (int round = 0; round < KILL_PATIENCE_MS / KILL_ROUND_MS; round++) {
        signal_tree(-1, cgroup_fd, NULL, SIGKILL);
        if (wait_until_empty(cgroup_fd, KILL_ROUND_MS))
            return true;
    }
    return false;
}

int run_cgroup_empty(const struct run_cgroup *cgroup, int grace_ms)
{
    bool is_empty = wait_until_empty(cgroup->fd, 0);

    if (!is_empty) {
        signal_tree(-1, cgroup->fd, NULL, SIGTERM);
        signal_tree(-1, cgroup->fd, NULL, SIGCONT); /* what is stopped would not see it */
        is_empty = wait_until_empty(cgroup->fd, grace_ms) || kill_all(cgroup->fd);
    }
    each_child(cgroup->fd, remove_tree, 0);
    return is_empty ? 0 : -EBUSY;
}

int run_cgroup_remove(const struct run_cgroup *cgroup)
{
    if (cgroup->below && unlinkat(cgroup->root_fd, cgroup->below + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return -errno;
    if (cgroup->root_fd >= 0)
        run_directory_remove(cgroup->root_fd);
    return 0;
}

void run_cgroup_done(struct run_cgroup *cgroup)
{
    free(cgroup->path);
    free(cgroup->below);
    if (cgroup->fd >= 0)
        (void)close(cgroup->fd);
    if (cgroup->root_fd >= 0)
        (void)close(cgroup->root_fd);
    *cgroup = RUN_CGROUP_NONE;
}
