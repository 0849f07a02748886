/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Copies of a registry in one file, by whoever can open it: no daemon is needed, and one that runs is not in
 * the way. A backup is an SQLite file like a registry's, with nothing beside it, and may carry small files of
 * the state directory in a table of their own. Reading one does not change it.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "registry/registry.h"
#include "registry/verdict.h"

#define BACKUP_MAX_CARRIED (4u << 20) /* bytes of a carried file */

struct backup_facts {
    char id[REGISTRY_ID_SIZE]; /* "": it had none yet */
    char copy_of[REGISTRY_ID_SIZE];
    char restored_from[REGISTRY_ID_SIZE]; /* the id of the backup that this registry was last restored from */
    uint64_t revision;
    uint64_t rows; /* of the model: not a host's, not about the registry itself */
    uint64_t services;
    uint64_t instances;
};

/* A small file that goes along, under a name. */
struct backup_carried {
    const char *name;
    const char *path; /* left out if it does not exist */
};

/*
 * Writes what the registry at `path` holds now, as of one commit, to the file `to`, which may exist: it is
 * replaced when the copy is whole, checked and on disk, and has mode 0600 from its first moment. The caller
 * may be any process; a daemon that runs goes on committing. -ENOENT: there is no registry; -EUCLEAN: it is
 * damaged.
 */
int sqlite_backup_write(const char *path, const struct backup_carried *carried, const char *to,
                        struct backup_facts *ret_facts, struct error *error);

/* What the file says of itself. Does not look at every page. `shown` is what messages call it. */
int sqlite_backup_facts(const char *path, const char *shown, struct backup_facts *ret_facts,
                        struct error *error);

/*
 * Is it whole, a registry, of a format that this version reads, and every row one that it understands? Reads
 * all of it: some seconds for a million rows. -EINVAL: no registry; -ENOTSUP: of a newer version; -EUCLEAN:
 * damaged, or a row cannot be read. The error is the sentence.
 */
int sqlite_backup_check(const char *path, const char *shown, struct backup_facts *ret_facts,
                        struct error *error);

/* Is it of a registry with one of these ids, or of one that was restored or copied from such? "" is nobody's. */
bool sqlite_backup_is_of(const struct backup_facts *facts, const char *const ids[], size_t n);

/* All rows of the model, in key order. */
int sqlite_backup_read(const char *path, registry_row_fn on_row, void *user, struct error *error);

/* -ENOENT: nothing of that name was carried. The caller frees the text, which is NUL-terminated. */
int sqlite_backup_carried(const char *path, const char *name, char **ret_text, struct error *error);

enum backup_change {
    BACKUP_ADDS,
    BACKUP_CHANGES,
    BACKUP_REMOVES
};
typedef int (*backup_change_fn)(const char *key, enum backup_change change, void *user);

/* What restoring the backup would do to the registry at `registry`, in key order; no registry is an empty
 * one. */
int sqlite_backup_compare(const char *path, const char *registry, backup_change_fn on_change, void *user,
                          struct error *error);
