/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One table of rows, one of a revision; every commit is one transaction with statements prepared once.
 *
 * One thread at a time uses the connection: from begin to the end that is consumed the committer's thread,
 * which writes and waits for the disk; otherwise the owner's, which loads and counts (registry.c refuses both
 * while a commit is under way). The revision is the owner's alone to change, in end(), so it can be read at
 * any time.
 */
#include "registry/sqlite/sqlite_registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "registry/committer.h"
#include "registry/sqlite/sqlite_internal.h"

struct sqlite_registry {
    struct registry registry;
    struct committer committer;
    bool has_committer;
    const struct registry_commit *commit_under_way; /* the caller's */
    int outcome;                                    /* of that commit, once it has ended */
    struct error outcome_error;
    sqlite3 *database;
    sqlite3_stmt *begin;
    sqlite3_stmt *put;
    sqlite3_stmt *delete;
    sqlite3_stmt *bump;
    sqlite3_stmt *commit;
    uint64_t revision;
    char *path;
};

int sqlite_error_number(int code)
{
    return code == SQLITE_FULL                               ? ENOSPC
           : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? EUCLEAN
           : code == SQLITE_BUSY || code == SQLITE_LOCKED    ? ENOLCK
           : code == SQLITE_TOOBIG                           ? E2BIG
                                                             : EIO;
}

static int failed(const struct sqlite_registry *self, struct error *error, const char *doing)
{
    int code = self->database ? sqlite3_errcode(self->database) : SQLITE_NOMEM;
    int number = sqlite_error_number(code);

    return error_set(error, number, "registry %s: %s: %s%s", self->path, doing,
                     self->database ? sqlite3_errmsg(self->database) : "out of memory",
                     number == ENOLCK ? " (another process holds it); try again in a moment" : "");
}

static void sqlite_close(struct registry *registry)
{
    struct sqlite_registry *self = (struct sqlite_registry *)registry;

    if (self->has_committer)
        committer_done(&self->committer);
    sqlite3_finalize(self->begin);
    sqlite3_finalize(self->put);
    sqlite3_finalize(self->delete);
    sqlite3_finalize(self->bump);
    sqlite3_finalize(self->commit);
    (void)sqlite3_close(self->database);
    free(self->path);
    free(self);
}

static int sqlite_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                       struct error *error)
{
    struct sqlite_registry *self = (struct sqlite_registry *)registry;
    sqlite3_stmt *select = NULL;
    int r = 0;
    int code;

    /* No text begins with the byte 0xff, so all that begin with the prefix are below prefix and 0xff. */
    if (sqlite3_prepare_v2(self->database,
                           "SELECT key, value FROM rows WHERE key >= ?1 AND key < ?1 || CAST(x'ff' AS TEXT) "
                           "ORDER BY key",
                           -1, &select, NULL) != SQLITE_OK)
        return failed(self, error, "reading");
    if (sqlite3_bind_text(select, 1, prefix, -1, SQLITE_STATIC) != SQLITE_OK) {
        sqlite3_finalize(select);
        return failed(self, error, "reading");
    }
    while ((code = sqlite3_step(select)) == SQLITE_ROW && r == 0)
        r = on_row((const char *)sqlite3_column_text(select, 0), (const char *)sqlite3_column_text(select, 1),
                   user);
    if (r == 0 && code != SQLITE_DONE)
        r = failed(self, error, "reading");
    sqlite3_finalize(select);
    return r;
}

/* Runs a prepared statement that returns no rows; 0 or -EIO. */
static int sqlite_registry_run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -EIO;
}

static int write_row(struct sqlite_registry *self, const struct registry_row *row)
{
    sqlite3_stmt *statement = row->value ? self->put : self->delete;

    if (sqlite3_bind_text(statement, 1, row->key, -1, SQLITE_STATIC) != SQLITE_OK)
        return -EIO;
    if (row->value && sqlite3_bind_text(statement, 2, row->value, -1, SQLITE_STATIC) != SQLITE_OK)
        return -EIO;
    return sqlite_registry_run(statement);
}

static int write_commit(struct sqlite_registry *self, const struct registry_commit *commit,
                        struct error *error)
{
    int r = sqlite_registry_run(self->begin);

    for (size_t i = 0; i < commit->n_rows && r == 0; i++)
        r = write_row(self, &commit->rows[i]);
    if (r == 0) {
        (void)sqlite3_bind_int64(self->bump, 1, (sqlite3_int64)(self->revision + 1));
        r = sqlite_registry_run(self->bump);
    }
    if (r == 0)
        r = sqlite_registry_run(self->commit);
    if (r < 0) {
        r = failed(self, error, "writing");
        (void)sqlite3_exec(self->database, "ROLLBACK", NULL, NULL, NULL);
    }
    return r;
}

/* In the committer's thread. */
static void work(void *user)
{
    struct sqlite_registry *self = user;

    self->outcome = write_commit(self, self->commit_under_way, &self->outcome_error);
}

static int sqlite_begin(struct registry *registry, const struct registry_commit *commit, struct error *error)
{
    struct sqlite_registry *self = (struct sqlite_registry *)registry;
    int r;

    self->commit_under_way = commit;
    r = committer_hand_over(&self->committer);
    /* Not by its own number: EAGAIN would say that the commit met another one. */
    if (r < 0)
        return error_set(error, ENOMEM, "registry %s: no thread to write with: %s; raise the limit of tasks",
                         self->path, strerror(-r));
    return 0;
}

