/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The cgroup `svcconnect`, in which those of `svcconnect run` are. The first makes it; whoever has removed one
 * from it removes it as well if it is the last. That needs no lock: a cgroup with others in it is not removed
 * by the kernel, and who finds it gone makes it again. One that somebody else has made stays.
 */
#pragma once

#define RUN_DIRECTORY "svcconnect"

/* `root_fd`: the cgroup v2 mount. One that is there already is fine. Negative errno. */
int run_directory_make(int root_fd);

/* If it is empty and has been made by run_directory_make(). */
void run_directory_remove(int root_fd);
