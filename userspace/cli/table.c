/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cells are kept until all are known, because the width of a column is. */
#include "cli/table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/array.h"
#include "cli/table_rows.h"

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table)
        table->columns = malloc(count * sizeof(*columns));
    if (!table || !table->columns) {
        free(table);
        return NULL;
    }
    memcpy(table->columns, columns, count * sizeof(*columns));
    table->column_count = count;
    return table;
}

void table_free(struct table **table)
{
    if (!*table)
        return;
    for (size_t i = 0; i < (*table)->count; i++)
        free((*table)->cells[i].text);
    free((*table)->cells);
    free((*table)->groups);
    free((*table)->columns);
    free(*table);
    *table = NULL;
}

void table_begin(struct table *table, const void *item)
{
    if (!table || table->lacks_memory)
        return;
    if (ARRAY_MAKE_ROOM(table->groups, table->group_count) < 0) {
        table->lacks_memory = true;
        return;
    }
    table->groups[table->group_count++] = (struct table_group){.item = item, .first = table->count};
}

void table_add(struct table *table, enum text_colour colour, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    char *printable = NULL;
    va_list arguments;
    int length;

    if (table && table->group_count == 0)
        table_begin(table, NULL);
    if (!table || table->lacks_memory)
        return;
    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        text = NULL;
    else
        printable = text_printable(text);
    if (!printable || ARRAY_MAKE_ROOM(table->cells, table->count) < 0) {
        free(printable);
        table->lacks_memory = true;
        return;
    }
    table->cells[table->count++] = (struct table_cell){.text = printable, .colour = colour};
    table->groups[table->group_count - 1].end = table->count;
}

const void *table_item(const struct table *table, size_t index)
{
    return table && index < table->group_count ? table->groups[index].item : NULL;
}
