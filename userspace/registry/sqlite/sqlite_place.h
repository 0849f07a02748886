/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A backup becomes the registry while no daemon runs. Whoever calls this holds the state directory's lock. */
#pragma once

#include "registry/sqlite/sqlite_backup.h"

/* What a registry was restored from is written where the next start finds it: that one takes it for the right
 * one whatever is published (engine/guard), because a person said so. */
#define REGISTRY_RESTORED_ROW "registry/restored"

/*
 * Moves the checked backup `file`, which is in the directory of the registry at `path`, into that one's place; `facts`
 * are the backup's. Its history is a new one: another id, and a revision beyond both. What was there stays
 * beside it as *ret_aside (the caller frees it; NULL: there was nothing): one file where it could be read, else the files as they were. A
 * death at any moment leaves the one or the other whole. -EBUSY: somebody has the registry open.
 */
int sqlite_registry_place(const char *file, const struct backup_facts *facts, const char *path,
                          char **ret_aside, struct error *error);
