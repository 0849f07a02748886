/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/process_cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int process_cgroup(pid_t pid, char *ret_path, size_t size)
{
    char name[64];
    _cleanup_fclose_ FILE *file = NULL;
    _cleanup_free_ char *line = NULL;
    size_t room = 0;
    ssize_t length;

    (void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
    file = fopen(name, "re");
    if (!file)
        return errno == ENOENT ? -ESRCH : -errno;
    while ((length = getline(&line, &room, file)) > 0) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        if (strlen(line + 3) >= size)
            return -ENAMETOOLONG;
        memcpy(ret_path, line + 3, strlen(line + 3) + 1);
        return 0;
    }
    return ferror(file) ? -ESRCH : -ENOENT;
}
