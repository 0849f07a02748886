/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A backup is whole, of one moment, and readable for root alone; what is none is refused with its reason. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "registry/sqlite/sqlite_backup.h"
#include "registry/sqlite/sqlite_place.h"
#include "registry/sqlite/sqlite_registry.h"

#define INSTANCE "{\"address\":\"10.0.0.1\",\"port\":80,\"weight\":1}"

static char directory[64], database[96], copy[96], keys[96];
static struct registry *registry;

static void put_rows(const char *const rows[][2], size_t n)
{
    struct registry_row all[16];
    uint64_t revision;

    for (size_t i = 0; i < n; i++)
        all[i] = (struct registry_row){(char *)rows[i][0], (char *)rows[i][1]};
    assert_int_equal(registry_commit(registry, all, n, &revision, NULL), 0);
}

static const char *const content[][2] = {
    {"registry/id", "{\"id\":\"aa11\",\"copyOf\":\"bb22\",\"restoredFrom\":\"cc33\"}"},
    {REGISTRY_RESTORED_ROW, "{}"},
    {"host/address/web", "1"},
    {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80}]}"},
    {"instances/ns/web/a", INSTANCE},
    {"instances/ns/web/b", INSTANCE},
};

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/svc-backup-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(database, sizeof(database), "%s/registry.db", directory);
    (void)snprintf(copy, sizeof(copy), "%s/copy.db", directory);
    (void)snprintf(keys, sizeof(keys), "%s/keys.json", directory);
    if (sqlite_registry_open(database, &registry, NULL) < 0)
        return -1;
    put_rows(content, ARRAY_SIZE(content));
    return 0;
}

static unsigned n_files(void)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    unsigned n = 0;

    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

static int teardown(void **state)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;

    (void)state;
    (void)registry_close(&registry);
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
    return rmdir(directory);
}

static struct backup_facts back_up(const struct backup_carried *carried)
{
    struct backup_facts facts;
    struct error error = {0};

    if (sqlite_backup_write(database, carried, copy, &facts, &error) < 0)
        fail_msg("%s", error.message);
    return facts;
}

static int count_row(const char *key, const char *value, void *user)
{
    assert_non_null(key);
    assert_non_null(value);
    (*(unsigned *)user)++;
    return 0;
}

