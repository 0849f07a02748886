/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/bundle_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/number.h"
#include "cgroups/process_cgroup.h"
#include "runtimes/bundle_json.h"

int bundle_open_directory(int at, const char *name, int *ret_fd)
{
    _cleanup_close_ int fd =
        openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (at == AT_FDCWD ? 0 : O_NOFOLLOW));
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0)
        return -errno;
    if ((info.st_uid != 0 && info.st_uid != geteuid()) || info.st_mode & 022)
        return -EPERM;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int bundle_open_file(int directory_fd, const char *name, int *ret_fd, struct stat *ret_info)
{
    _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, ret_info) < 0)
        return -errno;
    if (!S_ISREG(ret_info->st_mode))
        return -EINVAL;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int bundle_text_of(int directory_fd, const char *name, char **ret_text, size_t *ret_length,
                          struct stat *ret_info)
{
    _cleanup_close_ int fd = -1;
    int r = bundle_open_file(directory_fd, name, &fd, ret_info);

    return r < 0 ? r : file_read_rest(fd, BUNDLE_FILE_MAX, ret_text, ret_length);
}

/* ---- its process ---- */

/* Its start in clock ticks after boot, and 'Z' and the like; false: it has gone. */
static bool read_process(pid_t pid, char *ret_state, uint64_t *ret_ticks, char ret_name[static 17])
{
    char path[64];
    char line[512] = "";
    const char *open_at;
    const char *close_at;
    _cleanup_fclose_ FILE *file = NULL;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file))
        return false;
    open_at = strchr(line, '(');
    close_at = strrchr(line, ')');
    if (!open_at || !close_at || close_at - open_at > 17)
        return false;
    (void)snprintf(ret_name, 17, "%.*s", (int)(close_at - open_at - 1), open_at + 1);
    return sscanf(close_at + 1,
                  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                  ret_state, ret_ticks) == 2;
}

/* runc and crun call themselves so until the container's own program takes their place. */
static bool is_runtimes_own(const char *name)
{
    return strncmp(name, "runc:[", 6) == 0 || strncmp(name, "crun", 4) == 0 || strncmp(name, "exe", 4) == 0 ||
           strcmp(name, "runc") == 0;
}

static bool process_is_in(const char *cgroup, const char *below)
{
    size_t n = strlen(cgroup);

    return strncmp(below, cgroup, n) == 0 && (below[n] == '\0' || below[n] == '/');
}

/* `ticks` 0: it is known by its cgroup. A number that another process has by now is nobody of ours. */
static void judge_process(struct container *container, uint64_t ticks)
{
    char cgroup[SVC_CGROUP_SIZE];
    char name[17];
    uint64_t its_ticks;
    char state;

    if (!read_process(container->pid, &state, &its_ticks, name) || state == 'Z' || state == 'X' ||
        (ticks && ticks != its_ticks) || process_cgroup(container->pid, cgroup, sizeof(cgroup)) < 0 ||
        (!ticks && container->cgroup && !process_is_in(container->cgroup, cgroup))) {
        container->state = CONTAINER_ENDED;
        container->pid = 0;
        return;
    }
    container->state = is_runtimes_own(name) ? CONTAINER_CREATED : CONTAINER_RUNNING;
    if (!container->cgroup && strcmp(cgroup, "/") != 0)
        container->cgroup = strdup(cgroup);
}

/* ---- a container ---- */

static void read_init_pid(int directory_fd, struct container *container)
{
    _cleanup_free_ char *text = NULL;
    struct stat info;
    uint64_t pid;
    size_t length;

    if (bundle_text_of(directory_fd, "init.pid", &text, &length, &info) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    if (parse_number(text, 1, 1 << 30, &pid) < 0)
        return;
    container->pid = (pid_t)pid;
    container->started_at = info.st_mtim.tv_sec;
}

int bundle_read(enum bundle_kind kind, int directory_fd, const char *runtime, const char *id,
                struct container **ret_container, struct error *error)
{
    const char *slash = strrchr(id, '/');
    _cleanup_container_ struct container *container = container_new(runtime, id, slash ? slash + 1 : NULL);
    _cleanup_free_ char *text = NULL;
    struct stat info;
    uint64_t ticks = 0;
    size_t length;
    int r;

    if (!container)
        return error_errno(error, -ENOMEM, "container %s", id);
    r = bundle_text_of(directory_fd, kind == BUNDLE_RUNC ? "state.json" : "config.json", &text, &length,
                       &info);
    if (r < 0)
        return error_errno(error, r, "container %s", id);
    if (kind == BUNDLE_RUNC)
        r = bundle_read_state(text, length, container, &ticks, error);
    else
        r = bundle_read_config(text, length, container, error);
    if (r < 0)
        return r;
    if (kind == BUNDLE_CONTAINERD)
        read_init_pid(directory_fd, container);
    if (container->pid)
        judge_process(container, ticks);
    *ret_container = TAKE_PTR(container);
    return 0;
}
