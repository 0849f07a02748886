/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Parents that nobody has spoken of (--cgroup-parent): whoever starts a container may put it anywhere, and makes the place
 * in the same moment. So the upper levels of cgroups are watched, for what is called as containers are. Of root's alone:
 * in others users make what they like.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "runtimes/container_cgroup.h"
#include "runtimes/gate_internal.h"

static void gate_place_add(struct gate *gate, const char *path, int depth, gate_found_fn found);

/* A directory in a place. Where `found` is NULL it has been there before us. */
static void gate_place_child(struct gate *gate, const char *path, int depth, const char *name,
                             gate_found_fn found)
{
    char id[CONTAINER_ID_SIZE];
    char cgroup[SVC_CGROUP_SIZE];
    int length = snprintf(cgroup, sizeof(cgroup), "%s/%s", path, name);

    if (length < 0 || (size_t)length >= sizeof(cgroup))
        return;
    if (!container_cgroup_id(name, id))
        gate_place_add(gate, cgroup, depth + 1, found);
    else if (found)
        found(gate, cgroup, false);
}

/* Watched first and read then: what comes in between is met twice, and not missed. */
static void gate_place_add(struct gate *gate, const char *path, int depth, gate_found_fn found)
{
    struct gate_place *place = &gate->places[gate->n_places];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    char directory[PATH_MAX];
    struct stat info;
    int watch;

    (void)snprintf(directory, sizeof(directory), "%s%s", gate->settings.cgroup_root, path);
    if (depth > GATE_DEPTH || gate->n_places == GATE_PLACES || lstat(directory, &info) < 0 ||
        info.st_uid != 0)
        return;
    watch = gate_watch_directory(gate, path);
    for (size_t i = 0; i < gate->n_places; i++)
        if (gate->places[i].watch == watch)
            return; /* inotify gives the same number to the same directory */
    if (watch < 0)
        return;
    gate->n_places++;
    place->watch = watch;
    place->depth = depth;
    (void)snprintf(place->path, sizeof(place->path), "%s", path);
    dir = opendir(directory);
    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            gate_place_child(gate, path, depth, entry->d_name, found);
}

void gate_places_begin(struct gate *gate)
{
    gate_place_add(gate, "", 0, NULL);
}

void gate_places_take(struct gate *gate, const struct inotify_event *event, gate_found_fn found)
{
    for (size_t i = 0; i < gate->n_places; i++) {
        struct gate_place place;

        if (gate->places[i].watch != event->wd)
            continue;
        if (event->mask & IN_IGNORED) {
            gate->places[i] = gate->places[--gate->n_places];
            return;
        }
        place = gate->places[i]; /* they move as others come */
        if (event->mask & IN_CREATE && event->mask & IN_ISDIR)
            gate_place_child(gate, place.path, place.depth, event->name, found);
        return;
    }
}
