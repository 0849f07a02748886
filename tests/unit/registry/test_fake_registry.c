/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What only the fake can be told to do, and that it and SQLite agree on a long random run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "backends.h"

struct fleet {
    struct fake_store *store;
    struct registry *one, *two;
};

static int setup(void **state)
{
    static struct fleet fleet;

    fleet.store = fake_store_new();
    fleet.one = fake_registry_open(fleet.store);
    fleet.two = fake_registry_open(fleet.store);
    *state = &fleet;
    return 0;
}

static int teardown(void **state)
{
    struct fleet *fleet = *state;

    (void)registry_close(&fleet->one);
    (void)registry_close(&fleet->two);
    fake_store_free(&fleet->store);
    return 0;
}

static int put(struct registry *registry, const char *key, const char *value)
{
    const struct registry_row row = ROW(key, value);
    uint64_t revision;

    return registry_commit(registry, &row, 1, &revision, NULL);
}

static void test_a_plan_is_followed(void **state)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 0},  {FAKE_TOO_LARGE, 1},   {FAKE_DISK_FULL, 0},
                                             {FAKE_IO_ERROR, 2},  {FAKE_LOST_BEFORE, 0}, {FAKE_WRITTEN, 1},
                                             {FAKE_LOST_AFTER, 0}};
    static const int results[] = {-EAGAIN, -E2BIG, -ENOSPC, -EIO, -ENOTCONN, 0, -ENOTCONN, 0};
    struct fleet *fleet = *state;
    struct fake_counts counts;

    fake_registry_plan(fleet->one, steps, ARRAY_SIZE(steps));
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        assert_int_equal(put(fleet->one, "a", "1"), results[i]);
    counts = fake_store_counts(fleet->store);
    assert_int_equal(counts.begun, 8);
    assert_int_equal(counts.refused, 5);
    assert_int_equal(counts.commits, 3);
    assert_int_equal(counts.rows, 3);
}

static void test_turns(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 2};
    const struct registry_row rows[] = {ROW("a", "1")};
    const struct registry_commit commit = COMMIT_OF(rows);
    struct fleet *fleet = *state;
    uint64_t revision;

    assert_false(fake_registry_turn(fleet->one)); /* nothing is under way */
    fake_registry_plan(fleet->one, &late, 1);
    assert_int_equal(registry_commit_begin(fleet->one, &commit, NULL), 0);
    assert_int_equal(registry_commit_end(fleet->one, &revision, NULL), -EINPROGRESS);
    assert_false(fake_registry_turn(fleet->one));
    assert_null(fake_store_find(fleet->store, "a"));
    assert_true(fake_registry_turn(fleet->one));
    assert_non_null(fake_store_find(fleet->store, "a"));
    assert_true(fake_registry_turn(fleet->one));
    assert_int_equal(registry_commit_end(fleet->one, &revision, NULL), 0);
    assert_false(fake_registry_turn(fleet->one));
}

/* Lost after the write: the host does not know, and a repetition under compares tells it. */
static void test_a_lost_answer(void **state)
{
    static const struct fake_step lost = {FAKE_LOST_AFTER, 1};
    const struct registry_row rows[] = {ROW("a", "1")};
    const struct registry_compare compare = {"a", REGISTRY_ABSENT};
    const struct registry_commit commit = {rows, 1, &compare, 1};
    struct fleet *fleet = *state;
    struct error error = {0};
    uint64_t revision = 99;

    fake_registry_plan(fleet->one, &lost, 1);
    assert_int_equal(registry_commit_begin(fleet->one, &commit, &error), 0);
    assert_int_equal(registry_commit_wait(fleet->one, &revision, &error), -ENOTCONN);
    assert_int_equal(error.number, ENOTCONN);
    assert_int_equal(revision, 99);
    assert_int_equal(registry_revision(fleet->one), 0);
    assert_int_equal(fake_store_revision(fleet->store), 1);
    assert_int_equal(registry_commit_begin(fleet->one, &commit, &error), 0);
    assert_int_equal(registry_commit_wait(fleet->one, &revision, &error), -EAGAIN);
    assert_int_equal(put(fleet->one, "b", "1"), 0);
    assert_int_equal(registry_revision(fleet->one), 2); /* not one more than it knew */
}

