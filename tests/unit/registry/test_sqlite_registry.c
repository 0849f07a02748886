/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is SQLite's own: files, formats, locks. What all backends share is in test_registry.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "registry/sqlite/sqlite_registry.h"

#define ROW(key, value) ((struct registry_row){(char *)(key), (char *)(value)})

static char directory[64];
static char database[96];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/svc-registry-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(database, sizeof(database), "%s/registry.db", directory);
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", "-link"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", database, suffixes[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

static struct registry *opened(void)
{
    struct registry *registry = NULL;
    struct error error = {0};

    if (sqlite_registry_open(database, &registry, &error) != 0)
        fail_msg("%s", error.message);
    return registry;
}

static uint64_t committed(struct registry *registry, const char *key, const char *value)
{
    const struct registry_row row = ROW(key, value);
    struct error error = {0};
    uint64_t revision = 0;

    if (registry_commit(registry, &row, 1, &revision, &error) != 0)
        fail_msg("%s", error.message);
    return revision;
}

static int append(const char *key, const char *value, void *user)
{
    char *text = user;

    (void)snprintf(text + strlen(text), 512 - strlen(text), "%s=%s;", key, value);
    return 0;
}

/* All rows as "key=value;" in the order they come, in a static buffer. */
static const char *rows_of(struct registry *registry)
{
    static char text[512];
    struct error error = {0};

    text[0] = '\0';
    assert_int_equal(registry_load(registry, "", append, text, &error), 0);
    return text;
}

static unsigned mode_of(const char *suffix)
{
    char path[128];
    struct stat info;

    (void)snprintf(path, sizeof(path), "%s%s", database, suffix);
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

/* Another connection, as an operator's sqlite3 would make one. */
static void run_sql(sqlite3 *other, const char *sql)
{
    if (sqlite3_exec(other, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(other));
}

static sqlite3 *other_connection(void)
{
    sqlite3 *other = NULL;

    assert_int_equal(sqlite3_open(database, &other), SQLITE_OK);
    return other;
}

static void write_file(const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(database, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static void test_files_are_the_owners_alone(void **state)
{
    mode_t mask = umask(0);
    struct registry *registry = opened();

    (void)state;
    (void)committed(registry, "namespaces/ns", "{}");
    (void)umask(mask);
    assert_int_equal(mode_of(""), 0600);
    assert_int_equal(mode_of("-wal"), 0600);
    assert_int_equal(mode_of("-shm"), 0600);
    assert_string_equal(registry_location(registry), database);
    registry_close(&registry);
    assert_null(registry);
    registry_close(&registry);
}

/* A row that the database refuses, in the middle: nothing of that commit stays, and the next one works. */
static void test_commit_is_all_or_nothing(void **state)
{
    const struct registry_row rows[] = {ROW("new", "1"), ROW("old", NULL), ROW("refused", "1"),
                                        ROW("z", "1")};
    struct registry *registry = opened();
    sqlite3 *other = other_connection();
    struct error error = {0};
    uint64_t revision = 99;

    (void)state;
    (void)committed(registry, "old", "1");
    run_sql(other, "CREATE TRIGGER t BEFORE INSERT ON rows WHEN NEW.key = 'refused' BEGIN SELECT "
                   "RAISE(ABORT, 'no'); END");
    sqlite3_close(other);
    assert_int_equal(registry_commit(registry, rows, ARRAY_SIZE(rows), &revision, &error), -EIO);
    assert_non_null(strstr(error.message, database));
    assert_int_equal(revision, 99);
    assert_int_equal(registry_revision(registry), 1);
    assert_string_equal(rows_of(registry), "old=1;");
    assert_int_equal(committed(registry, "next", "1"), 2);
    registry_close(&registry);
    registry = opened();
    assert_int_equal(registry_revision(registry), 2);
    assert_string_equal(rows_of(registry), "next=1;old=1;");
    registry_close(&registry);
}

static void test_newer_format_is_refused(void **state)
{
    struct registry *registry = opened();
    struct error error = {0};
    sqlite3 *other;

    (void)state;
    (void)committed(registry, "a", "1");
    registry_close(&registry);
    other = other_connection();
    run_sql(other, "PRAGMA user_version = 2");
    assert_int_equal(sqlite_registry_open(database, &registry, &error), -ENOTSUP);
    assert_int_equal(error.number, ENOTSUP);
    assert_non_null(strstr(error.message, "newer"));
    assert_null(registry);
    run_sql(other, "PRAGMA user_version = 1");
    sqlite3_close(other);
    registry = opened();
    assert_string_equal(rows_of(registry), "a=1;");
    registry_close(&registry);
}

static void test_not_a_database(void **state)
{
    const char *text =
        "This file has been something else for a long time, and longer than one hundred bytes, so that "
        "nobody takes it for an empty database.\n";
    _cleanup_free_ char *after = NULL;
    struct registry *registry = NULL;
    struct error error = {0};

    (void)state;
    write_file(text);
    assert_int_equal(sqlite_registry_open(database, &registry, &error), -EUCLEAN);
    assert_non_null(strstr(error.message, database));
    assert_null(registry);
    assert_int_equal(file_read(database, 4096, &after, NULL), 0);
    assert_string_equal(after, text);
}

static void test_paths_that_cannot_be_opened(void **state)
{
    char target[128];
    struct registry *registry = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(sqlite_registry_open(directory, &registry, &error), -EISDIR);
    (void)snprintf(target, sizeof(target), "%s/missing/registry.db", directory);
    assert_int_equal(sqlite_registry_open(target, &registry, &error), -ENOENT);
    assert_non_null(strstr(error.message, target));
    /* Somebody else's link must not make the daemon write somewhere else. */
    (void)snprintf(target, sizeof(target), "%s-link", database);
    assert_int_equal(symlink(database, target), 0);
    assert_int_equal(sqlite_registry_open(target, &registry, &error), -ELOOP);
    assert_null(registry);
}

static void test_a_locked_database(void **state)
{
    const struct registry_row row = ROW("a", "2");
    struct registry *registry = opened();
    sqlite3 *other = other_connection();
    struct error error = {0};
    uint64_t revision = 99;

    (void)state;
    (void)committed(registry, "a", "1");
    run_sql(other, "BEGIN IMMEDIATE");
    assert_int_equal(registry_commit(registry, &row, 1, &revision, &error), -ENOLCK);
    assert_int_equal(error.number, ENOLCK);
    assert_non_null(strstr(error.message, "another process holds it); try again in a moment"));
    assert_int_equal(revision, 99);
    assert_string_equal(rows_of(registry), "a=1;"); /* readers are not held up */
    run_sql(other, "ROLLBACK");
    assert_int_equal(committed(registry, "a", "2"), 2);
    sqlite3_close(other);
    registry_close(&registry);
}

static void *let_go(void *other)
{
    (void)usleep(200 * 1000);
    (void)sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    return NULL;
}

static void test_a_database_locked_for_a_moment(void **state)
{
    struct registry *registry = opened();
    sqlite3 *other = other_connection();
    pthread_t thread;

    (void)state;
    run_sql(other, "BEGIN IMMEDIATE; INSERT INTO rows VALUES ('b', 'theirs')");
    assert_int_equal(pthread_create(&thread, NULL, let_go, other), 0);
    assert_int_equal(committed(registry, "a", "1"), 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(rows_of(registry), "a=1;b=theirs;");
    sqlite3_close(other);
    registry_close(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_are_the_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_that_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_locked_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_database_locked_for_a_moment, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
