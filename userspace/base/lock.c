/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define LOCK_FILE "lock"

/* The pid of whoever holds a lock on this inode, from /proc/locks; 0 if it cannot be told. */
static int lock_holder(int fd)
{
    _cleanup_fclose_ FILE *file = fopen("/proc/locks", "re");
    struct stat info;
    char line[256];

    if (!file || fstat(fd, &info) < 0)
        return 0;
    while (fgets(line, sizeof(line), file)) {
        unsigned major, minor;
        uint64_t inode;
        int pid;

        /* "1: FLOCK  ADVISORY  WRITE 4242 00:1b:1234 0 EOF" */
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid, &major, &minor, &inode) == 4 &&
            inode == info.st_ino && major == major(info.st_dev) && minor == minor(info.st_dev))
            return pid;
    }
    return 0;
}

static int lock_exclusively(int fd, const char *what, const char *path, struct error *error)
{
    char holder[48] = "";
    int pid;

    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return error_errno(error, errno, "locking %s %s", what, path);
    pid = lock_holder(fd);
    if (pid > 0)
        (void)snprintf(holder, sizeof(holder), " (pid %d)", pid);
    return error_set(error, EBUSY,
                     "another svcconnectd%s uses the %s %s: stop it, or give this one directories of its own "
                     "(--state-dir, --run-dir, --bpffs)",
                     holder, what, path);
}

/* What others could open before is closed to them. Whose it is cannot be mended, only told. */
static int close_to_others(int fd, mode_t type, mode_t mode, struct error *error)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return error_errno(error, errno, "looking at it");
    if ((info.st_mode & S_IFMT) != type || info.st_uid != geteuid())
        return error_set(error, EPERM,
                         "it was not made by svcconnectd but by uid %u: remove it, and let nobody else write "
                         "to the directory that it is in",
                         (unsigned)info.st_uid);
    if ((info.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
        return error_errno(error, errno, "closing it to others");
    return 0;
}

/*
 * Earlier versions lock the directory itself, exclusively. Anybody can do so too where the directory can be
 * opened, so this cannot be a reason not to start: it is told.
 */
static void tell_earlier_version(int directory_fd, const char *what, const char *path)
{
    if (flock(directory_fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        log_warning(
            "%s %s: process %d has locked the directory, as earlier versions of svcconnectd do; if it "
            "is one, stop it",
            what, path, lock_holder(directory_fd));
}

int lock_directory(const char *what, const char *path, int *ret_fd, struct error *error)
{
    _cleanup_close_ int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int fd = -1;
    struct error reason = {0};
    int r;

    if (directory < 0)
        return error_errno(error, errno, "%s %s", what, path);
    /* A FIFO that somebody else has put there must not hold up the start. */
    fd = openat(directory, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(error, errno, "%s %s: opening %s", what, path, LOCK_FILE);
    r = close_to_others(fd, S_IFREG, 0600, &reason);
    if (r < 0)
        return error_set(error, r, "%s %s: %s: %s", what, path, LOCK_FILE, reason.message);
    r = lock_exclusively(fd, what, path, error);
    if (r < 0)
        return r;
    tell_earlier_version(directory, what, path);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int lock_private_directory(const char *what, const char *path, int *ret_fd, struct error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct error reason = {0};
    int r;

    if (fd < 0)
        return error_errno(error, errno, "%s %s", what, path);
    r = close_to_others(fd, S_IFDIR, 0700, &reason);
    if (r < 0)
        return error_set(error, r, "%s %s: %s", what, path, reason.message);
    r = lock_exclusively(fd, what, path, error);
    if (r < 0)
        return r;
    *ret_fd = TAKE_FD(fd);
    return 0;
}
