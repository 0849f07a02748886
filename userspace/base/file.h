/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whole small files: reading with a bound, replacing in place. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a file of at most `limit` bytes; the text is NUL-terminated and the caller frees it. -EFBIG beyond the
 * limit. `ret_length` may be NULL.
 */
int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length);

/* The same of what is left to read of an open file; one byte beyond the limit is the most that is taken. */
int file_read_rest(int fd, size_t limit, char **ret_text, size_t *ret_length);

/*
 * Gives an existing file new content without replacing the inode (others have it bind-mounted) and without a
 * moment in which a reader finds it empty: the new text, padded with newlines over a longer old one, goes in
 * by one write, then the rest is cut. Creates the file if it is missing; it has `mode` then, whatever the umask
 * and whatever it had. Same text: no write.
 */
int file_rewrite_in_place(const char *path, mode_t mode, const char *text);

/*
 * A new file in the place of `path`, made with `mode`: at no moment is there half a file, and when this returns 0
 * it is on disk. Others go on with the old one that they have open. Negative errno: the old one is as it was.
 */
int file_replace(const char *path, mode_t mode, const char *text, size_t length);

/* Makes a rename to `path` durable: syncs the directory that it is in. */
int file_sync_directory_of(const char *path);

/* mkdir -p. What is made has `mode`, whatever the umask; an existing directory keeps its own. */
int directory_make(const char *path, mode_t mode);
