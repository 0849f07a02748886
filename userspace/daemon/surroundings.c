/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#define MEMBERS_MAX   ((size_t)4 << 20)
#define MOUNTINFO_MAX ((size_t)16 << 20)
#define STAT_MAX      ((size_t)4096)
#define ANCESTORS_MAX 4 /* an init of the container's own may be between it and the runtime */

bool surroundings_hides_processes(const char *members)
{
    return strncmp(members, "0\n", 2) == 0 || strstr(members, "\n0\n") != NULL;
}

bool surroundings_is_mounted(const char *mountinfo, unsigned major, unsigned minor)
{
    const char *line = mountinfo;

    while (line && *line) {
        unsigned line_major;
        unsigned line_minor;

        if (sscanf(line, "%*u %*u %u:%u ", &line_major, &line_minor) == 2 && line_major == major &&
            line_minor == minor)
            return true;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

bool surroundings_is_below(const char *mountinfo, const char *cgroup_root)
{
    const char *line = mountinfo;

    while (line && *line) {
        char root[PATH_MAX];
        char mount_point[PATH_MAX];

        if (sscanf(line, "%*u %*u %*u:%*u %4095s %4095s ", root, mount_point) == 2 &&
            strcmp(mount_point, cgroup_root) == 0 &&
            (strcmp(root, "/..") == 0 || strncmp(root, "/../", 4) == 0))
            return true;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

/* 0: it has none that is to be seen. */
static pid_t parent_process(pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    char path[64];
    const char *after;
    int parent;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (file_read(path, STAT_MAX, &text, NULL) < 0)
        return 0;
    after = strrchr(text, ')'); /* the name may have any character */
    return after && sscanf(after, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* The namespace of the nearest ancestor that has another one; -ESRCH: there is none. The caller closes it. */
static int open_other_namespace(void)
{
    pid_t pid = getppid();
    struct stat ours;
    struct stat its;

    if (stat("/proc/self/ns/cgroup", &ours) < 0)
        return -errno;
    for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++, pid = parent_process(pid)) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/cgroup", (int)pid);
        if (stat(path, &its) == 0 && its.st_ino != ours.st_ino) {
            int fd = open(path, O_RDONLY | O_CLOEXEC);

            return fd < 0 ? -errno : fd;
        }
    }
    return -ESRCH;
}

void surroundings_join(const char *cgroup_root)
{
    _cleanup_free_ char *mountinfo = NULL;
    _cleanup_close_ int fd = -1;
    int r;

    if (file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo, NULL) < 0 ||
        !surroundings_is_below(mountinfo, cgroup_root))
        return;
    fd = open_other_namespace();
    r = fd < 0 ? fd : setns(fd, CLONE_NEWCGROUP) < 0 ? -errno : 0;
    if (r < 0)
        log_warning("the host's cgroups are on %s, and where its processes are among them cannot be seen "
                    "(%s): start the daemon's "
                    "container with --cgroupns host (compose: cgroup: host)",
                    cgroup_root, strerror(-r));
}

static bool lacks_processes(const char *cgroup_root)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_free_ char *members = NULL;

    return asprintf(&path, "%s/cgroup.procs", cgroup_root) >= 0 &&
           file_read(path, MEMBERS_MAX, &members, NULL) == 0 && surroundings_hides_processes(members);
}

/*
 * Who has started the daemon is of the host, or of the runtime that has made its container. Where a manager only gives the
 * daemon mounts of its own, it has that file system too.
 */
static bool has_own_pins(const char *bpffs)
{
    _cleanup_free_ char *mountinfo = NULL;
    char path[64];
    struct stat info;

    if (getppid() == 0 || stat(bpffs, &info) < 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)getppid());
    return file_read(path, MOUNTINFO_MAX, &mountinfo, NULL) == 0 &&
           !surroundings_is_mounted(mountinfo, major(info.st_dev), minor(info.st_dev));
}

void surroundings_look(const char *cgroup_root, const char *bpffs, struct surroundings *ret_surroundings)
{
    *ret_surroundings = (struct surroundings){.lacks_processes = lacks_processes(cgroup_root),
                                              .has_own_pins = has_own_pins(bpffs)};
}

bool surroundings_tell_processes(const void *user, char *ret_text, size_t size)
{
    const struct surroundings *surroundings = user;

    if (!surroundings->lacks_processes)
        return false;
    (void)snprintf(
        ret_text, size,
        "the processes of this host are not to be seen from the daemon's pid namespace: tasks have no names "
        "by "
        "DNS, containers are not held until they are attached, and their ends are noticed late; start its "
        "container with --pid host (compose: pid: host)");
    return true;
}

bool surroundings_tell_pins(const void *user, char *ret_text, size_t size)
{
    const struct surroundings *surroundings = user;

    if (!surroundings->has_own_pins)
        return false;
    (void)snprintf(
        ret_text, size,
        "the BPF file system is mounted for the daemon alone: what is pinned goes with this container, and "
        "running tasks with it; start it with the host's, -v /sys/fs/bpf:/sys/fs/bpf");
    return true;
}
