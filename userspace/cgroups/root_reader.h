/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A process beside this one that reads files below the root directories of other processes, each in a child
 * of its own with that process's rights (root_file.c) and with a deadline. It is made early, while this
 * process is small and has a single thread, so that each child costs little and holds nothing of ours; it
 * ends with this process, whatever becomes of it. A child that a dead file system keeps from ending stays
 * behind, and nothing more is read for the same key until it has gone.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "cgroups/root_file.h"

#define ROOT_READER_DEADLINE_MS 2000
#define ROOT_READER_AT_ONCE     16   /* children that work; more requests wait in the socket */
#define ROOT_READER_STUCK       1024 /* children that do not end, of different keys */
#define ROOT_READER_PATH_SIZE   32

struct root_reader {
    pid_t pid;
    int pidfd; /* readable when it has ended */
    int fd;    /* readable when there is an answer; does not block */
};

#define ROOT_READER_NONE                                                                                     \
    {                                                                                                        \
        .pid = 0, .pidfd = -1, .fd = -1                                                                      \
    }

struct root_answer {
    uint64_t id;
    uint64_t key;
    struct root_file_head head; /* -ETIMEDOUT: no answer in time; -EBUSY: a child of this key is stuck */
    char text[ROOT_FILE_MAX + 1];
};

/* -errno: no process, no sockets. */
int root_reader_start(struct root_reader *ret_reader);

/*
 * Asks for the file `path` as the process `pid` sees it. There will be one answer with `id` and `key`, unless
 * the reader ends. -EAGAIN: too many wait.
 */
int root_reader_ask(const struct root_reader *reader, uint64_t id, uint64_t key, pid_t pid, const char *path);

/* The next answer, its text ended by a NUL. -EAGAIN: none yet; -EPIPE: the reader has ended. */
int root_reader_hear(const struct root_reader *reader, struct root_answer *ret_answer);

/* Ends it if it has not ended yet, without waiting for long. */
void root_reader_end(struct root_reader *reader);
