/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Propagation can be changed at mount points only, and a root directory made by chroot() is none. So the
 * process goes to the root of its mount namespace for that, and comes back. There it also sees the daemon's
 * files, which the other root directory may not have.
 */
#include "cli/run/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HOSTS    "/etc/hosts"
#define NSSWITCH "/etc/nsswitch.conf"

/* Where glibc asks for a daemon that answers for names before it looks anywhere itself. */
#define CACHE_DIRECTORY "/var/run/nscd"

/* Some place is there everywhere; while the file system is mounted there nobody else sees it. */
static const char *const places[] = {"/tmp", "/run", "/dev", "/usr"};

struct way_back {
    int root_fd; /* -1: this process has not left its root directory */
    int here_fd;
};

static int leave_root(struct way_back *back)
{
    _cleanup_close_ int self_fd = pidfd_open(getpid(), 0);
    _cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int here_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    /* Entering a namespace puts a process at its root, also if it is there already. */
    if (self_fd < 0 || root_fd < 0 || here_fd < 0 || setns(self_fd, CLONE_NEWNS) < 0)
        return -errno;
    back->root_fd = TAKE_FD(root_fd);
    back->here_fd = TAKE_FD(here_fd);
    return 0;
}

static int come_back(struct way_back *back)
{
    _cleanup_close_ int root_fd = TAKE_FD(back->root_fd);
    _cleanup_close_ int here_fd = TAKE_FD(back->here_fd);

    if (root_fd < 0)
        return 0;
    if (fchdir(root_fd) < 0 || chroot(".") < 0 || fchdir(here_fd) < 0)
        return -errno;
    return 0;
}

static int mounts_take_file(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int put_hosts(int tree_fd, const char *path)
{
    if (tree_fd >= 0 &&
        move_mount(tree_fd, "", AT_FDCWD, HOSTS, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
        return 0;
    return mount(path, HOSTS, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* ---- who answers for names ---- */

/* Over a directory with the socket of such a daemon, so that a later one is not found either. */
static int hide_cache(void)
{
    struct stat info;

    if (stat(CACHE_DIRECTORY, &info) < 0 || !S_ISDIR(info.st_mode))
        return 0;
    return mount("none", CACHE_DIRECTORY, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "size=4k,nr_inodes=2,mode=0755") < 0
               ? -errno
               : 0;
}

static int write_file(const char *path, const char *text)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    size_t size = strlen(text);

    if (fd < 0 || fchmod(fd, 0644) < 0)
        return -errno;
    return write(fd, text, size) == (ssize_t)size ? 0 : -ENOSPC;
}

/* NULL: no such place; errno. */
static const char *mount_somewhere(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (mount("none", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=0755") == 0)
            return places[i];
    return NULL;
}

/* On a file system that has no other place than this file's. */
static int put_nsswitch(const char *text)
{
    const char *place = mount_somewhere();
    char path[32];
    int r;

    if (!place)
        return -errno;
    (void)strcpy(stpcpy(path, place), "/nsswitch.conf");
    r = write_file(path, text);
    if (r == 0 && mount(path, NSSWITCH, NULL, MS_BIND, NULL) < 0)
        r = -errno;
    if (umount2(place, MNT_DETACH) < 0 && r == 0)
        r = -errno;
    return r;
}

/* ---- all of it ---- */

static int own_propagation(void)
{
    /* A slave sees what the host mounts later; what is mounted here does not spread back. */
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

static int make_own(const char *hosts_path, int *ret_hosts_fd, enum run_mounts_step *ret_step)
{
    struct way_back back = {-1, -1};
    int r;

    *ret_step = RUN_MOUNTS_NAMESPACE;
    if (unshare(CLONE_NEWNS) < 0)
        return -errno;
    *ret_step = RUN_MOUNTS_PROPAGATION;
    /* Who may not go there can be without, unless its root directory is no mount point. */
    (void)leave_root(&back);
    r = own_propagation();
    if (hosts_path)
        *ret_hosts_fd = mounts_take_file(hosts_path);
    if (r == 0)
        r = come_back(&back);
    if (r == 0 && hosts_path && *ret_hosts_fd < 0)
        *ret_hosts_fd = mounts_take_file(hosts_path);
    return r;
}

int run_mounts_make(const struct run_mounts_plan *plan, enum run_mounts_step *ret_step)
{
    _cleanup_close_ int hosts_fd = -1;
    int r = make_own(plan->hosts_path, &hosts_fd, ret_step);

    if (r < 0)
        return r;
    *ret_step = RUN_MOUNTS_HOSTS;
    r = plan->hosts_path ? put_hosts(hosts_fd, plan->hosts_path) : 0;
    if (r < 0)
        return r;
    *ret_step = RUN_MOUNTS_NAME_SERVICES;
    r = hide_cache();
    if (r == 0 && plan->nsswitch)
        r = put_nsswitch(plan->nsswitch);
    return r;
}
