/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Copies of the registry: written while it is in use, checked before it is believed, and read row by row. Long because what
 * makes a file a backup is known here alone, to who writes one and to who reads it.
 */
#include "registry/sqlite/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "registry/rows.h"
#include "registry/sqlite/sqlite_internal.h"

/* Rows of the model alone: what another host numbered, what a registry says about itself, and what was done to it,
 * stays there. */
#define OF_THE_MODEL                                                                                         \
    "key NOT GLOB 'host/*' AND key NOT GLOB 'registry/*' AND key NOT GLOB 'damaged/*' AND key NOT GLOB "     \
    "'history/*'"

/* ---- SQLite ---- */

static void close_database(sqlite3 **database)
{
    (void)sqlite3_close(*database);
}

#define _cleanup_database_ _cleanup_(close_database)

static int say(sqlite3 *database, const char *shown, const char *doing, struct error *error)
{
    int code = database ? sqlite3_errcode(database) : SQLITE_NOMEM;

    if (code == SQLITE_NOTADB)
        return error_set(error, EINVAL, "%s is no registry and no backup of one: it is not an SQLite file",
                         shown);
    return error_set(error, sqlite_error_number(code), "%s: %s: %s", shown, doing,
                     database ? sqlite3_errmsg(database) : "out of memory");
}

/* Not made if it is missing. Read and write, because a reader of a log may have to put it right. */
static int open_database(const char *path, const char *shown, sqlite3 **ret_database, struct error *error)
{
    sqlite3 *database = NULL;
    int r = 0;

    if (access(path, F_OK) < 0)
        return error_errno(error, errno, "%s", shown);
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(database, "PRAGMA trusted_schema=OFF; PRAGMA busy_timeout=10000;", NULL, NULL, NULL) !=
            SQLITE_OK)
        r = say(database, shown, "opening", error);
    if (r < 0)
        (void)sqlite3_close(database);
    else
        *ret_database = database;
    return r;
}

static int prepare(sqlite3 *database, const char *sql, const char *shown, sqlite3_stmt **ret,
                   struct error *error)
{
    return sqlite3_prepare_v2(database, sql, -1, ret, NULL) == SQLITE_OK
               ? 0
               : say(database, shown, "reading", error);
}

static int backup_number(sqlite3 *database, const char *sql, const char *shown, uint64_t *ret_number,
                         struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int r = prepare(database, sql, shown, &statement, error);

    if (r == 0 && sqlite3_step(statement) == SQLITE_ROW)
        *ret_number = (uint64_t)sqlite3_column_int64(statement, 0);
    else if (r == 0)
        r = say(database, shown, "reading", error);
    sqlite3_finalize(statement);
    return r;
}

/* ---- what it says of itself ---- */

static void copy_id(const cJSON *json, const char *name, char to[static REGISTRY_ID_SIZE])
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

    (void)snprintf(to, REGISTRY_ID_SIZE, "%s", text ? text : "");
}

