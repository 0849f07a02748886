/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The directories of pinned maps: maps, beside it maps_new and, during a swap, maps_old. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/kernel.h"

void kernel_map_path(const struct datapath *datapath, char path[PATH_MAX], const char *directory, int map)
{
    (void)snprintf(path, PATH_MAX, "%s/%s%s%s", datapath->kernel->bpffs, directory, map >= 0 ? "/" : "",
                   map >= 0 ? datapath_map_names[map] : "");
}

bool kernel_has_directory(const struct datapath *datapath, const char *directory)
{
    char path[PATH_MAX];
    struct stat info;

    kernel_map_path(datapath, path, directory, -1);
    return stat(path, &info) == 0;
}

void kernel_remove_directory(const struct datapath *datapath, const char *directory)
{
    char path[PATH_MAX];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    kernel_map_path(datapath, path, directory, -1);
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)rmdir(path);
}

int kernel_rename_directory(const struct datapath *datapath, const char *from, const char *to)
{
    char old_path[PATH_MAX];
    char new_path[PATH_MAX];

    kernel_map_path(datapath, old_path, from, -1);
    kernel_map_path(datapath, new_path, to, -1);
    return rename(old_path, new_path) < 0 ? -errno : 0;
}

/* Puts right what a run that died during the swap left: see datapath_activate() for the order it works in. */
int kernel_recover_directories(const struct datapath *datapath)
{
    /* bpffs takes no dot in a name ("reserved for future extension"), so the directories are maps_new,
     * maps_old. */
    if (!kernel_has_directory(datapath, "maps") && kernel_has_directory(datapath, "maps_old") &&
        kernel_has_directory(datapath, "maps_new")) {
        int r = kernel_rename_directory(datapath, "maps_new", "maps");

        if (r < 0)
            return r;
    }
    kernel_remove_directory(datapath, "maps_new");
    kernel_remove_directory(datapath, "maps_old");
    return 0;
}

void kernel_open_pinned(const struct datapath *datapath, struct datapath_fds *fds)
{
    for (int map = 0; map < MAP_COUNT_; map++) {
        char path[PATH_MAX];

        kernel_map_path(datapath, path, "maps", map);
        fds->fd[map] = bpf_obj_get(path);
    }
}

void kernel_close_one(struct datapath_fds *fds, int map)
{
    if (fds->fd[map] >= 0)
        (void)close(fds->fd[map]);
    fds->fd[map] = -1;
}

void kernel_close_pinned(struct datapath_fds *fds)
{
    for (int map = 0; map < MAP_COUNT_; map++)
        kernel_close_one(fds, map);
}
