/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgroups/cgroup.h"

#define MAX_DEPTH 32 /* of descendants followed, as elsewhere */

struct walk {
    struct cgroup_tree *tree;
    size_t max_processes; /* the tree's number not to exceed */
    int failed;           /* -ENOMEM */
};

/* `items` with room for one more, or NULL. Doubles at powers of two, so that the room follows from the count
 * alone. */
static void *with_room(void *items, size_t count, size_t size)
{
    return count & (count - 1) ? items : reallocarray(items, count ? count * 2 : 1, size);
}

static void add_id(struct walk *walk, int fd)
{
    struct cgroup_tree *tree = walk->tree;
    struct stat info;
    uint64_t *ids;

    if (fstat(fd, &info) < 0)
        return;
    if (tree->n_ids >= CGROUP_TREE_MAX_IDS) {
        tree->is_cut = true;
        return;
    }
    ids = with_room(tree->ids, tree->n_ids, sizeof(*ids));
    if (!ids) {
        walk->failed = -ENOMEM;
        return;
    }
    tree->ids = ids;
    tree->ids[tree->n_ids++] = info.st_ino;
}

static void add_processes(struct walk *walk, int directory_fd)
{
    struct cgroup_tree *tree = walk->tree;
    int ignored;
    _cleanup_fclose_ FILE *file = cgroup_open_members(directory_fd, &ignored);
    pid_t *processes;
    int pid;

    if (!file)
        return;
    /* 0: a process of a pid namespace that is not below this one. */
    while (fscanf(file, "%d", &pid) == 1) {
        if (pid <= 0 || tree->n_processes >= walk->max_processes) {
            tree->is_cut = true;
            continue;
        }
        processes = with_room(tree->processes, tree->n_processes, sizeof(*processes));
        if (!processes) {
            walk->failed = -ENOMEM;
            return;
        }
        tree->processes = processes;
        tree->processes[tree->n_processes++] = pid;
    }
}

/* Calls itself for sub-directories; directories only, so links and files of cgroupfs are skipped. */
static int walk_below(struct walk *walk, int parent_fd, const char *name, int depth)
{
    _cleanup_close_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    if (fd < 0)
        return -errno;
    add_id(walk, fd);
    add_processes(walk, fd);
    dir = fdopendir(dup(fd));
    while (dir && !walk->failed && (entry = readdir(dir))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        if (depth == 0)
            walk->tree->is_cut = true;
        else
            (void)walk_below(walk, fd, entry->d_name, depth - 1);
    }
    return walk->failed;
}

int cgroup_tree_add(struct cgroup_tree *tree, const char *directory, size_t max_processes)
{
    struct walk walk = {.tree = tree, .max_processes = tree->n_processes + max_processes};

    return walk_below(&walk, AT_FDCWD, directory, MAX_DEPTH);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

void cgroup_tree_sort(struct cgroup_tree *tree)
{
    if (tree->n_ids)
        qsort(tree->ids, tree->n_ids, sizeof(*tree->ids), compare_ids);
}

bool cgroup_tree_has(const struct cgroup_tree *tree, uint64_t id)
{
    return tree->n_ids && bsearch(&id, tree->ids, tree->n_ids, sizeof(*tree->ids), compare_ids);
}

void cgroup_tree_done(struct cgroup_tree *tree)
{
    free(tree->ids);
    free(tree->processes);
    *tree = (struct cgroup_tree){0};
}
