/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which cgroups appear below the parents. A parent that is not there yet is waited for in the directory above it, and what
 * has come into it before it could be watched is found by reading it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtimes/gate_internal.h"

int gate_watch_directory(const struct gate *gate, const char *path)
{
    char directory[PATH_MAX];

    (void)snprintf(directory, sizeof(directory), "%s%s", gate->settings.cgroup_root, path);
    return inotify_add_watch(gate->inotify_fd, directory, IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW);
}

/* The path of the directory above; "" is the cgroup root. */
static void path_above(const char *path, char *ret_above, size_t size)
{
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 0;

    (void)snprintf(ret_above, size, "%.*s", length, path);
}

/* inotify gives the same number to the same directory. */
static void gate_parent_open(struct gate *gate, struct gate_parent *parent)
{
    char above[SVC_CGROUP_SIZE];

    parent->watch = gate_watch_directory(gate, parent->path);
    path_above(parent->path, above, sizeof(above));
    parent->above_watch = gate_watch_directory(gate, above);
}

void gate_parents_add(struct gate *gate, const char *path, bool takes_all)
{
    struct gate_parent *parent;

    for (size_t i = 0; i < gate->n_parents; i++)
        if (strcmp(gate->parents[i].path, path) == 0) {
            gate->parents[i].takes_all = gate->parents[i].takes_all || takes_all;
            return;
        }
    if (gate->n_parents == GATE_PARENTS)
        return;
    parent = &gate->parents[gate->n_parents++];
    (void)snprintf(parent->path, sizeof(parent->path), "%s", path);
    parent->takes_all = takes_all;
    gate_parent_open(gate, parent);
}

static void gate_found(struct gate *gate, const struct gate_parent *parent, const char *name,
                       gate_found_fn found)
{
    char cgroup[SVC_CGROUP_SIZE];
    int length = snprintf(cgroup, sizeof(cgroup), "%s/%s", parent->path, name);

    if (length > 0 && (size_t)length < sizeof(cgroup))
        found(gate, cgroup, parent->takes_all);
}

/* It has just appeared: what is in it by now has come within a moment. */
static void gate_parent_appeared(struct gate *gate, struct gate_parent *parent, gate_found_fn found)
{
    char directory[PATH_MAX];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    gate_parent_open(gate, parent);
    (void)snprintf(directory, sizeof(directory), "%s%s", gate->settings.cgroup_root, parent->path);
    dir = opendir(directory);
    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            gate_found(gate, parent, entry->d_name, found);
}

/* True: it is a container's, whatever it is called. */
static bool gate_parents_take(struct gate *gate, const struct inotify_event *event, gate_found_fn found)
{
    bool is_container = false;

    for (size_t i = 0; i < gate->n_parents; i++) {
        struct gate_parent *parent = &gate->parents[i];
        const char *slash = strrchr(parent->path, '/');

        if (parent->watch == event->wd && event->mask & IN_IGNORED)
            parent->watch = -1;
        if (!(event->mask & IN_CREATE) || !(event->mask & IN_ISDIR))
            continue;
        if (parent->watch == event->wd) {
            gate_found(gate, parent, event->name, found);
            is_container = is_container || parent->takes_all;
        } else if (parent->above_watch == event->wd && slash && strcmp(event->name, slash + 1) == 0)
            gate_parent_appeared(gate, parent, found);
    }
    return is_container;
}

void gate_parents_read(struct gate *gate, gate_found_fn found)
{
    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t n;

    while ((n = read(gate->inotify_fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            if (!gate_parents_take(gate, event, found))
                gate_places_take(gate, event, found);
            at += (ssize_t)sizeof(*event) + event->len;
        }
}
