/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the command of `run` sees of files: the host's mounts as they are and will be, but the names in its
 * /etc/hosts, and nobody outside the task who answers for names in its place.
 */
#pragma once

/* Which step failed; whoever tells it has the words. */
enum run_mounts_step {
    RUN_MOUNTS_NAMESPACE,
    RUN_MOUNTS_PROPAGATION,
    RUN_MOUNTS_HOSTS,
    RUN_MOUNTS_NAME_SERVICES,
};

struct run_mounts_plan {
    const char *hosts_path; /* as the daemon names it; NULL: there is no file to put it over */
    const char *nsswitch;   /* text for /etc/nsswitch.conf; NULL: the one there will do */
};

/*
 * A mount namespace of its own for this process, which has one thread and is about to exec. It may have a root
 * directory of its own, be in any mount namespace, and lack /proc. Negative errno, and *ret_step.
 */
int run_mounts_make(const struct run_mounts_plan *plan, enum run_mounts_step *ret_step);
