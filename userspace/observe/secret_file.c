/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

int secret_file_read(const char *setting, const char *path, size_t limit, char **ret_text,
                     struct error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat stat;
    int r;

    if (fd < 0 || fstat(fd, &stat) < 0)
        return error_errno(error, errno, "%s: reading %s", setting, path);
    if (!S_ISREG(stat.st_mode) || (stat.st_mode & 077) || (stat.st_uid != 0 && stat.st_uid != geteuid()))
        return error_set(
            error, EACCES,
            "%s: %s must be a plain file of root's or the daemon's that nobody else may read (mode 0600)",
            setting, path);
    r = file_read_rest(fd, limit, ret_text, NULL);
    return r < 0 ? error_errno(error, r, "%s: reading %s", setting, path) : 0;
}
