/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The ring of what was changed: told with a commit, kept when it has ended, read back from rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/history/history.h"

#define PLACES 4

static struct history *made(void)
{
    struct history *history = NULL;

    assert_int_equal(history_new(PLACES, &history), 0);
    return history;
}

static void tell(struct history *history, const char *key, const char *before, const char *after)
{
    const struct history_origin origin = {.by = actor_make(ACTOR_KEY, "k\"1"), .operation = "update"};

    assert_int_equal(history_tell(history, &origin, key, before, after, false, 0), 0);
}

static void change(struct history *history, uint64_t revision, const char *key)
{
    history_begin(history, revision, 1700000000000);
    tell(history, key, "{\"weight\":1}", "{\"weight\":2}");
    (void)history_keep(history);
}

static void test_told_and_kept(void **state)
{
    struct history *history = made();
    struct history_entry entry;
    size_t n = 0;

    (void)state;
    assert_int_equal(history_newest(history), 0);
    assert_int_equal(history_oldest(history), 0);
    assert_int_equal(history_keep(history), 0);
    history_begin(history, 7, 1700000000123);
    tell(history, "instances/a\\b/v1/x", NULL, "{\"weight\":2}");
    tell(history, "routes/d//x:80/tcp", "{\"targets\":[]}", NULL);
    assert_non_null(history_rows(history, &n));
    assert_int_equal(n, 2);
    assert_int_equal(history_newest(history), 0); /* the commit has not ended */
    assert_int_equal(history_keep(history), 1);
    assert_int_equal(history_newest(history), 2);
    assert_int_equal(history_read(history, 1, &entry), 0);
    assert_string_equal(entry.key, "instances/a\\b/v1/x");
    assert_string_equal(entry.operation, "update");
    assert_string_equal(entry.by.name, "k\"1");
    assert_int_equal(entry.by.kind, ACTOR_KEY);
    assert_int_equal(entry.revision, 7);
    assert_int_equal(entry.time_ms, 1700000000123);
    assert_null(entry.before);
    assert_string_equal(entry.after, "{\"weight\":2}");
    history_entry_done(&entry);
    assert_int_equal(history_read(history, 2, &entry), 0);
    assert_null(entry.after);
    history_entry_done(&entry);
    assert_int_equal(history_read(history, 3, &entry), -ENOENT);
    history_free(&history);
    history_free(&history);
}

/* A commit that failed leaves nothing, and the numbers go on without a gap. */
static void test_a_commit_that_fails(void **state)
{
    struct history *history = made();

    (void)state;
    history_begin(history, 1, 0);
    tell(history, "instances/d/v1/lost", NULL, "{}");
    change(history, 1, "instances/d/v1/a");
    assert_int_equal(history_newest(history), 1);
    assert_string_equal(history_key(history, 1), "instances/d/v1/a");
    history_free(&history);
}

static void test_the_oldest_give_way(void **state)
{
    struct history *history = made();

    (void)state;
    for (uint64_t i = 1; i <= PLACES + 2; i++)
        change(history, i, "instances/d/v1/a");
    assert_int_equal(history_newest(history), PLACES + 2);
    assert_int_equal(history_oldest(history), 3);
    assert_null(history_key(history, 2));
    assert_int_equal(history_revision(history, 3), 3);
    history_begin(history, 9, 0);
    for (unsigned i = 0; i < PLACES + 3; i++)
        tell(history, "instances/d/v1/b", NULL, "{}");
    assert_int_equal(history_keep(history), PLACES + 3); /* no more than there are places */
    assert_int_equal(history_newest(history), 2 * PLACES + 2);
    history_free(&history);
}

static void test_what_may_be_secret_is_not_kept(void **state)
{
    const struct history_origin origin = {.operation = "apply"};
    struct history *history = made();
    struct history_entry entry;
    size_t n = 0;

    (void)state;
    history_begin(history, 1, 0);
    (void)history_tell(history, &origin, "documents/d/web", NULL, "{\"text\":\"PASSWORD\"}", true, 3);
    assert_null(strstr(history_rows(history, &n)->value, "PASSWORD"));
    (void)history_keep(history);
    assert_int_equal(history_read(history, 1, &entry), 0);
    assert_true(entry.is_withheld);
    assert_null(entry.after);
    assert_int_equal(entry.more, 3);
    assert_int_equal(entry.by.kind, ACTOR_DAEMON);
    history_entry_done(&entry);
    history_free(&history);
}

/* As a start reads them: in the order of their places, with what cannot be read passed over. */
static void test_rows_of_a_start(void **state)
{
    struct history *history = made(), *other = made();
    char *rows[PLACES][2];
    struct history_entry entry;

    (void)state;
    for (uint64_t i = 1; i <= PLACES + 2; i++) {
        size_t n = 0;
        const struct registry_row *row;

        history_begin(history, i, 0);
        tell(history, i == 5 ? "instances/d/v1/five" : "instances/d/v1/a", "{}", "{\"n\":1}");
        row = history_rows(history, &n);
        if (i > 2) {
            rows[i % PLACES][0] = strdup(row->key);
            rows[i % PLACES][1] = strdup(row->value);
        }
        (void)history_keep(history);
    }
    assert_false(history_take_row(other, "instances/d/v1/a", "{}"));
    assert_true(history_take_row(other, "history/00001", "{\"sequence\":0,\"revision\":1}"));
    assert_true(history_take_row(other, "history/00001", "garbage"));
    assert_true(history_take_row(other, "history/00001", "{\"sequence\":9,\"revision\":1"));
    assert_true(history_take_row(NULL, "history/00001", "{}"));
    for (size_t i = 0; i < PLACES; i++) {
        assert_true(history_take_row(other, rows[i][0], rows[i][1]));
        free(rows[i][0]);
        free(rows[i][1]);
    }
    assert_int_equal(history_newest(other), PLACES + 2);
    assert_int_equal(history_oldest(other), 3);
    assert_int_equal(history_read(other, 5, &entry), 0);
    assert_string_equal(entry.key, "instances/d/v1/five");
    assert_string_equal(entry.after, "{\"n\":1}");
    history_entry_done(&entry);
    history_free(&history);
    history_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_and_kept),       cmocka_unit_test(test_a_commit_that_fails),
        cmocka_unit_test(test_the_oldest_give_way), cmocka_unit_test(test_what_may_be_secret_is_not_kept),
        cmocka_unit_test(test_rows_of_a_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
