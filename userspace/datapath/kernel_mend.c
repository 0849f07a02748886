/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pins that somebody has removed are put back: maps by their descriptors, links by those that are held. What
 * lies under the name of a map and is another one gives way, because the directory is this daemon's alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mounts.h"
#include "datapath/kernel.h"

/* Made only on a bpffs: where that is not mounted any more, nothing must lie under a later mount. */
int kernel_mend_directory(struct datapath *datapath, struct error *error)
{
    const char *bpffs = datapath->kernel->bpffs;
    char parent[PATH_MAX];
    char *slash;

    if (access(bpffs, F_OK) == 0)
        return mounts_is_bpffs(bpffs)
                   ? 0
                   : error_set(error, ENODEV, "no bpffs is mounted there any more: mount -t bpf bpf %s",
                               bpffs);
    (void)snprintf(parent, sizeof(parent), "%s", bpffs);
    slash = strrchr(parent, '/');
    if (slash && slash != parent)
        *slash = '\0';
    if (!mounts_is_bpffs(parent))
        return error_set(error, ENODEV, "no bpffs is mounted there any more: mount -t bpf bpf %s", parent);
    if (mkdir(bpffs, 0700) < 0)
        return error_errno(error, errno, "making the directory again");
    return 0;
}

/* ---- maps ---- */

static uint32_t mend_map_id(int fd)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

static bool is_map_in_place(const struct datapath *datapath, int map)
{
    char path[PATH_MAX];
    _cleanup_close_ int fd = -1;

    kernel_map_path(datapath, path, "maps", map);
    fd = bpf_obj_get(path);
    return fd >= 0 && mend_map_id(fd) == datapath->kernel->map_ids[map];
}

static int mend_pin_map(const struct datapath *datapath, const char *directory, int map, struct error *error)
{
    char path[PATH_MAX];

    kernel_map_path(datapath, path, directory, map);
    (void)unlink(path);
    if (bpf_obj_pin(datapath->kernel->fd[map], path) < 0)
        return error_errno(error, errno, "pinning %s", path);
    return 0;
}

/* A death in between must not leave a part of them, which no start could adopt: all of them come at once. */
static int mend_all_maps(struct datapath *datapath, unsigned *mended, struct error *error)
{
    char path[PATH_MAX];
    int r;

    kernel_remove_directory(datapath, "maps_new");
    kernel_map_path(datapath, path, "maps_new", -1);
    r = directory_make(path, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", path);
    for (int map = 0; map < MAP_COUNT_ && r == 0; map++)
        r = mend_pin_map(datapath, "maps_new", map, error);
    if (r < 0)
        return r;
    r = kernel_rename_directory(datapath, "maps_new", "maps");
    if (r < 0)
        return error_errno(error, r, "%s: putting the maps in place", datapath->kernel->bpffs);
    *mended += MAP_COUNT_;
    return 0;
}

static int mend_maps(struct datapath *datapath, unsigned *mended, struct error *error)
{
    if (!datapath->kernel->map_ids[0])
        for (int map = 0; map < MAP_COUNT_; map++)
            datapath->kernel->map_ids[map] = mend_map_id(datapath->kernel->fd[map]);
    if (!kernel_has_directory(datapath, "maps"))
        return mend_all_maps(datapath, mended, error);
    for (int map = 0; map < MAP_COUNT_; map++) {
        int r;

        if (is_map_in_place(datapath, map))
            continue;
        r = mend_pin_map(datapath, "maps", map, error);
        if (r < 0)
            return r;
        (*mended)++;
    }
    return 0;
}

/* ---- links ---- */

/* A link whose cgroup has gone is collected with its task, not pinned again. */
static bool is_link_alive(int fd)
{
    struct bpf_link_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.cgroup.cgroup_id != 0;
}

static int mend_link(const struct datapath *datapath, const struct held_links *held, const char *pin, int fd,
                     struct error *error)
{
    char path[PATH_MAX];
    int r;

    kernel_link_path(datapath, path, held->name, NULL);
    r = directory_make(path, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", path);
    kernel_link_path(datapath, path, held->name, pin);
    if (bpf_obj_pin(fd, path) < 0)
        return error_errno(error, errno, "%s: pinning the link", path);
    return 0;
}

int kernel_mend_links(struct datapath *datapath, const struct held_links *held, unsigned *mended,
                      bool *is_lost, struct error *error)
{
    struct datapath_program programs[DATAPATH_MAX_PROGRAMS];

    datapath_programs(datapath, programs);
    for (int i = 0; programs[i].pin; i++) {
        char path[PATH_MAX];
        int r;

        kernel_link_path(datapath, path, held->name, programs[i].pin);
        if (access(path, F_OK) == 0)
            continue;
        if (held->fd[i] < 0) {
            *is_lost = true;
            continue;
        }
        if (!is_link_alive(held->fd[i]))
            continue;
        r = mend_link(datapath, held, programs[i].pin, held->fd[i], error);
        if (r < 0)
            return r;
        (*mended)++;
    }
    return 0;
}

int kernel_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                struct error *error)
{
    struct kernel *kernel = datapath->kernel;
    unsigned most = HASH_COUNT(kernel->links);
    int r;

    if (kernel->is_in_new) /* not in charge yet */
        return 0;
    r = mend_maps(datapath, &ret_mended->maps, error);
    for (unsigned i = 0; i < tasks && i < most && r == 0; i++) {
        const struct held_links *held = kernel->next_mended ? kernel->next_mended : kernel->links;
        bool is_lost = false;

        r = kernel_mend_links(datapath, held, &ret_mended->links, &is_lost, error);
        kernel->next_mended = held->hh.next;
        if (is_lost && ret_mended->n_lost < DATAPATH_MENDED_LOST)
            (void)snprintf(ret_mended->lost[ret_mended->n_lost++], sizeof(ret_mended->lost[0]), "%s",
                           held->name);
    }
    return r;
}
