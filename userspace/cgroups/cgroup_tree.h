/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cgroup directories with all below them, as the ids and processes that belong to them at one time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_TREE_MAX_IDS 65536

struct cgroup_tree {
    uint64_t *ids; /* inode numbers, which is what the kernel calls cgroup ids */
    size_t n_ids;
    pid_t *processes;
    size_t n_processes;
    bool is_cut; /* there was more than the limits allow, or a process of another pid namespace */
};

/*
 * Adds `directory` (a full path) and what is below it: all ids up to CGROUP_TREE_MAX_IDS in the tree, and at
 * most `max_processes` processes. What goes away meanwhile is left out. -ENOMEM, or -errno when the directory
 * cannot be read (-ENOENT: there is none).
 */
int cgroup_tree_add(struct cgroup_tree *tree, const char *directory, size_t max_processes);

/* For cgroup_tree_has(), once all have been added. */
void cgroup_tree_sort(struct cgroup_tree *tree);
bool cgroup_tree_has(const struct cgroup_tree *tree, uint64_t id);

void cgroup_tree_done(struct cgroup_tree *tree);