static int read_ids(sqlite3 *database, const char *shown, struct backup_facts *facts, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    sqlite3_stmt *statement = NULL;
    int r = prepare(database, "SELECT value FROM rows WHERE key = 'registry/id'", shown, &statement, error);

    if (r == 0 && sqlite3_step(statement) == SQLITE_ROW)
        json = cJSON_Parse((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    copy_id(json, "id", facts->id);
    copy_id(json, "copyOf", facts->copy_of);
    copy_id(json, "restoredFrom", facts->restored_from);
    return r;
}

static int read_facts(sqlite3 *database, const char *shown, struct backup_facts *facts, struct error *error)
{
    uint64_t version = 0;
    uint64_t tables = 0;
    int r = backup_number(database, "PRAGMA user_version", shown, &version, error);

    if (r == 0)
        r = backup_number(
            database,
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('rows', 'revision')", shown,
            &tables, error);
    if (r < 0)
        return r;
    if (version > SQLITE_REGISTRY_FORMAT)
        return error_set(
            error, ENOTSUP,
            "%s was written by a newer svcconnectd (format %llu, this one reads %d): use that one", shown,
            (unsigned long long)version, SQLITE_REGISTRY_FORMAT);
    if (version != SQLITE_REGISTRY_FORMAT || tables != 2)
        return error_set(error, EINVAL, "%s is an SQLite file, but no registry of svcconnect", shown);
    r = backup_number(database, "SELECT number FROM revision", shown, &facts->revision, error);
    if (r == 0)
        r = backup_number(database, "SELECT count(*) FROM rows WHERE " OF_THE_MODEL, shown, &facts->rows,
                          error);
    if (r == 0)
        r = backup_number(database, "SELECT count(*) FROM rows WHERE key GLOB 'services/*'", shown,
                          &facts->services, error);
    if (r == 0)
        r = backup_number(database, "SELECT count(*) FROM rows WHERE key GLOB 'instances/*'", shown,
                          &facts->instances, error);
    return r < 0 ? r : read_ids(database, shown, facts, error);
}

int sqlite_backup_facts(const char *path, const char *shown, struct backup_facts *ret_facts,
                        struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    struct backup_facts facts = {0};
    int r = open_database(path, shown, &database, error);

    if (r == 0)
        r = read_facts(database, shown, &facts, error);
    if (r == 0)
        *ret_facts = facts;
    return r;
}

bool sqlite_backup_is_of(const struct backup_facts *facts, const char *const ids[], size_t n)
{
    const char *const of[] = {facts->id, facts->copy_of, facts->restored_from};

    for (size_t i = 0; i < ARRAY_SIZE(of); i++)
        for (size_t j = 0; j < n; j++)
            if (*of[i] && strcmp(of[i], ids[j]) == 0)
                return true;
    return false;
}

/* ---- checking ---- */

static int check_integrity(sqlite3 *database, const char *shown, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    const char *text;
    int r = prepare(database, "PRAGMA integrity_check(1)", shown, &statement, error);

    if (r == 0 && sqlite3_step(statement) != SQLITE_ROW)
        r = say(database, shown, "checking", error);
    text = r == 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (r == 0 && (!text || strcmp(text, "ok") != 0))
        r = error_set(error, EUCLEAN, "%s is damaged: %.200s", shown, text ? text : "");
    sqlite3_finalize(statement);
    return r;
}

struct check {
    struct catalog *catalog;
    const char *shown;
    struct error *error;
};

/* As a start would read it, into a catalog that nobody has. */
static int check_row(const char *key, const char *value, void *user)
{
    const struct check *check = user;
    struct error reason = {0};
    int r = key && value ? row_apply(check->catalog, key, value, &reason) : -EINVAL;

    if (r == 0 || r == -ENOMEM)
        return r < 0 ? error_errno(check->error, r, "%s", check->shown) : 0;
    return error_set(check->error, EUCLEAN, "%s: row %.200s cannot be read: %.300s", check->shown,
                     key ? key : "(none)", reason.message);
}

static int sqlite_backup_rows(sqlite3 *database, const char *shown, registry_row_fn on_row, void *user,
                              struct error *error)
{
    sqlite3_stmt *select = NULL;
    int code = SQLITE_DONE;
    int r = prepare(database, "SELECT key, value FROM rows WHERE " OF_THE_MODEL " ORDER BY key", shown,
                    &select, error);

    while (r == 0 && (code = sqlite3_step(select)) == SQLITE_ROW)
        r = on_row((const char *)sqlite3_column_text(select, 0), (const char *)sqlite3_column_text(select, 1),
                   user);
    if (r == 0 && code != SQLITE_DONE)
        r = say(database, shown, "reading", error);
    sqlite3_finalize(select);
    return r;
}

int sqlite_backup_check(const char *path, const char *shown, struct backup_facts *ret_facts,
                        struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    struct backup_facts facts = {0};
    struct check check = {catalog_new(), shown, error};
    int r = check.catalog ? open_database(path, shown, &database, error)
                          : error_errno(error, ENOMEM, "%s", shown);

    if (r == 0)
        r = read_facts(database, shown, &facts, error);
    if (r == 0)
        r = check_integrity(database, shown, error);
    if (r == 0)
        r = sqlite_backup_rows(database, shown, check_row, &check, error);
    catalog_free(&check.catalog);
    if (r == 0)
        *ret_facts = facts;
    return r;
}

int sqlite_backup_read(const char *path, registry_row_fn on_row, void *user, struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    int r = open_database(path, path, &database, error);

    return r < 0 ? r : sqlite_backup_rows(database, path, on_row, user, error);
}

/* ---- what goes along ---- */

static int carry(sqlite3 *database, const char *shown, const struct backup_carried *carried,
                 struct error *error)
{
    _cleanup_free_ char *text = NULL;
    sqlite3_stmt *insert = NULL;
    size_t length = 0;
    int r = file_read(carried->path, BACKUP_MAX_CARRIED, &text, &length);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_errno(error, r, "%s", carried->path);
    if (sqlite3_exec(
            database,
            "PRAGMA journal_mode=MEMORY; CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB NOT NULL)",
            NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(database, "INSERT INTO files VALUES (?1, ?2)", -1, &insert, NULL) != SQLITE_OK ||
        sqlite3_bind_text(insert, 1, carried->name, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_blob(insert, 2, text, (int)length, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(insert) != SQLITE_DONE)
        r = say(database, shown, "writing", error);
    sqlite3_finalize(insert);
    explicit_bzero(text, length);
    return r;
}

int sqlite_backup_carried(const char *path, const char *name, char **ret_text, struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    sqlite3_stmt *select = NULL;
    char *text = NULL;
    int r = open_database(path, path, &database, error);

    if (r < 0)
        return r;
    /* A backup that carries nothing has no such table. */
    if (sqlite3_prepare_v2(database, "SELECT content FROM files WHERE name = ?1", -1, &select, NULL) !=
        SQLITE_OK)
        return error_set(error, ENOENT, "%s: no file %s in it", path, name);
    (void)sqlite3_bind_text(select, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(select) != SQLITE_ROW)
        r = error_set(error, ENOENT, "%s: no file %s in it", path, name);
    else
        text = strndup(sqlite3_column_blob(select, 0), (size_t)sqlite3_column_bytes(select, 0));
    sqlite3_finalize(select);
    if (r == 0 && !text)
        r = error_errno(error, ENOMEM, "%s", path);
    if (r == 0)
        *ret_text = text;
    return r;
}

/* ---- writing ---- */

static int vacuum_into(const char *path, const char *to, struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    sqlite3_stmt *vacuum = NULL;
    int r = open_database(path, path, &database, error);

    if (r < 0)
        return r;
    if (sqlite3_prepare_v2(database, "VACUUM INTO ?1", -1, &vacuum, NULL) != SQLITE_OK ||
        sqlite3_bind_text(vacuum, 1, to, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(vacuum) != SQLITE_DONE)
        r = say(database, path, "copying", error);
    sqlite3_finalize(vacuum);
    return r;
}

static int complete(const char *file, const char *shown, const struct backup_carried *carried,
                    struct backup_facts *facts, struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    int r = open_database(file, shown, &database, error);

    if (r == 0)
        r = check_integrity(database, shown, error);
    if (r == 0)
        r = read_facts(database, shown, facts, error);
    /* What is about a start of the one that was copied. */
    if (r == 0 &&
        sqlite3_exec(database, "PRAGMA journal_mode=MEMORY; DELETE FROM rows WHERE key = 'registry/restored'",
                     NULL, NULL, NULL) != SQLITE_OK)
        r = say(database, shown, "writing", error);
    return r == 0 && carried ? carry(database, shown, carried, error) : r;
}

int sqlite_backup_write(const char *path, const struct backup_carried *carried, const char *to,
                        struct backup_facts *ret_facts, struct error *error)
{
    _cleanup_free_ char *new = NULL;
    _cleanup_close_ int fd = -1;
    struct backup_facts facts = {0};
    int r;

    if (asprintf(&new, "%s.new-XXXXXX", to) < 0)
        return error_errno(error, ENOMEM, "%s", to);
    fd = mkostemp(new, O_CLOEXEC); /* mode 0600; SQLite writes into an empty file */
    if (fd < 0)
        return error_errno(error, errno, "%s", to);
    r = vacuum_into(path, new, error);
    if (r == 0)
        r = complete(new, to, carried, &facts, error);
    if (r == 0 && (fsync(fd) < 0 || rename(new, to) < 0))
        r = error_errno(error, errno, "%s", to);
    if (r < 0)
        (void)unlink(new);
    else
        r = file_sync_directory_of(to);
    if (r == 0)
        *ret_facts = facts;
    return r < 0 && error && !error->number ? error_errno(error, r, "%s", to) : r;
}

/* ---- comparing ---- */

#define MODEL_OF(alias) "(SELECT key, value FROM " alias ".rows WHERE " OF_THE_MODEL ")"

static const char differences[] =
    "SELECT b.key, CASE WHEN r.key IS NULL THEN 0 ELSE 1 END FROM " MODEL_OF("main") " b LEFT JOIN " MODEL_OF(
        "theirs") " r ON r.key = b.key WHERE r.key IS NULL OR r.value <> b.value"
                  " UNION ALL SELECT r.key, 2 FROM " MODEL_OF(
                      "theirs") " r WHERE NOT EXISTS (SELECT 1 FROM main.rows b WHERE b.key = r.key)"
                                " ORDER BY 1";

static int each_new(const char *key, const char *value, void *user)
{
    const struct {
        backup_change_fn on_change;
        void *user;
    } *to = user;

    (void)value;
    return to->on_change(key, BACKUP_ADDS, to->user);
}

int sqlite_backup_compare(const char *path, const char *registry, backup_change_fn on_change, void *user,
                          struct error *error)
{
    _cleanup_database_ sqlite3 *database = NULL;
    sqlite3_stmt *select = NULL;
    int code = SQLITE_DONE;
    int r = open_database(path, path, &database, error);

    if (r < 0)
        return r;
    if (access(registry, F_OK) < 0 && errno == ENOENT) {
        struct {
            backup_change_fn on_change;
            void *user;
        } to = {on_change, user};

        return sqlite_backup_rows(database, path, each_new, &to, error);
    }
    if (sqlite3_prepare_v2(database, "ATTACH ?1 AS theirs", -1, &select, NULL) != SQLITE_OK ||
        sqlite3_bind_text(select, 1, registry, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(select) != SQLITE_DONE)
        r = say(database, registry, "opening", error);
    sqlite3_finalize(select);
    select = NULL;
    if (r == 0)
        r = prepare(database, differences, registry, &select, error);
    while (r == 0 && (code = sqlite3_step(select)) == SQLITE_ROW)
        r = on_change((const char *)sqlite3_column_text(select, 0),
                      (enum backup_change)sqlite3_column_int(select, 1), user);
    if (r == 0 && code != SQLITE_DONE)
        r = say(database, registry, "reading", error);
    sqlite3_finalize(select);
    return r;
}
