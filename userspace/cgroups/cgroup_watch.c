/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/cgroup_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

int cgroup_watch_open(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int cgroup_watch_add(int fd, const char *directory, struct cgroup_watch *ret)
{
    struct cgroup_watch watch = CGROUP_WATCH_NONE;
    char path[PATH_MAX];
    int r;

    if ((size_t)snprintf(path, sizeof(path), "%s/cgroup.events", directory) >= sizeof(path))
        return -ENAMETOOLONG;
    watch.events = inotify_add_watch(fd, path, IN_MODIFY);
    if (watch.events >= 0)
        watch.directory = inotify_add_watch(fd, directory, IN_CREATE | IN_ONLYDIR);
    if (watch.directory < 0) {
        r = -errno;
        cgroup_watch_remove(fd, &watch);
        return r;
    }
    *ret = watch;
    return 0;
}

/* The kernel takes them away itself with the cgroup, and gives no number out again. */
void cgroup_watch_remove(int fd, struct cgroup_watch *watch)
{
    if (watch->events >= 0)
        (void)inotify_rm_watch(fd, watch->events);
    if (watch->directory >= 0)
        (void)inotify_rm_watch(fd, watch->directory);
    watch->events = -1;
    watch->directory = -1;
}

void cgroup_watch_read(int fd, void (*function)(int number, void *user), void *user)
{
    _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
    ssize_t size = read(fd, buffer, sizeof(buffer));
    const struct inotify_event *event;
    int last = 0;

    for (char *at = buffer; size > 0 && at < buffer + size; at += sizeof(*event) + event->len) {
        event = (const struct inotify_event *)(const void *)at;
        if (!(event->mask & (IN_MODIFY | IN_CREATE | IN_Q_OVERFLOW)) || event->wd == last)
            continue;
        last = event->wd;
        function(last, user);
    }
}
