/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What every backend of the registry does the same; each case runs against each of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends.h"

static int setup(void **state)
{
    static struct bench bench;

    bench_make(&bench, *state);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    bench_destroy(*state);
    return 0;
}

static void reopen(struct bench *bench)
{
    assert_int_equal(registry_close(&bench->registry), 0);
    assert_null(bench->registry);
    bench->backend->open(bench);
}

static void begin(struct bench *bench, const struct registry_commit *commit)
{
    struct error error = {0};

    if (registry_commit_begin(bench->registry, commit, &error) != 0)
        fail_msg("%s", error.message);
}

static void commit_one(struct bench *bench, const char *key, const char *value)
{
    const struct registry_row row = ROW(key, value);
    struct error error = {0};
    uint64_t before = registry_revision(bench->registry), revision = 0;

    if (registry_commit(bench->registry, &row, 1, &revision, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(revision, before + 1);
    assert_int_equal(registry_revision(bench->registry), revision);
}

static void test_rows_are_kept_in_key_order(void **state)
{
    struct bench *bench = *state;
    const struct registry_row many[] = {ROW("b", "2"), ROW("a", "it's \"\xc3\xa9\""), ROW("B", "3"),
                                        ROW("a/b", ""), ROW("b", "4")};
    uint64_t revision = 99;

    bench_expect(bench, 0, "");
    assert_int_equal(registry_count(bench->registry), 0);
    commit_one(bench, "gone", "x");
    assert_int_equal(registry_commit(bench->registry, many, ARRAY_SIZE(many), &revision, NULL), 0);
    assert_int_equal(revision, 2); /* one per commit, not per row */
    commit_one(bench, "gone", NULL);
    commit_one(bench, "never was", NULL);
    bench_expect(bench, 4, "B=3;a=it's \"\xc3\xa9\";a/b=;b=4;");
    assert_int_equal(registry_count(bench->registry), 4);
    reopen(bench);
    bench_expect(bench, 4, "B=3;a=it's \"\xc3\xa9\";a/b=;b=4;");
    commit_one(bench, "b", NULL);
}

static void test_rows_below_a_prefix(void **state)
{
    struct bench *bench = *state;
    const struct registry_row rows[] = {ROW("host", "1"),   ROW("host/", "2"),
                                        ROW("host/a", "3"), ROW("host/\xf4\x8f\xbf\xbf", "4"),
                                        ROW("host0", "5"),  ROW("a/host/b", "6")};
    uint64_t revision;

    assert_int_equal(registry_commit(bench->registry, rows, ARRAY_SIZE(rows), &revision, NULL), 0);
    bench_expect_below(bench, "host/", "host/=2;host/a=3;host/\xf4\x8f\xbf\xbf=4;");
    bench_expect_below(bench, "nothing", "");
}

static int stop_at_second(const char *key, const char *value, void *user)
{
    unsigned *count = user;

    (void)key;
    (void)value;
    return ++*count == 2 ? -ECANCELED : 0;
}

static void test_a_load_stops_when_told(void **state)
{
    struct bench *bench = *state;
    unsigned count = 0;

    commit_one(bench, "a", "1");
    commit_one(bench, "b", "2");
    commit_one(bench, "c", "3");
    assert_int_equal(registry_load(bench->registry, "", stop_at_second, &count, NULL), -ECANCELED);
    assert_int_equal(count, 2);
}

/* While it is under way nothing of it is told, and what would need the connection is refused. */
static void test_a_commit_under_way(void **state)
{
    struct bench *bench = *state;
    const struct registry_row rows[] = {ROW("b", "2"), ROW("c", "3")};
    const struct registry_row others[] = {ROW("d", "4")};
    const struct registry_commit commit = COMMIT_OF(rows), other = COMMIT_OF(others);
    char text[4096] = "";
    struct error error = {0};
    uint64_t revision = 99;

    commit_one(bench, "a", "1");
    bench->backend->hold(bench);
    begin(bench, &commit);
    assert_false(bench_is_readable(bench, 0));
    assert_int_equal(registry_commit_end(bench->registry, &revision, &error), -EINPROGRESS);
    assert_int_equal(registry_commit_begin(bench->registry, &other, &error), -EBUSY);
    assert_int_equal(error.number, EBUSY);
    assert_non_null(strstr(error.message, registry_location(bench->registry)));
    assert_int_equal(registry_commit(bench->registry, others, 1, &revision, NULL), -EBUSY);
    assert_int_equal(registry_load(bench->registry, "", bench_append, text, &error), -EBUSY);
    assert_int_equal(registry_count(bench->registry), 0);
    assert_int_equal(registry_revision(bench->registry), 1);
    assert_int_equal(revision, 99);
    bench->backend->release(bench);
    assert_true(bench_is_readable(bench, PATIENCE_MS));
    assert_int_equal(registry_revision(bench->registry), 1); /* until the end is consumed */
    assert_int_equal(registry_commit_begin(bench->registry, &other, NULL), -EBUSY);
    assert_int_equal(registry_commit_end(bench->registry, &revision, &error), 0);
    assert_int_equal(revision, 2);
    assert_false(bench_is_readable(bench, 0));
    bench_expect(bench, 2, "a=1;b=2;c=3;");
    assert_int_equal(registry_commit_end(bench->registry, &revision, &error), -EINVAL);
    assert_int_equal(registry_commit_wait(bench->registry, &revision, &error), -EINVAL);
    commit_one(bench, "d", "4");
}

/* What it writes may go as soon as the end is consumed; AddressSanitizer judges whether anybody
 * still looks. */
static void test_many_in_a_row(void **state)
{
    struct bench *bench = *state;
    int fd = registry_commit_fd(bench->registry);

    for (unsigned i = 1; i <= 100; i++) {
        struct registry_row *row = malloc(sizeof(*row));
        struct registry_commit *commit = malloc(sizeof(*commit));
        char *value = malloc(16);
        uint64_t revision = 0;

        assert_true(row && commit && value);
        (void)snprintf(value, 16, "%u", i);
        *row = ROW(i % 2 ? "odd" : "even", value);
        *commit = (struct registry_commit){.rows = row, .n_rows = 1};
        begin(bench, commit);
        assert_true(bench_is_readable(bench, PATIENCE_MS));
        assert_int_equal(registry_commit_end(bench->registry, &revision, NULL), 0);
        assert_int_equal(revision, i);
        free(value);
        free(commit);
        free(row);
    }
    assert_int_equal(registry_commit_fd(bench->registry), fd);
    bench_expect(bench, 100, "even=100;odd=99;");
}

static void expect_refusal(struct bench *bench, int number)
{
    const struct registry_row rows[] = {ROW("new", "1"), ROW("old", NULL), ROW("z", "1")};
    uint64_t before = registry_revision(bench->registry), revision = 99;
    struct error error = {0};

    bench->backend->refuse(bench, number);
    assert_int_equal(registry_commit(bench->registry, rows, ARRAY_SIZE(rows), &revision, &error), -number);
    bench->backend->refuse(bench, 0);
    assert_int_equal(error.number, number);
    assert_non_null(strstr(error.message, registry_location(bench->registry)));
    assert_int_equal(revision, 99);
    bench_expect(bench, before, "old=1;");
}

static void test_a_refusal_changes_nothing(void **state)
{
    struct bench *bench = *state;

    commit_one(bench, "old", "1");
    expect_refusal(bench, ENOSPC);
    expect_refusal(bench, EIO);
    commit_one(bench, "next", "1");
    bench_expect(bench, 2, "next=1;old=1;");
    reopen(bench);
    bench_expect(bench, 2, "next=1;old=1;");
}

static void test_close_keeps_what_is_under_way(void **state)
{
    struct bench *bench = *state;
    const struct registry_row rows[] = {ROW("a", "1"), ROW("b", "2")};
    const struct registry_commit commit = COMMIT_OF(rows);

    begin(bench, &commit);
    reopen(bench); /* the close says that it was written */
    bench_expect(bench, 1, "a=1;b=2;");
}

static void test_close_tells_of_a_refusal(void **state)
{
    struct bench *bench = *state;
    const struct registry_row rows[] = {ROW("a", "1"), ROW("b", "2")};
    const struct registry_commit commit = COMMIT_OF(rows);

    commit_one(bench, "old", "1");
    bench->backend->refuse(bench, ENOSPC);
    begin(bench, &commit);
    assert_int_equal(registry_close(&bench->registry), -ENOSPC);
    assert_null(bench->registry);
    bench->backend->open(bench);
    bench->backend->refuse(bench, 0);
    bench_expect(bench, 1, "old=1;");
    assert_int_equal(registry_close(&bench->registry), 0);
    assert_int_equal(registry_close(&bench->registry), 0);
}

static int commit_meanwhile(const char *key, const char *value, void *user)
{
    struct bench *bench = user;
    const struct registry_row row = ROW("b", "1");
    uint64_t revision;

    (void)key;
    (void)value;
    return registry_commit(bench->registry, &row, 1, &revision, NULL);
}

static void test_no_commit_within_a_load(void **state)
{
    struct bench *bench = *state;

    commit_one(bench, "a", "1");
    assert_int_equal(registry_load(bench->registry, "", commit_meanwhile, bench, NULL), -EBUSY);
    commit_one(bench, "c", "1");
    bench_expect(bench, 2, "a=1;c=1;");
}

static int commit_if(struct bench *bench, const char *key, const struct registry_compare *compare)
{
    const struct registry_row rows[] = {ROW(key, "x")};
    const struct registry_commit commit = {.rows = rows, .n_rows = 1, .compares = compare, .n_compares = 1};
    uint64_t revision;
    int r = registry_commit_begin(bench->registry, &commit, NULL);

    return r < 0 ? r : registry_commit_wait(bench->registry, &revision, NULL);
}

/* A backend with one writer may ignore them. What holds is written by all. */
static void test_compares(void **state)
{
    struct bench *bench = *state;
    const struct registry_compare is_absent = {"a", REGISTRY_ABSENT}, is_first = {"a", 1},
                                  is_third = {"a", 3};
    int conflict = bench->backend->checks_compares ? -EAGAIN : 0;

    assert_int_equal(commit_if(bench, "a", &is_absent), 0);
    assert_int_equal(commit_if(bench, "b", &is_first), 0);
    assert_int_equal(commit_if(bench, "a", &is_first), 0);
    assert_int_equal(commit_if(bench, "c", &is_third), 0);
    assert_int_equal(commit_if(bench, "d", &is_first), conflict);
    assert_int_equal(commit_if(bench, "e", &is_absent), conflict);
    bench_expect(bench, conflict ? 4 : 6, conflict ? "a=x;b=x;c=x;" : "a=x;b=x;c=x;d=x;e=x;");
}

static const struct {
    const char *name;
    CMUnitTestFunction run;
} cases[] = {
    {"rows are kept in key order", test_rows_are_kept_in_key_order},
    {"rows below a prefix", test_rows_below_a_prefix},
    {"a load stops when told", test_a_load_stops_when_told},
    {"a commit under way", test_a_commit_under_way},
    {"many in a row", test_many_in_a_row},
    {"a refusal changes nothing", test_a_refusal_changes_nothing},
    {"close keeps what is under way", test_close_keeps_what_is_under_way},
    {"close tells of a refusal", test_close_tells_of_a_refusal},
    {"no commit within a load", test_no_commit_within_a_load},
    {"compares", test_compares},
};

static int stop_etcd(void **state)
{
    (void)state;
    real_etcd_stop();
    return 0;
}

int main(void)
{
    size_t n_backends = real_etcd_start() ? ARRAY_SIZE(backends) : N_LOCAL_BACKENDS;
    struct CMUnitTest tests[ARRAY_SIZE(backends) * ARRAY_SIZE(cases)];
    char names[ARRAY_SIZE(tests)][64];

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        const struct backend_under_test *backend = &backends[i / ARRAY_SIZE(cases)];
        size_t n = i % ARRAY_SIZE(cases);

        (void)snprintf(names[i], sizeof(names[i]), "%s: %s", backend->name, cases[n].name);
        tests[i] = (struct CMUnitTest){names[i], cases[n].run, setup, teardown, (void *)backend};
    }
    return _cmocka_run_group_tests("registry", tests, n_backends * ARRAY_SIZE(cases), NULL, stop_etcd);
}
