/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/sqlite/sqlite_place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "registry/sqlite/sqlite_salvage.h"

/*
 * All of the log into the file, and the log away: beside another file of the same name SQLite would take it for that
 * one's. 1: it cannot be read as it is.
 */
static int fold_log(const char *path, uint64_t *ret_revision, struct error *error)
{
    struct backup_facts facts = {0};
    sqlite3 *database = NULL;
    char log[4096];
    int code;
    int r = sqlite_backup_facts(path, path, &facts, NULL);

    if (r < 0)
        return 1;
    code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE", NULL, NULL,
                            NULL);
    (void)sqlite3_close(database);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return error_set(error, EBUSY, "%s is open elsewhere", path);
    (void)snprintf(log, sizeof(log), "%s-wal", path);
    if (code != SQLITE_OK || access(log, F_OK) == 0)
        return 1;
    *ret_revision = facts.revision;
    return 0;
}

/* A second name for what is there, so that the rename replaces it and still nothing is lost. */
static int keep_beside(const char *path, uint64_t *ret_revision, char **ret_aside, struct error *error)
{
    _cleanup_free_ char *aside = NULL;
    int r;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    r = fold_log(path, ret_revision, error);
    if (r == 1)
        return sqlite_registry_set_aside(path, ret_aside, error);
    if (r == 0)
        r = sqlite_registry_aside_name(path, "before", &aside);
    if (r == 0 && link(path, aside) < 0)
        r = -errno;
    if (r == 0)
        *ret_aside = TAKE_PTR(aside);
    else if (error && !error->number)
        (void)error_errno(error, r, "%s", path);
    return r;
}

/* The id is 32 hexadecimal digits that SQLite draws. */
static int write_history(const char *file, const struct backup_facts *facts, uint64_t revision,
                         struct error *error)
{
    static const char format[] =
        "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; BEGIN IMMEDIATE;"
        "DROP TABLE IF EXISTS files; DELETE FROM rows WHERE key = 'registry/damaged';"
        "INSERT INTO rows VALUES ('registry/id', json_object('id', lower(hex(randomblob(16))), "
        "'restoredFrom', '%s'))"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value;"
        "INSERT INTO rows VALUES ('" REGISTRY_RESTORED_ROW "', json_object('revision', %" PRIu64 "))"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value;"
        "UPDATE revision SET number = %" PRIu64 "; COMMIT";
    sqlite3 *database = NULL;
    char *sql = NULL;
    /* Ids are digits; whatever else a file says is not put into a statement. */
    const char *id = facts->id[strspn(facts->id, "0123456789abcdef")] ? "" : facts->id;
    int r = 0;

    if (asprintf(&sql, format, id, facts->revision, revision) < 0)
        return error_errno(error, ENOMEM, "%s", file);
    if (sqlite3_open_v2(file, &database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        r = error_set(error, EIO, "%s: writing: %s", file,
                      database ? sqlite3_errmsg(database) : "out of memory");
    (void)sqlite3_close(database);
    free(sql);
    return r;
}

int sqlite_registry_place(const char *file, const struct backup_facts *facts, const char *path,
                          char **ret_aside, struct error *error)
{
    _cleanup_free_ char *aside = NULL;
    uint64_t revision = 0;
    int r = keep_beside(path, &revision, &aside, error);

    if (r == 0)
        r = write_history(file, facts, (revision > facts->revision ? revision : facts->revision) + 1, error);
    if (r == 0 && rename(file, path) < 0)
        r = error_errno(error, errno, "%s", path);
    if (r == 0 && (r = file_sync_directory_of(path)) < 0)
        (void)error_errno(error, r, "%s", path);
    if (r == 0)
        *ret_aside = TAKE_PTR(aside);
    return r;
}
