/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Links: one pinned file per task and program. What is pinned is the truth; descriptors are only held beside
 * it, so that no program goes with a pin that somebody removes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/kernel.h"

void datapath_programs(const struct datapath *datapath,
                       struct datapath_program programs[DATAPATH_MAX_PROGRAMS])
{
    const struct datapath_program all[] = {
        {"connect4", datapath->kernel->skeleton->progs.connect4},
        {"connect6", datapath->kernel->skeleton->progs.connect6},
        {"sendmsg4", datapath->kernel->skeleton->progs.sendmsg4},
        {"sendmsg6", datapath->kernel->skeleton->progs.sendmsg6},
        {"recvmsg4", datapath->kernel->skeleton->progs.recvmsg4},
        {"recvmsg6", datapath->kernel->skeleton->progs.recvmsg6},
        {"getpeername4", datapath->kernel->skeleton->progs.getpeername4},
        {"getpeername6", datapath->kernel->skeleton->progs.getpeername6},
        {"sock_ops", datapath->kernel->skeleton->progs.sock_ops},
        {NULL, NULL},
    };

    memcpy(programs, all, sizeof(all));
}

void kernel_link_path(const struct datapath *datapath, char path[PATH_MAX], const char *name, const char *pin)
{
    (void)snprintf(path, PATH_MAX, "%s/links%s%s%s%s", datapath->kernel->bpffs, name ? "/" : "",
                   name ? name : "", pin ? "/" : "", pin ? pin : "");
}

/* The cgroup a pinned link is attached to; 0 once that has gone. Returns the link's fd, or a
 * negative errno. */
static int open_link(const char *path, uint64_t *ret_cgroup_id, uint32_t *ret_program_id)
{
    struct bpf_link_info info = {0};
    __u32 size = sizeof(info);
    _cleanup_close_ int fd = bpf_obj_get(path);

    if (fd < 0)
        return -errno;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return -errno;
    if (info.type != BPF_LINK_TYPE_CGROUP)
        return -EINVAL;
    *ret_cgroup_id = info.cgroup.cgroup_id;
    *ret_program_id = info.prog_id;
    return TAKE_FD(fd);
}

int datapath_refresh_link(struct datapath *datapath, const char *name, unsigned *swapped)
{
    struct datapath_program programs[DATAPATH_MAX_PROGRAMS];
    int result = 0;

    datapath_programs(datapath, programs);
    for (int i = 0; programs[i].pin; i++) {
        char path[PATH_MAX];
        uint64_t cgroup_id;
        uint32_t program_id;
        _cleanup_close_ int fd = -1;

        kernel_link_path(datapath, path, name, programs[i].pin);
        fd = open_link(path, &cgroup_id, &program_id);
        if (fd < 0 || cgroup_id == 0 || kernel_is_our_program(datapath, i, program_id, programs[i].program))
            continue;
        if (bpf_link_update(fd, bpf_program__fd(programs[i].program), NULL) == 0)
            (*swapped)++;
        else if (errno != ENOLINK) /* the cgroup went meanwhile: collected later */
            result = -errno;
    }
    return result;
}

int kernel_hold_pinned(const char *name, void *user)
{
    struct datapath *datapath = user;
    struct datapath_program programs[DATAPATH_MAX_PROGRAMS];

    datapath_programs(datapath, programs);
    for (int i = 0; programs[i].pin; i++) {
        char path[PATH_MAX];
        int fd;

        kernel_link_path(datapath, path, name, programs[i].pin);
        fd = bpf_obj_get(path);
        if (fd >= 0)
            kernel_hold_link(datapath->kernel, name, i, fd);
    }
    return 0;
}

/* *ret_fd: of a link that has been made; untouched where there is one. */
static int attach_one(struct datapath *datapath, const char *path, int cgroup_fd, uint64_t cgroup_id,
                      struct bpf_program *program, const char *cgroup_path, int *ret_fd, struct error *error)
{
    uint64_t attached_id = 0;
    uint32_t program_id;
    _cleanup_close_ int fd = open_link(path, &attached_id, &program_id);
    int r;

