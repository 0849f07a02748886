/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which programs health checks of type exec may run on this host: what the daemon's configuration names, and
 * nothing else. Plain data; an empty policy, and none at all, allow nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define EXEC_POLICY_SETTING   "execChecks" /* of the daemon's configuration */
#define EXEC_POLICY_MAX_PATHS 256

struct exec_policy {
    char **paths;
    size_t n;
};

/*
 * Adds a program by its absolute path, or, with a / at the end, whatever lies below that directory. -EINVAL
 * names `field`: the path is relative, has an empty, "." or ".." part, is "/", or is one too many. -ENOMEM.
 */
int exec_policy_add(struct exec_policy *policy, const char *field, const char *path, struct error *error);
void exec_policy_done(struct exec_policy *policy); /* leaves an empty one */

/*
 * Is `program`, the first word of a command, named? It is compared as text: it must itself be an absolute
 * path without empty, "." and ".." parts, PATH is not searched and symbolic links are not resolved. Arguments
 * are not looked at: whoever may have a program run chooses them, so a shell that is named is every command.
 */
bool exec_policy_allows(const struct exec_policy *policy, const char *program);

/* "which names /a, /b/" or "which names none", for messages; shortened to `size`. Returns `text`. */
char *exec_policy_describe(const struct exec_policy *policy, char *text, size_t size);
