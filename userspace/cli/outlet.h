/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the lines of a followed list go: to standard output, to a file that is rotated, or to the system's journal. The
 * daemon only answers questions, so a slow disk holds up nobody but whoever asked.
 */
#pragma once

#include "base/json.h"
#include "cli/invocation.h"

enum outlet_kind {
    OUTLET_STDOUT,
    OUTLET_FILE,
    OUTLET_JOURNAL,
};

struct outlet {
    const struct invocation *invocation;
    enum outlet_kind kind;
    int fd;
    const char *path;     /* of the file, or of the journal's socket */
    uint64_t rotate_size; /* bytes; a file that has so many is put aside before the next line */
    uint64_t keep;        /* so many put aside: PATH.1 is the newest */
};

/* As the options say (--log-file, --rotate, --keep, --journal). Returns the exit status; what is wrong has been told. */
int outlet_open(const struct invocation *invocation, struct outlet *ret_outlet);

/* As outlet_open(), of a journal that listens at another socket than systemd's. */
int outlet_open_journal(const struct invocation *invocation, const char *socket_path,
                        struct outlet *ret_outlet);

void outlet_close(struct outlet *outlet);

/* In a row of the command table */
#define OUTLET_OPTIONS  OPTION_LOG_FILE, OPTION_ROTATE, OPTION_KEEP, OPTION_JOURNAL
#define OUTLET_SYNOPSIS "[--log-file FILE [--rotate SIZE] [--keep N] | --journal]"

#define _cleanup_outlet_ __attribute__((cleanup(outlet_close)))

/*
 * One line without its end, which has no control characters, to a file or the journal; `is_failure` is the journal's priority
 * "warning" in the place of "info". Returns the exit status; what is wrong has been told. Not of OUTLET_STDOUT.
 */
int outlet_put(struct outlet *outlet, const char *line, bool is_failure);

/* The same with an object, of standard output too. */
int outlet_put_json(struct outlet *outlet, const cJSON *item, bool is_failure);