/* The other host writes between begin and effect. */
static void test_two_hosts_meet(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1};
    const struct registry_row rows[] = {ROW("a", "one"), ROW("b", "one")};
    const struct registry_compare compare = {"a", 1};
    const struct registry_commit commit = {rows, 2, &compare, 1};
    struct fleet *fleet = *state;
    struct error error = {0};
    const struct fake_row *kept;
    uint64_t revision = 99;
    size_t n;

    assert_int_equal(put(fleet->one, "a", "first"), 0);
    fake_registry_plan(fleet->one, &late, 1);
    assert_int_equal(registry_commit_begin(fleet->one, &commit, NULL), 0);
    assert_int_equal(put(fleet->two, "a", "two"), 0);
    assert_int_equal(registry_commit_wait(fleet->one, &revision, &error), -EAGAIN);
    assert_non_null(strstr(error.message, "a was changed"));
    kept = fake_store_rows(fleet->store, &n);
    assert_int_equal(n, 1);
    assert_string_equal(kept[0].key, "a");
    assert_string_equal(kept[0].value, "two");
    assert_int_equal(kept[0].revision, 2);
}

static void test_too_large_names_the_setting(void **state)
{
    const struct registry_row rows[] = {ROW("a", "1"), ROW("b", "2"), ROW("c", "3")};
    struct fleet *fleet = *state;
    struct error error = {0};
    uint64_t revision;

    fake_store_limit_rows(fleet->store, 2, "--max-txn-ops");
    assert_int_equal(registry_commit(fleet->one, rows, 3, &revision, &error), -E2BIG);
    assert_non_null(strstr(error.message, "--max-txn-ops"));
    assert_int_equal(fake_store_revision(fleet->store), 0);
    assert_int_equal(registry_commit(fleet->one, rows, 2, &revision, &error), 0);
}

static void test_no_connection(void **state)
{
    struct fleet *fleet = *state;
    char text[4096] = "";

    assert_int_equal(put(fleet->one, "a", "1"), 0);
    fake_registry_connect(fleet->one, false);
    assert_int_equal(put(fleet->one, "b", "1"), -ENOTCONN);
    assert_int_equal(registry_load(fleet->one, "", bench_append, text, NULL), -ENOTCONN);
    assert_int_equal(registry_count(fleet->one), 0);
    assert_int_equal(put(fleet->two, "c", "1"), 0);
    fake_registry_connect(fleet->one, true);
    assert_int_equal(registry_load(fleet->one, "", bench_append, text, NULL), 0);
    assert_string_equal(text, "a=1;c=1;");
}

static void test_damage(void **state)
{
    struct fleet *fleet = *state;
    struct error error = {0};
    char text[4096] = "";

    assert_int_equal(put(fleet->one, "a", "1"), 0);
    assert_int_equal(put(fleet->one, "b", "1"), 0);
    fake_store_damage(fleet->store, 1);
    assert_int_equal(registry_load(fleet->one, "", bench_append, text, &error), -EUCLEAN);
    assert_int_equal(error.number, EUCLEAN);
    assert_string_equal(text, "a=1;");
    assert_int_equal(put(fleet->one, "c", "1"), 0); /* as SQLite, which writes elsewhere */
    fake_store_damage(fleet->store, SIZE_MAX);
    assert_int_equal(registry_load(fleet->one, "", bench_append, text, NULL), 0);
    assert_string_equal(text, "a=1;a=1;b=1;c=1;");
}