static int sqlite_fd(const struct registry *registry)
{
    return ((const struct sqlite_registry *)registry)->committer.fd;
}

static void sqlite_wait(struct registry *registry)
{
    committer_wait(&((struct sqlite_registry *)registry)->committer);
}

static int sqlite_end(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    struct sqlite_registry *self = (struct sqlite_registry *)registry;

    if (!committer_take_back(&self->committer))
        return error_set(error, EINPROGRESS, "registry %s: the commit has not ended", self->path);
    self->commit_under_way = NULL;
    if (self->outcome == 0)
        *ret_revision = ++self->revision;
    else if (error)
        *error = self->outcome_error;
    return self->outcome;
}

static uint64_t sqlite_revision(const struct registry *registry)
{
    return ((const struct sqlite_registry *)registry)->revision;
}

static const char *sqlite_location(const struct registry *registry)
{
    return ((const struct sqlite_registry *)registry)->path;
}

static uint64_t sqlite_count(const struct registry *registry);

static const struct registry_backend sqlite_backend = {
    .name = "sqlite",
    .load = sqlite_load,
    .count = sqlite_count,
    .begin = sqlite_begin,
    .fd = sqlite_fd,
    .wait = sqlite_wait,
    .end = sqlite_end,
    .revision = sqlite_revision,
    .location = sqlite_location,
    .close = sqlite_close,
};

static int sqlite_registry_read_number(struct sqlite_registry *self, const char *sql, uint64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int r = -EIO;

    if (sqlite3_prepare_v2(self->database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        *ret_number = (uint64_t)sqlite3_column_int64(statement, 0);
        r = 0;
    }
    sqlite3_finalize(statement);
    return r;
}

static uint64_t sqlite_count(const struct registry *registry)
{
    uint64_t count = 0;

    (void)sqlite_registry_read_number((struct sqlite_registry *)registry, "SELECT count(*) FROM rows",
                                      &count);
    return count;
}

static int make_schema(struct sqlite_registry *self, struct error *error)
{
    uint64_t version = 0;

    if (sqlite3_exec(self->database,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000;"
                     "PRAGMA trusted_schema=OFF;",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite_registry_read_number(self, "PRAGMA user_version", &version) < 0)
        return failed(self, error, "opening");
    if (version > SQLITE_REGISTRY_FORMAT)
        return error_set(
            error, ENOTSUP,
            "registry %s was written by a newer svcconnectd (format %d, this one reads %d): use that one",
            self->path, (int)version, SQLITE_REGISTRY_FORMAT);
    if (version == SQLITE_REGISTRY_FORMAT)
        return 0;
    if (sqlite3_exec(self->database,
                     "BEGIN IMMEDIATE;"
                     "CREATE TABLE rows (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
                     "CREATE TABLE revision (number INTEGER NOT NULL);"
                     "INSERT INTO revision VALUES (0);"
                     "PRAGMA user_version=1;"
                     "COMMIT",
                     NULL, NULL, NULL) != SQLITE_OK)
        return failed(self, error, "creating");
    return 0;
}

static int prepare_statements(struct sqlite_registry *self, struct error *error)
{
    struct {
        const char *sql;
        sqlite3_stmt **statement;
    } const all[] = {
        {"BEGIN IMMEDIATE", &self->begin},
        {"INSERT INTO rows VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
         &self->put},
        {"DELETE FROM rows WHERE key = ?1", &self->delete},
        {"UPDATE revision SET number = ?1", &self->bump},
        {"COMMIT", &self->commit},
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (sqlite3_prepare_v3(self->database, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].statement,
                               NULL) != SQLITE_OK)
            return failed(self, error, "preparing");
    return 0;
}

/*
 * SQLite would create it by the umask; its -wal and -shm files take the mode of this one. Closed again before
 * SQLite opens it: a later close of any descriptor of the file would drop the locks that keep others from the
 * log.
 */
static int create_file(const char *path, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_errno(error, errno, "registry %s", path);
    (void)close(fd);
    return 0;
}

int sqlite_registry_open(const char *path, struct registry **ret_registry, struct error *error)
{
    struct sqlite_registry *self = calloc(1, sizeof(*self));
    int r;

    if (!self)
        return error_set(error, ENOMEM, "out of memory");
    self->registry.backend = &sqlite_backend;
    self->path = strdup(path);
    if (!self->path) {
        sqlite_close(&self->registry);
        return error_set(error, ENOMEM, "out of memory");
    }
    r = committer_init(&self->committer, work, self);
    self->has_committer = r == 0;
    if (r < 0)
        r = error_errno(error, r, "registry %s", path);
    else
        r = create_file(path, error);
    if (r < 0) {
        sqlite_close(&self->registry);
        return r;
    }
    /* One thread at a time is our rule; SQLite's own mutexes keep a mistake of ours from becoming a torn
     * file. */
    if (sqlite3_open_v2(path, &self->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) !=
        SQLITE_OK)
        r = failed(self, error, "opening");
    else
        r = make_schema(self, error);
    if (r == 0)
        r = prepare_statements(self, error);
    if (r == 0 && sqlite_registry_read_number(self, "SELECT number FROM revision", &self->revision) < 0)
        r = failed(self, error, "reading");
    if (r < 0) {
        sqlite_close(&self->registry);
        return r;
    }
    *ret_registry = &self->registry;
    return 0;
}
