/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The files of the daemon's state directory, for the commands that work on them without it. */
#pragma once

#include <stdbool.h>

#include "cli/invocation.h"

#define STATE_KEYS_NAME "aws-credentials.json" /* also in a backup */

struct state_files {
    bool is_running; /* a daemon answers on the socket */
    char *directory;
    char *registry;
    char *keys;
};

/* Asks the daemon on the socket where its state is; without one it is in --state-dir or the usual place.
 * CLI_DONE, or the exit status of a failure that has been reported; the caller releases *ret_files. */
int state_files_find(const struct invocation *invocation, struct state_files *ret_files);
void state_files_done(struct state_files *files);

/* Copies what can be read from the file descriptor into a new file of the directory, mode 0600; the caller
 * frees *ret_path and removes the file. Reports what fails. */
int state_files_take_in(const struct invocation *invocation, const struct state_files *files,
                        const char *from, char **ret_path);
