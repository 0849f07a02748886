/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Holds the first program of a container until its task is ready, without the runtime's knowing:
 *
 *   a new cgroup below a parent that is watched (inotify)          appeared, on the loop: wanted? else gate_release()
 *   its first process has a root of its own                        the root's mount is marked (FAN_OPEN_EXEC_PERM)
 *   that process, or another one of the cgroup, executes something  stands, on the loop: attach, names
 *   gate_release()                                                 the mark goes, the program runs
 *
 * When a runtime lets a container's own program run, network namespace, addresses and resolv.conf are final, which
 * no hook of a runtime promises (Docker 28 makes the network after the hooks, podman 5 writes resolv.conf after them).
 * Nothing stays after that first exec: neither a mark nor a descriptor.
 *
 * All of that is done by a thread, so that a loop which is busy holds nobody longer than the deadline; then the
 * program runs, and `ended` says so. If the daemon dies, the kernel lets go what was held. A daemon that is
 * stopped (SIGSTOP) holds for as long as it is.
 *
 * Needs CAP_SYS_ADMIN and CONFIG_FANOTIFY_ACCESS_PERMISSIONS (fanotify_mark(2)), which Debian's kernels have
 * and linuxkit has not.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct gate;

#define GATE_DEADLINE_MS 500   /* the longest that a program is held */
#define GATE_PATIENCE_MS 30000 /* for a first process with a root of its own; slow machines take seconds */
#define GATE_CONTAINERS  256   /* on their way at one time; those beyond are not held */

enum gate_end {
    GATE_RELEASED,    /* by gate_release(), while it was held or before */
    GATE_TIMEOUT,     /* held until the deadline: the loop did not answer */
    GATE_NEVER_STOOD, /* the cgroup went, or no process got a root of its own in time */
    GATE_NO_MARK,     /* the kernel refused, or descriptors run out: it was not held */
    GATE_TOO_MANY,    /* GATE_CONTAINERS others were on their way */
};

struct gate_settings {
    const char *cgroup_root; /* the cgroup v2 mount */
    uint32_t deadline_ms;    /* 0: GATE_DEADLINE_MS */
    /* On the loop, in this order for each cgroup, the last always; `cgroup` is its path below the root. */
    void (*appeared)(uint64_t ticket, const char *cgroup, void *user);
    void (*stands)(uint64_t ticket, const char *cgroup, pid_t pid, void *user);
    void (*ended)(uint64_t ticket, const char *cgroup, enum gate_end end, uint64_t held_us, void *user);
    void *user;
};

/* What the settings lead to outlives the gate. -EPERM, -EINVAL, -ENOSYS: the kernel has no such gate; -ENOMEM, -EMFILE. */
int gate_new(struct event_base *base, const struct gate_settings *settings, struct gate **ret_gate);
void gate_free(struct gate **gate); /* lets everybody go, tells nobody; NULL-safe; sets to NULL */

/*
 * Cgroups that are called as containers are found wherever they appear in the upper levels of root's. Beside these: from now
 * on children of this cgroup ("/docker") are containers; one that does not exist yet is waited for, as
 * long as the directory above it exists. What is in it already is left alone. Adding it twice is the same as
 * once. -ENOMEM, -ENOSPC.
 */
int gate_watch(struct gate *gate, const char *parent);
/* The same, and its children are containers whatever they are called; else those that are called as containers are. */
int gate_watch_all(struct gate *gate, const char *parent);

/*
 * This cgroup is a container's, whatever it is called and wherever it is; one that does not exist yet is waited for, for
 * GATE_PATIENCE_MS. It appears, stands and ends like others. One that is on its way already: nothing. -ENAMETOOLONG, -ENOMEM.
 */
int gate_expect(struct gate *gate, const char *cgroup);

/* It may go, now or as soon as it comes: also the answer for containers that are no tasks. */
void gate_release(struct gate *gate, uint64_t ticket);

const char *gate_end_name(enum gate_end end); /* "released", "timeout", ... */
