/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

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

int lock_directory(const char *what, const char *path, int *ret_fd, struct error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char holder[48] = "";

    if (fd < 0)
        return error_errno(error, errno, "%s %s", what, path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int pid;

        if (errno != EWOULDBLOCK)
            return error_errno(error, errno, "locking %s %s", what, path);
        pid = lock_holder(fd);
        if (pid > 0)
            (void)snprintf(holder, sizeof(holder), " (pid %d)", pid);
        return error_set(
            error, EBUSY,
            "another svcconnectd%s uses the %s %s: stop it, or give this one directories of its own "
            "(--state-dir, --run-dir, --bpffs)",
            holder, what, path);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}
