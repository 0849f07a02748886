/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which rows of a table are kept, and in what order. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "cli/table_rows.h"

/* "made-by" of "MADE BY": a column's name as one types it. */
static bool column_is_named(const char *header, const char *name, size_t length)
{
    if (strlen(header) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char wanted = header[i] == ' ' ? '-' : (char)(header[i] | 0x20);

        if ((name[i] == ' ' || name[i] == '_' ? '-' : (char)(name[i] | 0x20)) != (char)(wanted | 0x20))
            return false;
    }
    return true;
}

bool table_column_name(const struct table *table, size_t index, char text[static TABLE_NAME_SIZE])
{
    if (!table || index >= table->column_count)
        return false;
    (void)snprintf(text, TABLE_NAME_SIZE, "%s", table->columns[index].header);
    for (char *c = text; *c; c++)
        *c = *c == ' ' ? '-' : (char)(*c | 0x20);
    return true;
}

static int find_column(const struct table *table, const char *name, size_t length, size_t *ret_column,
                       struct error *error)
{
    char all[256] = "";
    char own[TABLE_NAME_SIZE];
    size_t used = 0;

    for (size_t i = 0; table_column_name(table, i, own); i++) {
        if (column_is_named(table->columns[i].header, name, length)) {
            *ret_column = i;
            return 0;
        }
        if (used < sizeof(all))
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", own);
    }
    return error_set(error, EINVAL, "\"%.*s\" is no column; give one of: %s", (int)length, name, all);
}

/* A cell of a group that matches; `column` beyond the last: any cell that holds `text`. */
static bool group_matches(const struct table *table, const struct table_group *group, size_t column,
                          const char *text)
{
    for (size_t i = group->first; i < group->end; i++) {
        const char *cell = table->cells[i].text;

        if (column == table->column_count ? strcasestr(cell, text) != NULL
                                          : (i - group->first) % table->column_count == column &&
                                                fnmatch(text, cell, FNM_CASEFOLD) == 0)
            return true;
    }
    return false;
}

int table_filter(struct table *table, const char *filter, struct error *error)
{
    const char *equals = strchr(filter, '=');
    size_t column;
    size_t kept = 0;

    if (!table || table->lacks_memory)
        return 0;
    column = table->column_count;
    if (equals) {
        int r = find_column(table, filter, (size_t)(equals - filter), &column, error);

        if (r < 0)
            return r;
        filter = equals + 1;
    }
    for (size_t i = 0; i < table->group_count; i++)
        if (group_matches(table, &table->groups[i], column, filter))
            table->groups[kept++] = table->groups[i];
    table->group_count = kept;
    return 0;
}

struct sorting {
    const struct table *table;
    size_t column;
    bool is_backward;
};

static int table_compare(const void *a, const void *b, void *user)
{
    const struct sorting *sorting = user;
    const struct table_group *left = a;
    const struct table_group *right = b;
    const char *left_text = sorting->table->cells[left->first + sorting->column].text;
    const char *right_text = sorting->table->cells[right->first + sorting->column].text;
    int order = strverscmp(left_text, right_text);

    if (sorting->is_backward)
        order = -order;
    return order ? order : (left->first > right->first) - (left->first < right->first);
}

int table_sort(struct table *table, const char *column, struct error *error)
{
    struct sorting sorting = {.table = table, .is_backward = *column == '-'};
    const char *name = column + sorting.is_backward;
    int r;

    if (!table || table->lacks_memory)
        return 0;
    r = find_column(table, name, strlen(name), &sorting.column, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < table->group_count; i++)
        if (table->groups[i].end < table->groups[i].first + table->column_count)
            return 0; /* a group without a row has nothing to be ordered by */
    qsort_r(table->groups, table->group_count, sizeof(*table->groups), table_compare, &sorting);
    return 0;
}
