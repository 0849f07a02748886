/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A tar.gz of files from memory (POSIX ustar, packed by zlib). */
#pragma once

#include <stddef.h>
#include <time.h>

/* Names are at most this long, in ASCII. */
#define TAR_NAME_MAX 99

struct tar;

/* Writes to the descriptor, which stays the caller's. -ENOMEM. */
int tar_new(int fd, time_t now, struct tar **ret_tar);

/* A file of mode 0600. Negative errno: the archive is of no use. -ENAMETOOLONG, -EFBIG (8 GiB). */
int tar_add(struct tar *tar, const char *name, const void *bytes, size_t length);

/* The end, and what zlib still holds. Frees; NULL-safe; sets to NULL. Negative errno of this or of an earlier write. */
int tar_finish(struct tar **tar);
