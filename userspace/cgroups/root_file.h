/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One file below another process's root directory, read with that process's rights. What lies there is the
 * process's own choice: a terminal, a device node, a pipe, a link to somewhere else, a file system that never
 * answers. So this runs in a child that has nothing to lose (root_reader.c), and only regular files of
 * ordinary file systems are opened at all.
 */
#pragma once

#include <stdint.h>

#define ROOT_FILE_MAX 65536 /* bytes of a file that are read */

/* How far it came. */
enum root_file_step {
    ROOT_FILE_PROCESS, /* the process itself: -ENOENT and -ESRCH say that it has ended */
    ROOT_FILE_RIGHTS,  /* its root directory and its rights: a capability is missing */
    ROOT_FILE_OPEN,    /* the file, as the process itself would open it */
    ROOT_FILE_KIND,    /* it is no regular file of an ordinary file system */
};

struct root_file_head {
    uint64_t netns; /* inode number of the process's network namespace; 0: not known */
    int32_t number; /* 0, or a negative errno */
    uint32_t step;  /* enum root_file_step, of the failure */
};

/*
 * Writes a head, and after a head without failure the text, to `output_fd`. `process`: "/proc/PID". The
 * caller is a process with a single thread that ends right after, for it has no rights any more. Only system
 * calls are made: it may be a fork of a process with many threads.
 */
void root_file_read(const char *process, const char *path, int output_fd);