static void test_copy_of_a_registry_that_is_open(void **state)
{
    struct backup_facts facts, read;
    struct stat info;
    unsigned n = 0;

    (void)state;
    (void)umask(0);
    facts = back_up(NULL);
    assert_int_equal(stat(copy, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(facts.revision, 1);
    assert_int_equal(facts.rows, 3);
    assert_int_equal(facts.services, 1);
    assert_int_equal(facts.instances, 2);
    assert_string_equal(facts.id, "aa11");
    assert_string_equal(facts.copy_of, "bb22");
    assert_string_equal(facts.restored_from, "cc33");
    assert_int_equal(sqlite_backup_check(copy, "copy", &read, NULL), 0);
    assert_memory_equal(&facts, &read, sizeof(facts));
    assert_int_equal(sqlite_backup_read(copy, count_row, &n, NULL), 0);
    assert_int_equal(n, 3);
    /* The next one replaces it, and the registry has been committing all the while. */
    put_rows((const char *const[][2]){{"instances/ns/web/c", INSTANCE}}, 1);
    assert_int_equal(back_up(NULL).revision, 2);
    assert_int_equal(n_files(), 4); /* registry.db, -wal, -shm, copy.db */
}

static void test_carried_files(void **state)
{
    const struct backup_carried carried = {"keys.json", keys};
    _cleanup_free_ char *text = NULL;
    struct error error = {0};

    (void)state;
    back_up(&carried); /* it is not there, so it is left out */
    assert_int_equal(sqlite_backup_carried(copy, "keys.json", &text, &error), -ENOENT);
    assert_null(text);
    assert_int_equal(file_replace(keys, 0600, "secret", 6), 0);
    back_up(&carried);
    assert_int_equal(sqlite_backup_carried(copy, "other.json", &text, &error), -ENOENT);
    assert_int_equal(sqlite_backup_carried(copy, "keys.json", &text, &error), 0);
    assert_string_equal(text, "secret");
}

static void expect_refused(int wanted, const char *sentence)
{
    struct backup_facts facts = {.revision = 4711};
    struct error error = {0};
    int r = sqlite_backup_check(copy, "the file", &facts, &error);

    if (r != wanted || !strstr(error.message, sentence) || facts.revision != 4711)
        fail_msg("%d, not %d: %s", r, wanted, error.message);
}

static void test_what_is_no_backup(void **state)
{
    struct backup_facts facts;
    struct error error = {0};

    (void)state;
    expect_refused(-ENOENT, "the file");
    assert_int_equal(file_replace(copy, 0600, "a text of some length, of which nobody makes a database", 55),
                     0);
    expect_refused(-EINVAL, "not an SQLite file");
    assert_int_equal(file_replace(copy, 0600, "", 0), 0);
    expect_refused(-EINVAL, "no registry of svcconnect");
    put_rows((const char *const[][2]){{"instances/ns/web/b", "{\"address\":7}"}}, 1);
    back_up(NULL);
    expect_refused(-EUCLEAN, "instances/ns/web/b cannot be read");
    put_rows((const char *const[][2]){{"instances/ns/web/b", NULL}, {"nonsense", "{}"}}, 2);
    back_up(NULL);
    assert_int_equal(truncate(copy, 9000), 0);
    assert_true(sqlite_backup_check(copy, "the file", &facts, &error) < 0);
    assert_int_equal(sqlite_backup_write("/nonexistent/registry.db", NULL, copy, &facts, &error), -ENOENT);
    assert_int_equal(n_files(), 4);
}

static void test_whose_it_is(void **state)
{
    const struct backup_facts facts = {.id = "aa", .copy_of = "bb"};
    const char *const own[] = {"", "xx", "bb"};

    (void)state;
    assert_true(sqlite_backup_is_of(&facts, own, 3));
    assert_false(sqlite_backup_is_of(&facts, own, 2)); /* "" is nobody's */
}

struct seen {
    char text[256];
};

static int note_change(const char *key, enum backup_change change, void *user)
{
    struct seen *seen = user;
    size_t length = strlen(seen->text);

    (void)snprintf(seen->text + length, sizeof(seen->text) - length, "%c%s ", "+~-"[change], key);
    return 0;
}

static void test_differences(void **state)
{
    struct seen seen = {""};

    (void)state;
    back_up(NULL);
    assert_int_equal(sqlite_backup_compare(copy, database, note_change, &seen, NULL), 0);
    assert_string_equal(seen.text, "");
    put_rows((const char *const[][2]){{"instances/ns/web/a",
                                       "{\"address\":\"10.0.0.9\",\"port\":80,\"weight\":1}"},
                                      {"instances/ns/web/b", NULL},
                                      {"instances/ns/web/c", INSTANCE},
                                      {"host/address/new", "2"}},
             4);
    assert_int_equal(sqlite_backup_compare(copy, database, note_change, &seen, NULL), 0);
    assert_string_equal(seen.text, "~instances/ns/web/a +instances/ns/web/b -instances/ns/web/c ");
    seen.text[0] = '\0';
    assert_int_equal(sqlite_backup_compare(copy, "/nonexistent/registry.db", note_change, &seen, NULL), 0);
    assert_string_equal(seen.text, "+instances/ns/web/a +instances/ns/web/b +services/ns/web ");
}

static void test_in_the_place_of_the_registry(void **state)
{
    _cleanup_free_ char *aside = NULL;
    struct backup_facts facts = back_up(NULL), placed;
    struct error error = {0};

    (void)state;
    put_rows((const char *const[][2]){{"instances/ns/web/c", INSTANCE}}, 1);
    put_rows((const char *const[][2]){{"instances/ns/web/d", INSTANCE}}, 1);
    assert_int_equal(sqlite_registry_place(copy, &facts, database, &aside, &error), -EBUSY);
    assert_null(aside);
    assert_int_equal(registry_close(&registry), 0);
    if (sqlite_registry_place(copy, &facts, database, &aside, &error) < 0)
        fail_msg("%s", error.message);
    assert_non_null(strstr(aside, "registry.db.before-"));
    assert_int_equal(sqlite_backup_facts(database, database, &placed, NULL), 0);
    assert_int_equal(placed.rows, 3);
    assert_int_equal(placed.revision, 4); /* beyond what there was */
    assert_string_equal(placed.restored_from, "aa11");
    assert_int_equal(strlen(placed.id), 32); /* another history */
    assert_int_equal(sqlite_backup_facts(aside, aside, &placed, NULL), 0);
    assert_int_equal(placed.rows, 5);
    assert_int_equal(sqlite_registry_open(database, &registry, NULL), 0);
}

static void test_in_the_place_of_a_damaged_one(void **state)
{
    _cleanup_free_ char *aside = NULL;
    struct backup_facts facts = back_up(NULL), placed;

    (void)state;
    assert_int_equal(registry_close(&registry), 0);
    assert_int_equal(file_replace(database, 0600, "garbage, and quite a lot of it", 30), 0);
    assert_int_equal(sqlite_registry_place(copy, &facts, database, &aside, NULL), 0);
    assert_non_null(strstr(aside, "registry.db.damaged-"));
    assert_int_equal(sqlite_backup_facts(database, database, &placed, NULL), 0);
    assert_int_equal(placed.rows, 3);
}

int main(void)
{
#define BACKUP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(test_copy_of_a_registry_that_is_open),
        BACKUP_TEST(test_carried_files),
        BACKUP_TEST(test_what_is_no_backup),
        BACKUP_TEST(test_whose_it_is),
        BACKUP_TEST(test_differences),
        BACKUP_TEST(test_in_the_place_of_the_registry),
        BACKUP_TEST(test_in_the_place_of_a_damaged_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
