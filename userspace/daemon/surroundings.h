/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What of the host a daemon in a container does not see, and what does not work then: its cgroup namespace it leaves at the
 * start, of the rest it is told. Found out by looking; a daemon beside its host's processes lacks nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct surroundings {
    bool lacks_processes; /* those of tasks are of another pid namespace */
    bool has_own_pins;    /* the file system of the pins is in no mount namespace but the daemon's own */
};

/* cgroup.procs of the root in; is there a process that has no id in the reader's pid namespace? Pure. */
bool surroundings_hides_processes(const char *members);

/* Is a file system of this device (as stat() has it) mounted? `mountinfo`: text of /proc/PID/mountinfo. Pure. */
bool surroundings_is_mounted(const char *mountinfo, unsigned major, unsigned minor);

/* Does the mount there show cgroups above the reader's cgroup namespace? `mountinfo`: text of /proc/self/mountinfo. Pure. */
bool surroundings_is_below(const char *mountinfo, const char *cgroup_root);

/*
 * In a container with a cgroup namespace of its own, beside the host's cgroups at cgroup_root, the kernel would tell where
 * processes are by other paths than those below the mount. This thread, and what it starts from now on, then goes to the namespace
 * of whoever has started the container; it needs the host's pid namespace. What it cannot do is logged.
 */
void surroundings_join(const char *cgroup_root);

/* What cannot be looked at lacks nothing. `bpffs`: the daemon's directory of pins, which is there. */
void surroundings_look(const char *cgroup_root, const char *bpffs, struct surroundings *ret_surroundings);

/* As sentences, what to do among them: for status and doctor (struct api_trouble), `user` the surroundings. */
bool surroundings_tell_processes(const void *user, char *ret_text, size_t size);
bool surroundings_tell_pins(const void *user, char *ret_text, size_t size);