/* One letter per commit: what became of it. */
static void run_by_seed(uint64_t seed, char letters[201])
{
    struct fake_store *store = fake_store_new();
    struct registry *registry = fake_registry_open(store);
    struct fake_counts counts;
    size_t n_failed = 0;

    fake_registry_chance(registry, seed, 4, 3);
    for (size_t i = 0; i < 200; i++) {
        int r = put(registry, "a", "1");

        letters[i] = (char)('.' + -r % 64);
        n_failed += r < 0;
    }
    letters[200] = '\0';
    assert_in_range(n_failed, 20, 80); /* 50 are expected; the seeds are fixed */
    counts = fake_store_counts(store);
    assert_true(counts.refused < n_failed); /* some were lost after the write */
    assert_int_equal(counts.begun, 200);
    (void)registry_close(&registry);
    fake_store_free(&store);
}

static void test_a_seed_repeats(void **state)
{
    char first[201], again[201], other[201];

    (void)state;
    run_by_seed(7, first);
    run_by_seed(7, again);
    run_by_seed(8, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

/* A caller that writes into rows it has handed over is stopped. */
static void test_rows_must_stay_as_they_are(void **state)
{
    static const struct fake_step late = {FAKE_WRITTEN, 1};
    char value[] = "1";
    const struct registry_row rows[] = {ROW("a", value)};
    const struct registry_commit commit = COMMIT_OF(rows);
    struct fleet *fleet = *state;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)fclose(stderr);
        fake_registry_plan(fleet->one, &late, 1);
        (void)registry_commit_begin(fleet->one, &commit, NULL);
        value[0] = '2';
        (void)fake_registry_turn(fleet->one);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Up to four puts and deletions of eight keys; returns how many. */
static size_t draw_rows(unsigned *seed, struct registry_row rows[4], char texts[4][2][8])
{
    size_t n = (size_t)rand_r(seed) % 5;

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(texts[i][0], sizeof(texts[i][0]), "%c", 'a' + rand_r(seed) % 8);
        (void)snprintf(texts[i][1], sizeof(texts[i][1]), "%d", rand_r(seed) % 1000);
        rows[i] = ROW(texts[i][0], rand_r(seed) % 3 ? texts[i][1] : NULL);
    }
    return n;
}

/* Both are given the same commits and the same faults, and must hold and say the same after each. */
static void test_the_fake_agrees_with_sqlite(void **state)
{
    struct bench benches[N_LOCAL_BACKENDS];
    unsigned seed = 4711;

    (void)state;
    for (size_t b = 0; b < N_LOCAL_BACKENDS; b++)
        bench_make(&benches[b], &backends[b]);
    for (unsigned i = 0; i < 300; i++) {
        char texts[4][2][8], text[N_LOCAL_BACKENDS][4096] = {"", ""};
        struct registry_row rows[4];
        size_t n = draw_rows(&seed, rows, texts);
        int fault = (const int[]){0, 0, 0, ENOSPC, EIO}[rand_r(&seed) % 5];
        bool is_reopened = rand_r(&seed) % 16 == 0;

        for (size_t b = 0; b < N_LOCAL_BACKENDS; b++) {
            struct bench *bench = &benches[b];
            uint64_t revision;

            bench->backend->refuse(bench, fault);
            assert_int_equal(registry_commit(bench->registry, rows, n, &revision, NULL), -fault);
            bench->backend->refuse(bench, 0);
            if (is_reopened) {
                assert_int_equal(registry_close(&bench->registry), 0);
                bench->backend->open(bench);
            }
            assert_int_equal(registry_load(bench->registry, "", bench_append, text[b], NULL), 0);
        }
        assert_string_equal(text[0], text[1]);
        assert_int_equal(registry_revision(benches[0].registry), registry_revision(benches[1].registry));
        assert_int_equal(registry_count(benches[0].registry), registry_count(benches[1].registry));
    }
    assert_in_range(registry_revision(benches[0].registry), 100, 250);
    for (size_t b = 0; b < N_LOCAL_BACKENDS; b++)
        bench_destroy(&benches[b]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_plan_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_hosts_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large_names_the_setting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
        cmocka_unit_test(test_a_seed_repeats),
        cmocka_unit_test_setup_teardown(test_rows_must_stay_as_they_are, setup, teardown),
        cmocka_unit_test(test_the_fake_agrees_with_sqlite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
