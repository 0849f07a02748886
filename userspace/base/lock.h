/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One daemon per directory: exclusive locks that end with the process, however it ends. Whoever can open a
 * file can lock it, and a shared lock is enough to keep an exclusive one out. So what is locked is nothing
 * that anybody but the daemon's own user can open.
 */
#pragma once

#include "base/error.h"

/*
 * Takes the lock of a directory that others may open: its file "lock", made with mode 0600. -EBUSY names
 * `what`, the directory and the pid that holds it; -EPERM: the file is somebody else's. The caller keeps
 * *ret_fd open.
 */
int lock_directory(const char *what, const char *path, int *ret_fd, struct error *error);

/*
 * As above, for a directory that cannot hold a file (bpffs): closes the directory itself to others and locks
 * it. -EPERM: the directory is somebody else's.
 */
int lock_private_directory(const char *what, const char *path, int *ret_fd, struct error *error);
