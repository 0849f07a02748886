/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include "base/error.h"

/*
 * One daemon per directory: takes an exclusive lock on the directory itself, which ends with the process
 * however it ends. -EBUSY names `what`, the directory and the pid that holds it. The caller keeps *ret_fd
 * open.
 */
int lock_directory(const char *what, const char *path, int *ret_fd, struct error *error);
