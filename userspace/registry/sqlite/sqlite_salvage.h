/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A registry file that is damaged: put aside, never deleted, and what can be read of it into a new one. */
#pragma once

#include "registry/registry.h"

/* A name that nothing has: "PATH.WHY-20261128T145022Z", with a number behind it where that is taken. The caller
 * frees it. -EEXIST: 100 of this second are. */
int sqlite_registry_aside_name(const char *path, const char *why, char **ret_name);

/*
 * Renames the file with what SQLite keeps beside it to PATH.damaged-TIME; nobody may have it open. The caller
 * frees *ret_aside, the new path.
 */
int sqlite_registry_set_aside(const char *path, char **ret_aside, struct error *error);

/*
 * Commits to `registry` the rows of the file that can be read, from the front and from the back up to where
 * it is damaged, but not those below "registry/", which are about the old one. *ret_n: how many; 0 also where
 * it is no database at all.
 */
int sqlite_registry_salvage(const char *aside, struct registry *registry, size_t *ret_n, struct error *error);

/*
 * Copies the log of a registry that is open to PATH-wal.older-REVISION, unless that exists: what the log has
 * behind a damaged place is lost with the next write. Nothing to do without a log. Negative errno.
 */
int sqlite_registry_copy_log(const char *path, uint64_t revision);
