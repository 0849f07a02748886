/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A running daemon goes to a backup: what differs is one change, committed and published like any other, so that no
 * table is ever between the two. The registry keeps its id and its revision goes on; where it was not the
 * right one (guard.h) it is from then on, because a person chose what it holds.
 */
#pragma once

#include "base/error.h"
#include "registry/sqlite/sqlite_backup.h"

struct engine;
struct worker;

struct restore_end {
    const char *was;           /* what the registry was taken for before: "ok", ... */
    const char *aside;         /* the copy of what was there */
    struct backup_facts facts; /* of the backup */
    uint64_t revision;
};

/*
 * Checks and reads the backup at `path` on the worker, keeps a copy of the registry beside it, and makes the change. A
 * backup of another registry is refused (-EEXIST) unless `is_other_taken` or what runs is empty. `done`, once,
 * on the loop: `end` is NULL on failure, when nothing has changed. On failure of the call itself `done` is not
 * called.
 */
typedef void (*restore_fn)(int result, const struct restore_end *end, const struct error *error, void *user);
int registry_restore(struct engine *engine, struct worker *worker, const char *path, bool is_other_taken,
                     restore_fn done, void *user);
