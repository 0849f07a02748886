/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/web_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static bool is_web_token(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return n >= WEB_TOKEN_LEAST && n <= WEB_TOKEN_MOST;
}

int web_token_read(const char *path, char **ret_token, struct error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    _cleanup_free_ char *text = NULL;
    struct stat stat;
    int r;

    if (fd < 0 || fstat(fd, &stat) < 0)
        return error_errno(error, errno, "webTokenFile: reading %s", path);
    if (!S_ISREG(stat.st_mode) || (stat.st_mode & 077) || (stat.st_uid != 0 && stat.st_uid != geteuid()))
        return error_set(
            error, EACCES,
            "webTokenFile: %s must be a plain file of root's or the daemon's that nobody else may read "
            "(mode 0600)",
            path);
    r = file_read_rest(fd, 4096, &text, NULL);
    if (r < 0)
        return error_errno(error, r, "webTokenFile: reading %s", path);
    text[strcspn(text, "\r\n")] = '\0';
    if (!is_web_token(text))
        return error_set(error, EINVAL,
                         "webTokenFile: the first line of %s must have %d to %d visible ASCII characters, as "
                         "`openssl rand -hex 24` prints them",
                         path, WEB_TOKEN_LEAST, WEB_TOKEN_MOST);
    *ret_token = TAKE_PTR(text);
    return 0;
}
