/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"

#define MARK "trusted.svcconnect" /* it is ours to remove; only root can say so */

static int run_directory_open_it(int root_fd)
{
    return openat(root_fd, RUN_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int run_directory_make(int root_fd)
{
    _cleanup_close_ int fd = -1;

    if (mkdirat(root_fd, RUN_DIRECTORY, 0755) < 0)
        return errno == EEXIST ? 0 : -errno;
    fd = run_directory_open_it(root_fd);
    /* Without the mark it stays when the last has gone, which is no reason to fail. */
    if (fd >= 0) {
        (void)fchmod(fd, 0755); /* whatever the umask is: who looks for a process finds it here */
        (void)fsetxattr(fd, MARK, "1", 1, 0);
    }
    return 0;
}

void run_directory_remove(int root_fd)
{
    _cleanup_close_ int fd = run_directory_open_it(root_fd);

    if (fd >= 0 && fgetxattr(fd, MARK, NULL, 0) >= 0)
        (void)unlinkat(root_fd, RUN_DIRECTORY, AT_REMOVEDIR);
}
