/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The processes of a container on its way, and whether one has a root of its own. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtimes/gate_internal.h"

bool gate_root_of(pid_t pid, struct stat *ret_info)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    return stat(path, ret_info) == 0;
}

/* 0: it has gone. */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    _cleanup_fclose_ FILE *file = NULL;
    char line[256];
    int parent = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "PPid: %d", &parent) == 1)
            break;
    return parent;
}

bool gate_has_own_root(pid_t pid)
{
    struct stat root;
    struct stat other;
    pid_t parent = parent_of(pid);

    if (parent <= 0 || !gate_root_of(pid, &root))
        return false;
    if (gate_root_of(parent, &other) && root.st_dev == other.st_dev && root.st_ino == other.st_ino)
        return false;
    return !gate_root_of(1, &other) || root.st_dev != other.st_dev || root.st_ino != other.st_ino;
}

int gate_members_below(const struct gate *gate, const struct gate_container *container,
                       struct cgroup_tree *tree)
{
    char directory[PATH_MAX];

    (void)snprintf(directory, sizeof(directory), "%s%s", gate->settings.cgroup_root, container->cgroup);
    return cgroup_tree_add(tree, directory, GATE_PROCESSES);
}

size_t gate_members(const struct gate *gate, struct gate_container *container,
                    pid_t ret_members[static GATE_PROCESSES])
{
    char text[GATE_PROCESSES * 12 + 1];
    char path[PATH_MAX];
    const char *at = text;
    size_t n = 0;
    ssize_t length;
    int pid, used;

    if (container->members_fd < 0) {
        (void)snprintf(path, sizeof(path), "%s%s/cgroup.procs", gate->settings.cgroup_root,
                       container->cgroup);
        container->members_fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (container->members_fd < 0)
        return 0;
    length = pread(container->members_fd, text, sizeof(text) - 1, 0);
    if (length < 0) { /* it has gone; there may be another one of its name */
        (void)close(container->members_fd);
        container->members_fd = -1;
    }
    while (length > 0 && text[length - 1] != '\n')
        length--; /* a number that was cut */
    text[length > 0 ? length : 0] = '\0';
    for (; n < GATE_PROCESSES && sscanf(at, "%d%n", &pid, &used) == 1; at += used)
        if (pid > 0) /* 0: of a pid namespace that is not below this one */
            ret_members[n++] = pid;
    return n;
}

bool gate_has_process(const struct gate *gate, struct gate_container *container, pid_t pid, bool looks_below)
{
    pid_t members[GATE_PROCESSES];
    struct cgroup_tree tree = {0};
    bool found = false;

    if (looks_below) {
        (void)gate_members_below(gate, container, &tree);
        for (size_t i = 0; i < tree.n_processes && !found; i++)
            found = tree.processes[i] == pid;
        cgroup_tree_done(&tree);
    } else {
        for (size_t n = gate_members(gate, container, members); n > 0 && !found; n--)
            found = members[n - 1] == pid;
    }
    return found;
}
