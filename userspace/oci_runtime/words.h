/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The command line as runc and crun read it: flags, a command, flags and the container's id. Two flags are ours, for
 * engines that can give a runtime arguments (Docker's runtimeArgs, podman's --runtime-flag), and are not passed on:
 *
 *   --svcconnect-runtime=PATH   the real runtime     else $SVCCONNECT_OCI_RUNTIME
 *   --svcconnect-socket=PATH    the daemon's socket  else $SVCCONNECT_SOCKET
 */
#pragma once

#include <stdbool.h>

struct words {
    const char *runtime; /* NULL: not said */
    const char *socket;  /* NULL: not said */
    const char *root;    /* of the runtime's states; NULL: its own choice */
    const char *id;      /* of the container that is to be started; NULL: this is another command */
};

/* Takes our own flags out of `argv`, which stays NULL-terminated; what is found points into it. */
void words_read(char **argv, struct words *ret_words);

/*
 * The real runtime: what is said, else what this program is called as ("svcconnect-crun" is crun), else runc or crun. A name is
 * looked for where the system's programs are. NULL: there is none, or it is this program. The caller frees it.
 */
char *words_find_runtime(const struct words *words, const char *own_name);
