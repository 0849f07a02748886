/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a process is in the cgroup v2 tree. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Its path below the root, "/" for the root itself. -ESRCH: it has gone; -ENOENT: it is in no such tree;
 * -ENAMETOOLONG. */
int process_cgroup(pid_t pid, char *ret_path, size_t size);
