/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One container of containerd or runc, by the files that lie in its directory. Directories are opened one by one, through no
 * link, and only where nobody but root can have written; files are regular ones of a bounded size.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "model/container.h"

enum bundle_kind {
    BUNDLE_CONTAINERD, /* NAMESPACE/ID/config.json, and init.pid once it is made */
    BUNDLE_RUNC,       /* ID/state.json once it is made */
};

/* -ENOTDIR, -ELOOP, -ENOENT; -EPERM: others than root may write there. `at` AT_FDCWD: `name` is a path. */
int bundle_open_directory(int at, const char *name, int *ret_fd);

/*
 * What is known of it by now. Without a process it has state CREATED and pid 0; the process's own state decides
 * after that: CREATED while it is still the runtime's, ENDED when it has gone. Networks are not read. -ENOENT: its file is
 * not there, or not whole yet.
 */
int bundle_read(enum bundle_kind kind, int directory_fd, const char *runtime, const char *id,
                struct container **ret_container, struct error *error);
