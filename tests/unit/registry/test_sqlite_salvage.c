/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A file that is damaged in its middle: what a load says, where it goes, and what is saved of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "registry/sqlite/sqlite_registry.h"
#include "registry/sqlite/sqlite_salvage.h"

#define N_ROWS    2000 /* some 40 pages */
#define PAGE      4096
#define ROW_VALUE "{\"some\":\"value of a length that makes several pages of all of them\"}"

static char directory[64];
static char database[96];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/svc-salvage-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(database, sizeof(database), "%s/registry.db", directory);
    return 0;
}

static int teardown(void **state)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;

    (void)state;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
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

/* N_ROWS of "row/NUMBER", and one about the registry itself. */
static void fill(void)
{
    static char keys[N_ROWS + 1][16];
    static struct registry_row rows[N_ROWS + 1];
    struct registry *registry = opened();
    uint64_t revision;

    for (size_t i = 0; i < N_ROWS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "row/%05zu", i);
        rows[i] = (struct registry_row){keys[i], (char *)ROW_VALUE};
    }
    (void)snprintf(keys[N_ROWS], sizeof(keys[N_ROWS]), "registry/id");
    rows[N_ROWS] = (struct registry_row){keys[N_ROWS], (char *)"{}"};
    assert_int_equal(registry_commit(registry, rows, N_ROWS + 1, &revision, NULL), 0);
    assert_int_equal(registry_close(&registry), 0); /* which takes the log into the file */
}

/* Pages in the middle become zeros. */
static void damage(void)
{
    _cleanup_close_ int fd = open(database, O_RDWR | O_CLOEXEC);
    char zeros[PAGE] = {0};
    struct stat info;
    off_t middle;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    assert_true(info.st_size > 20 * PAGE);
    middle = info.st_size / PAGE / 2 * PAGE;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pwrite(fd, zeros, sizeof(zeros), middle + (off_t)i * PAGE), sizeof(zeros));
}

struct seen {
    size_t n;
    bool has_first, has_last, has_id;
};

static int on_row(const char *key, const char *value, void *user)
{
    struct seen *seen = user;

    seen->n++;
    seen->has_first |= strcmp(key, "row/00000") == 0;
    seen->has_last |= strcmp(key, "row/01999") == 0;
    seen->has_id |= strcmp(key, "registry/id") == 0;
    assert_string_equal(value, seen->has_id && seen->n == 1 ? "{}" : ROW_VALUE);
    return 0;
}

static void test_what_is_saved(void **state)
{
    _cleanup_free_ char *aside = NULL;
    struct registry *registry;
    struct error error = {0};
    struct seen seen = {0};
    size_t n = 0;

    (void)state;
    fill();
    damage();
    registry = opened();
    assert_int_equal(registry_load(registry, "", on_row, &seen, &error), -EUCLEAN);
    assert_true(seen.has_id && seen.has_first && !seen.has_last);
    assert_int_equal(registry_close(&registry), 0);

    assert_int_equal(sqlite_registry_set_aside(database, &aside, &error), 0);
    assert_memory_equal(aside, database, strlen(database));
    assert_non_null(strstr(aside, ".damaged-"));
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(access(database, F_OK), -1);

    registry = opened();
    assert_int_equal(sqlite_registry_salvage(aside, registry, &n, &error), 0);
    assert_in_range(n, N_ROWS / 2, N_ROWS - 1);
    seen = (struct seen){0};
    assert_int_equal(registry_load(registry, "", on_row, &seen, &error), 0);
    assert_int_equal(seen.n, n);
    assert_true(seen.has_first && seen.has_last && !seen.has_id);
    assert_int_equal(registry_close(&registry), 0);
    assert_int_equal(access(aside, F_OK), 0); /* nothing is deleted */
}

static void write_file(const char *path, const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static void test_no_database_at_all(void **state)
{
    _cleanup_free_ char *first = NULL;
    _cleanup_free_ char *second = NULL;
    struct registry *registry = NULL;
    struct error error = {0};
    size_t n = 9;

    (void)state;
    write_file(database,
               "this is no database, and long enough to be looked at as one would be, page by page");
    assert_int_equal(sqlite_registry_open(database, &registry, &error), -EUCLEAN);
    assert_int_equal(sqlite_registry_set_aside(database, &first, &error), 0);
    registry = opened();
    assert_int_equal(sqlite_registry_salvage(first, registry, &n, &error), 0);
    assert_int_equal(n, 0);
    assert_int_equal(registry_revision(registry), 0);
    assert_int_equal(registry_close(&registry), 0);
    /* Two in one second have names of their own. */
    assert_int_equal(sqlite_registry_set_aside(database, &second, &error), 0);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_database_at_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
