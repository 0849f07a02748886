/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/sqlite/sqlite_salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MOST_NAMES 100 /* of one second */

int sqlite_registry_aside_name(const char *path, const char *why, char **ret_name)
{
    time_t now = time(NULL);
    struct tm parts;
    char text[32];

    if (!gmtime_r(&now, &parts) || !strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts))
        return -EINVAL;
    for (int number = 0; number < MOST_NAMES; number++) {
        char *name;
        int length = number ? asprintf(&name, "%s.%s-%s-%d", path, why, text, number)
                            : asprintf(&name, "%s.%s-%s", path, why, text);

        if (length < 0)
            return -ENOMEM;
        if (access(name, F_OK) < 0 && errno == ENOENT) {
            *ret_name = name;
            return 0;
        }
        free(name);
    }
    return -EEXIST;
}

int sqlite_registry_set_aside(const char *path, char **ret_aside, struct error *error)
{
    /* The file itself last: a death in between leaves a damaged file in its place, and the next start goes
     * on. */
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    _cleanup_free_ char *aside = NULL;
    int r = sqlite_registry_aside_name(path, "damaged", &aside);

    for (size_t i = 0; i < ARRAY_SIZE(suffixes) && r == 0; i++) {
        char from[PATH_MAX];
        char to[PATH_MAX];

        (void)snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
        (void)snprintf(to, sizeof(to), "%s%s", aside, suffixes[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            r = -errno;
    }
    if (r < 0)
        return error_errno(error, r, "registry %s is damaged and cannot be put aside", path);
    *ret_aside = TAKE_PTR(aside);
    return 0;
}

struct salvage {
    struct registry_row *rows;
    size_t n;
    size_t capacity;
};

static void salvage_done(struct salvage *salvage)
{
    for (size_t i = 0; i < salvage->n; i++) {
        free(salvage->rows[i].key);
        free(salvage->rows[i].value);
    }
    free(salvage->rows);
}

static int sqlite_salvage_add_row(struct salvage *salvage, const char *key, const char *value)
{
    struct registry_row *row;

    if (!key || !value || strncmp(key, "registry/", 9) == 0)
        return 0;
    if (salvage->n == salvage->capacity) {
        size_t capacity = salvage->capacity ? salvage->capacity * 2 : 256;
        struct registry_row *larger = realloc(salvage->rows, capacity * sizeof(*larger));

        if (!larger)
            return -ENOMEM;
        salvage->rows = larger;
        salvage->capacity = capacity;
    }
    row = &salvage->rows[salvage->n];
    *row = (struct registry_row){strdup(key), strdup(value)};
    salvage->n++;
    return row->key && row->value ? 0 : -ENOMEM;
}

/* Up to the first place that cannot be read. 1: there was none; 0; -ENOMEM. */
static int read_rows(sqlite3 *database, const char *sql, struct salvage *salvage)
{
    sqlite3_stmt *select = NULL;
    int code = sqlite3_prepare_v2(database, sql, -1, &select, NULL);
    int r = 0;

    while (code == SQLITE_OK && r == 0 && sqlite3_step(select) == SQLITE_ROW)
        r = sqlite_salvage_add_row(salvage, (const char *)sqlite3_column_text(select, 0),
                                   (const char *)sqlite3_column_text(select, 1));
    if (r == 0 && code == SQLITE_OK && sqlite3_errcode(database) == SQLITE_DONE)
        r = 1;
    sqlite3_finalize(select);
    return r;
}

int sqlite_registry_salvage(const char *aside, struct registry *registry, size_t *ret_n, struct error *error)
{
    _cleanup_(salvage_done) struct salvage salvage = {0};
    sqlite3 *database = NULL;
    uint64_t revision;
    int r = 0;

    if (sqlite3_open_v2(aside, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        r = read_rows(database, "SELECT key, value FROM rows ORDER BY key", &salvage);
        if (r == 0)
            r = read_rows(database, "SELECT key, value FROM rows ORDER BY key DESC", &salvage);
    }
    (void)sqlite3_close(database);
    if (r < 0)
        return error_errno(error, r, "reading %s", aside);
    *ret_n = salvage.n;
    return salvage.n ? registry_commit(registry, salvage.rows, salvage.n, &revision, error) : 0;
}

static int copy(int from, int to)
{
    char buffer[1 << 16];

    for (;;) {
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n <= 0)
            return n < 0 ? -errno : fsync(to) < 0 ? -errno : 0;
        if (write(to, buffer, (size_t)n) != n)
            return -EIO;
    }
}

int sqlite_registry_copy_log(const char *path, uint64_t revision)
{
    _cleanup_close_ int from = -1;
    _cleanup_close_ int to = -1;
    char name[PATH_MAX];
    int r;

    (void)snprintf(name, sizeof(name), "%s-wal", path);
    from = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return errno == ENOENT ? 0 : -errno;
    (void)snprintf(name, sizeof(name), "%s-wal.older-%" PRIu64, path, revision);
    to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return errno == EEXIST ? 0 : -errno;
    r = copy(from, to);
    if (r < 0)
        (void)unlink(name);
    return r;
}
