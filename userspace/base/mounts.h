/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the kernel's own file systems are mounted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The mount point of the cgroup v2 hierarchy: at /sys/fs/cgroup on unified hosts, elsewhere on hybrid ones.
 * Of several, one that shows the hierarchy's root is preferred. `mountinfo` is the text of
 * /proc/self/mountinfo. -ENOENT: none. The caller frees *ret_path.
 */
int mounts_parse_cgroup2(const char *mountinfo, char **ret_path);
int mounts_find_cgroup2(char **ret_path);

/* Is the existing `path` on a bpffs / on a cgroup v2 file system? */
bool mounts_is_bpffs(const char *path);
bool mounts_is_cgroup2(const char *path);
