/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tables: which columns a width leaves, how texts are measured and cut, what filters keep, the order of rows. */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/table.h"
#include "cli/table_fit.h"
#include "cli/width.h"

static void check_fit(size_t width, const size_t *wanted, size_t left_out)
{
    static const struct fit_column columns[] = {{.natural = 9, .least = 9, .rank = 3},
                                                {.natural = 20, .least = 12},
                                                {.natural = 6, .least = 6, .rank = 1},
                                                {.natural = 30, .least = 10, .rank = 2},
                                                {.natural = 8, .least = 8}};
    size_t widths[ARRAY_SIZE(columns)];

    assert_int_equal(table_fit(columns, ARRAY_SIZE(columns), width, widths), left_out);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        assert_int_equal(widths[i], wanted[i]);
}

static void test_columns_go_by_importance(void **state)
{
    (void)state;
    check_fit(SIZE_MAX, (size_t[]){9, 20, 6, 30, 8}, 0);
    check_fit(81, (size_t[]){9, 20, 6, 30, 8}, 0);
    check_fit(80, (size_t[]){9, 20, 6, 29, 8}, 0);
    check_fit(53, (size_t[]){9, 12, 6, 10, 8}, 0);
    check_fit(52, (size_t[]){0, 17, 6, 15, 8}, 1);
    check_fit(42, (size_t[]){0, 12, 6, 10, 8}, 1);
    check_fit(41, (size_t[]){0, 20, 6, 0, 8}, 2);
    check_fit(29, (size_t[]){0, 19, 0, 0, 8}, 3);
    check_fit(16, (size_t[]){0, 7, 0, 0, 7}, 3); /* nothing more can go */
    check_fit(1, (size_t[]){0, 1, 0, 0, 1}, 3);
}

static void check_cut(const char *text, size_t width, const char *wanted)
{
    _cleanup_free_ char *cut = width_cut(text, width);

    assert_string_equal(cut, wanted);
    assert_true(width_of(cut) <= width);
}

static void test_widths_of_texts(void **state)
{
    (void)state;
    assert_int_equal(width_of(""), 0);
    assert_int_equal(width_of("abc"), 3);
    assert_int_equal(width_of("gr\xc3\xbc\xc3\x9f"), 4);
    assert_int_equal(width_of("e\xcc\x81"), 1);                /* a mark on the letter before it */
    assert_int_equal(width_of("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* wide ones */
    assert_int_equal(width_of("\xff\xc3"), 2);                 /* no UTF-8, and a beginning of some */
    check_cut("abcdef", 6, "abcdef");
    check_cut("abcdef", 5, "abcd\xe2\x80\xa6");
    check_cut("abcdef", 1, "\xe2\x80\xa6");
    check_cut("abcdef", 0, "");
    check_cut("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6");
    check_cut("\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6");
}

static void check_printable(const char *text, const char *wanted)
{
    _cleanup_free_ char *printable = text_printable(text);

    assert_string_equal(printable, wanted);
}

static void test_nothing_commands_the_terminal(void **state)
{
    (void)state;
    check_printable("plain gr\xc3\xbc\xc3\x9f", "plain gr\xc3\xbc\xc3\x9f");
    check_printable("a\033[2Jb\x7f\n", "a?[2Jb??");
    check_printable("\xc2\x9b"
                    "2J",
                    "?2J");                             /* the control sequence introducer of C1 */
    check_printable("\xe2\x80\xaetxt.exe", "?txt.exe"); /* turns the rest around */
    check_printable("\xff\xe2\x82", "???");
    check_printable("\xed\xa0\x80\xf5", "??"); /* half of a pair; beyond the last */
}

/* Two groups of one row, and one of two rows. */
static struct table *make_table(void)
{
    static const struct table_column columns[] = {
        {.header = "NAME"}, {.header = "MADE BY"}, {.header = "COUNT", .is_number = true}};
    static const char *const rows[][3] = {{"v10", "run", "9"}, {"v9", "attach", "10"}, {"w", "RUN", "5"}};
    struct table *table = table_new(columns, ARRAY_SIZE(columns));

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        table_begin(table, rows[i]);
        for (size_t c = 0; c < 3; c++)
            table_add(table, TEXT_PLAIN, "%s", rows[i][c]);
    }
    table_add(table, TEXT_PLAIN, "inner");
    table_add(table, TEXT_PLAIN, "%s", "");
    table_add(table, TEXT_PLAIN, "7");
    return table;
}

/* The names of the groups that are left, in their order. */
static void check_groups(const struct table *table, const char *wanted)
{
    char names[64] = "";

    for (size_t i = 0; table_item(table, i); i++) {
        const char *const *row = table_item(table, i);

        (void)strcat(strcat(names, *row), " ");
    }
    assert_string_equal(names, wanted);
}

static void check_filter(const char *filter, const char *wanted)
{
    _cleanup_table_ struct table *table = make_table();
    struct error error = {0};

    assert_int_equal(table_filter(table, filter, &error), 0);
    check_groups(table, wanted);
}

static void test_filters(void **state)
{
    _cleanup_table_ struct table *table = make_table();
    struct error error = {0};

    (void)state;
    check_filter("v", "v10 v9 ");
    check_filter("INNER", "w ");
    check_filter("nothing", "");
    check_filter("name=v9", "v9 ");
    check_filter("NAME=v*", "v10 v9 ");
    check_filter("made-by=run", "v10 w ");
    check_filter("made by=attach", "v9 ");
    check_filter("count=7", "w "); /* a row of the group */
    check_filter("name=v", "");
    assert_int_equal(table_filter(table, "colour=red", &error), -EINVAL);
    assert_string_equal(error.message, "\"colour\" is no column; give one of: name, made-by, count");
    check_groups(table, "v10 v9 w ");
}

static void check_sort(const char *column, const char *wanted)
{
    _cleanup_table_ struct table *table = make_table();
    struct error error = {0};

    assert_int_equal(table_sort(table, column, &error), 0);
    check_groups(table, wanted);
}

static void test_orders(void **state)
{
    _cleanup_table_ struct table *table = make_table();
    struct error error = {0};

    (void)state;
    check_sort("name", "v9 v10 w ");
    check_sort("count", "w v10 v9 ");
    check_sort("-count", "v9 v10 w ");
    assert_int_equal(table_sort(table, "", &error), -EINVAL);
    assert_int_equal(table_sort(table, "-", &error), -EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_go_by_importance),
        cmocka_unit_test(test_widths_of_texts),
        cmocka_unit_test(test_nothing_commands_the_terminal),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_orders),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
