/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who tells that processes have come into a cgroup: inotify on its cgroup.events, which changes when the
 * cgroup with all below it becomes empty or stops being so, and on its directory, for new cgroups below it.
 */
#pragma once

struct cgroup_watch {
    int events; /* -1: none */
    int directory;
};

#define CGROUP_WATCH_NONE                                                                                    \
    {                                                                                                        \
        .events = -1, .directory = -1                                                                        \
    }

/* A descriptor to wait on for all of them, which does not block; -errno. */
int cgroup_watch_open(void);

/* -errno: the kernel has no more of them, or there is no such cgroup; *ret is untouched. */
int cgroup_watch_add(int fd, const char *directory, struct cgroup_watch *ret);
void cgroup_watch_remove(int fd, struct cgroup_watch *watch);

/*
 * Calls `function` with the number in `events` or `directory` of each watch that something has happened to;
 * -1: with no saying to which, because there was too much. The same thing in a row is told once. Takes at
 * most one buffer of them; the rest waits.
 */
void cgroup_watch_read(int fd, void (*function)(int number, void *user), void *user);
