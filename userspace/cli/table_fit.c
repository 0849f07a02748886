/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/table_fit.h"

static size_t fit_sum(const size_t *widths, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (widths[i])
            sum += widths[i] + (sum ? TABLE_GAP : 0);
    return sum;
}

/* The column to leave out next, or `count`: the last one of the greatest rank. */
static size_t least_important(const struct fit_column *columns, const size_t *widths, size_t count)
{
    size_t found = count;

    for (size_t i = 0; i < count; i++)
        if (widths[i] && columns[i].rank > 0 && (found == count || columns[i].rank >= columns[found].rank))
            found = i;
    return found;
}

/* Nothing more can go: the widest gives way, until all fit or each has one column. */
static void squeeze(size_t *widths, size_t count, size_t width)
{
    while (fit_sum(widths, count) > width) {
        size_t widest = 0;

        for (size_t i = 1; i < count; i++)
            if (widths[i] > widths[widest])
                widest = i;
        if (widths[widest] <= 1)
            return;
        widths[widest]--;
    }
}

/* What is free goes to columns that were cut, one by one, so that no long one takes it all. */
static void spread(const struct fit_column *columns, size_t *widths, size_t count, size_t width)
{
    size_t used = fit_sum(widths, count);
    size_t left = width > used ? width - used : 0;
    size_t given = 1;

    while (left > 0 && given > 0) {
        given = 0;
        for (size_t i = 0; i < count && left > 0; i++)
            if (widths[i] && widths[i] < columns[i].natural) {
                widths[i]++;
                left--;
                given++;
            }
    }
}

size_t table_fit(const struct fit_column *columns, size_t count, size_t width, size_t *widths)
{
    size_t left_out = 0;

    for (size_t i = 0; i < count; i++)
        widths[i] = columns[i].least < columns[i].natural ? columns[i].least : columns[i].natural;
    while (fit_sum(widths, count) > width) {
        size_t column = least_important(columns, widths, count);

        if (column == count)
            break;
        widths[column] = 0;
        left_out++;
    }
    squeeze(widths, count, width);
    spread(columns, widths, count, width);
    return left_out;
}