    if (fd >= 0 && attached_id == cgroup_id)
        return 0;
    if (fd >= 0 || fd != -ENOENT)
        (void)unlink(path);
    if (fd >= 0)
        (void)close(TAKE_FD(fd));
    fd = bpf_link_create(bpf_program__fd(program), cgroup_fd, bpf_program__expected_attach_type(program),
                         NULL);
    if (fd < 0) {
        r = -errno;
        if (r == -EPERM)
            return error_set(
                error, EPERM,
                "%s: the kernel refuses the attachment: a program attached above it allows no others",
                cgroup_path);
        if (r == -E2BIG)
            return error_set(
                error, EBUSY,
                "%s: as many programs are attached to this cgroup as the kernel allows (64); detach others",
                cgroup_path);
        return error_errno(error, r, "%s: attaching", cgroup_path);
    }
    if (bpf_obj_pin(fd, path) < 0)
        return error_errno(error, errno, "%s: pinning the link", path);
    datapath->writes++;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* A second link beside one that is held and has lost its pin would run the program twice. */
static int mend_before(struct datapath *datapath, const char *name, struct error *error)
{
    const struct held_links *held = kernel_held_links(datapath->kernel, name);
    unsigned mended = 0;
    bool is_lost = false;

    return held ? kernel_mend_links(datapath, held, &mended, &is_lost, error) : 0;
}

int kernel_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                  struct error *error)
{
    struct datapath_program programs[DATAPATH_MAX_PROGRAMS];
    char path[PATH_MAX];
    struct stat info;
    _cleanup_close_ int cgroup_fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int r;

    if (cgroup_fd < 0)
        return error_errno(error, errno, "cgroup %s", cgroup_path);
    if (fstat(cgroup_fd, &info) < 0 || info.st_ino != cgroup_id)
        return error_set(error, ENOENT, "cgroup %s was replaced meanwhile", cgroup_path);
    kernel_link_path(datapath, path, name, NULL);
    r = directory_make(path, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", path);
    r = mend_before(datapath, name, error);
    if (r < 0)
        return r;
    datapath_programs(datapath, programs);
    for (int i = 0; programs[i].pin; i++) {
        int fd = -1;

        kernel_link_path(datapath, path, name, programs[i].pin);
        r = attach_one(datapath, path, cgroup_fd, cgroup_id, programs[i].program, cgroup_path, &fd, error);
        if (r < 0)
            return r;
        if (fd >= 0)
            kernel_hold_link(datapath->kernel, name, i, fd);
    }
    return 0;
}

/* Detaching by the link is over when it returns; removing the last pin only lets the kernel do so later. */
static void detach_link(int directory_fd, const char *directory, const char *pin, uint64_t *cgroup_id)
{
    char path[PATH_MAX];
    uint32_t program_id;
    _cleanup_close_ int fd = -1;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, pin) < sizeof(path))
        fd = open_link(path, cgroup_id, &program_id);
    if (fd >= 0)
        (void)bpf_link_detach(fd);
    (void)unlinkat(directory_fd, pin, 0);
}

/* From Linux 5.9 on a cgroup keeps its scope without links, and would be in it again with the next ones. */
static void clear_scope(const struct datapath *datapath, uint64_t cgroup_id)
{
    static const struct svc_task_scope none;

    if (cgroup_id)
        (void)bpf_map_update_elem(datapath->kernel->fd[MAP_TASK_SCOPE], &cgroup_id, &none, BPF_EXIST);
}

/* Of links that have lost their pins. */
static void detach_held(struct datapath *datapath, const char *name, uint64_t *cgroup_id)
{
    const struct held_links *held = kernel_held_links(datapath->kernel, name);

    for (int i = 0; held && i < DATAPATH_MAX_PROGRAMS; i++) {
        struct bpf_link_info info = {0};
        __u32 size = sizeof(info);

        if (held->fd[i] < 0)
            continue;
        if (bpf_obj_get_info_by_fd(held->fd[i], &info, &size) == 0 && info.cgroup.cgroup_id)
            *cgroup_id = info.cgroup.cgroup_id;
        (void)bpf_link_detach(held->fd[i]);
    }
    kernel_drop_links(datapath->kernel, name);
}

int kernel_detach(struct datapath *datapath, const char *name)
{
    char path[PATH_MAX];
    uint64_t cgroup_id = 0;
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    kernel_link_path(datapath, path, name, NULL);
    dir = opendir(path);
    if (!dir && errno != ENOENT)
        return -errno;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            detach_link(dirfd(dir), path, entry->d_name, &cgroup_id);
    detach_held(datapath, name, &cgroup_id);
    if (!dir && !cgroup_id)
        return 0;
    clear_scope(datapath, cgroup_id);
    if (rmdir(path) < 0 && errno != ENOENT)
        return -errno;
    datapath->writes++;
    return 0;
}

bool kernel_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id)
{
    struct datapath_program programs[DATAPATH_MAX_PROGRAMS];

    datapath_programs(datapath, programs);
    for (int i = 0; programs[i].pin; i++) {
        char path[PATH_MAX];
        uint64_t attached_id = 0;
        uint32_t program_id;
        _cleanup_close_ int fd = -1;

        kernel_link_path(datapath, path, name, programs[i].pin);
        fd = open_link(path, &attached_id, &program_id);
        if (fd < 0 || attached_id != cgroup_id)
            return false;
    }
    return true;
}

int kernel_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user)
{
    char path[PATH_MAX];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    int r = 0;

    kernel_link_path(datapath, path, NULL, NULL);
    dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    while (r == 0 && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            r = on_link(entry->d_name, user);
    return r;
}
