/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "settings/exec_policy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No part is empty, "." or "..": two texts that differ cannot climb out of a directory that is named. */
static bool is_plain_path(const char *path)
{
    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return false;
    for (const char *part = path + 1; *part;) {
        size_t length = strcspn(part, "/");

        if (length == 0 || strncmp(part, ".", length) == 0 || (length == 2 && strncmp(part, "..", 2) == 0))
            return false;
        part += length;
        part += *part == '/';
    }
    return path[1] != '\0';
}

int exec_policy_add(struct exec_policy *policy, const char *field, const char *path, struct error *error)
{
    char **paths;
    char *copy;

    if (!is_plain_path(path))
        return error_input(error, field, path,
                           "the absolute path of a program, or of a directory with / at its end, without "
                           "empty, . and .. parts");
    if (policy->n == EXEC_POLICY_MAX_PATHS)
        return error_input(error, field, path, "at most %d paths", EXEC_POLICY_MAX_PATHS);
    copy = strdup(path);
    paths = copy ? reallocarray(policy->paths, policy->n + 1, sizeof(*paths)) : NULL;
    if (!paths) {
        free(copy);
        return error_errno(error, ENOMEM, "reading settings");
    }
    policy->paths = paths;
    policy->paths[policy->n++] = copy;
    return 0;
}

void exec_policy_done(struct exec_policy *policy)
{
    for (size_t i = 0; i < policy->n; i++)
        free(policy->paths[i]);
    free(policy->paths);
    *policy = (struct exec_policy){0};
}

static bool is_named_by(const char *path, const char *program)
{
    size_t length = strlen(path);

    return path[length - 1] == '/' ? strncmp(path, program, length) == 0 : strcmp(path, program) == 0;
}

bool exec_policy_allows(const struct exec_policy *policy, const char *program)
{
    if (!policy || !is_plain_path(program) || program[strlen(program) - 1] == '/')
        return false;
    for (size_t i = 0; i < policy->n; i++)
        if (is_named_by(policy->paths[i], program))
            return true;
    return false;
}

char *exec_policy_describe(const struct exec_policy *policy, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "which names%s", policy && policy->n ? "" : " none");

    for (size_t i = 0; policy && i < policy->n && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s %s", i > 0 ? "," : "", policy->paths[i]);
    return text;
}
