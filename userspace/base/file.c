/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int file_read_rest(int fd, size_t limit, char **ret_text, size_t *ret_length)
{
    _cleanup_free_ char *text = NULL;
    size_t capacity = 0;
    size_t length = 0;

    for (;;) {
        ssize_t got;

        if (length == capacity) {
            size_t larger = capacity ? capacity * 2 : 4096;
            char *moved;

            capacity = larger <= limit ? larger : limit + 1;
            moved = realloc(text, capacity + 1);
            if (!moved)
                return -ENOMEM;
            text = moved;
        }
        got = read(fd, text + length, capacity - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        length += (size_t)got;
        if (length > limit)
            return -EFBIG;
    }
    text[length] = '\0';
    *ret_text = TAKE_PTR(text);
    if (ret_length)
        *ret_length = length;
    return 0;
}

int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : file_read_rest(fd, limit, ret_text, ret_length);
}

/* What the umask took away, and what an earlier run left otherwise. */
static int set_mode(int fd, mode_t mode)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return -1;
    return (info.st_mode & 07777) == mode ? 0 : fchmod(fd, mode);
}

int file_rewrite_in_place(const char *path, mode_t mode, const char *text)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *old = NULL;
    _cleanup_free_ char *padded = NULL;
    size_t old_length = 0;
    size_t length = strlen(text);
    size_t padded_length;
    bool is_same = file_read(path, 1 << 26, &old, &old_length) == 0 && old_length == length &&
                   memcmp(old, text, length) == 0;

    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 || set_mode(fd, mode) < 0)
        return -errno;
    if (is_same)
        return 0;
    padded_length = length > old_length ? length : old_length;
    padded = malloc(padded_length + 1);
    if (!padded)
        return -ENOMEM;
    memcpy(padded, text, length);
    memset(padded + length, '\n', padded_length - length);
    for (size_t done = 0; done < padded_length;) {
        ssize_t n = pwrite(fd, padded + done, padded_length - done, (off_t)done);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    if (ftruncate(fd, (off_t)length) < 0)
        return -errno;
    return 0;
}

int directory_make(const char *path, mode_t mode)
{
    _cleanup_free_ char *copy = *path ? strdup(path) : NULL;

    if (!copy)
        return *path ? -ENOMEM : -ENOENT;
    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, mode) == 0)
            (void)chmod(copy, mode); /* whatever the umask is */
        else if (errno != EEXIST)
            return -errno;
        if (!slash)
            return 0;
        *slash = '/';
    }
}

/* ---- replacing ---- */

static int write_whole(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int file_sync_directory_of(const char *path)
{
    _cleanup_free_ char *copy = strdup(path);
    _cleanup_close_ int fd = -1;

    if (!copy)
        return -ENOMEM;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_replace(const char *path, mode_t mode, const char *text, size_t length)
{
    _cleanup_free_ char *temporary = NULL;
    _cleanup_close_ int fd = -1;
    int r = 0;

    if (asprintf(&temporary, "%s.new-XXXXXX", path) < 0)
        return -ENOMEM;
    fd = mkostemp(temporary, O_CLOEXEC); /* 0600 until the text is in it */
    if (fd < 0)
        return -errno;
    r = write_whole(fd, text, length);
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(temporary);
    return r < 0 ? r : file_sync_directory_of(path);
}
