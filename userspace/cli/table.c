/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cells are kept until all are known, because the width of a column is. */
#include "cli/table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/array.h"

struct cell {
    char *text; /* owned */
    enum text_colour colour;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t count;
    bool lacked_memory;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table) {
        table->columns = columns;
        table->column_count = count;
    }
    return table;
}

void table_free(struct table **table)
{
    if (!*table)
        return;
    for (size_t i = 0; i < (*table)->count; i++)
        free((*table)->cells[i].text);
    free((*table)->cells);
    free(*table);
    *table = NULL;
}

void table_add(struct table *table, enum text_colour colour, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    char *printable = NULL;
    va_list arguments;
    int length;

    if (!table || table->lacked_memory)
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
        table->lacked_memory = true;
        return;
    }
    table->cells[table->count++] = (struct cell){.text = printable, .colour = colour};
}

static void print_cell(const struct table_column *column, size_t width, const struct cell *cell,
                       bool has_colour, bool is_last)
{
    size_t length = strlen(cell->text);
    int padding = width > length ? (int)(width - length) : 0;
    bool is_coloured = has_colour && cell->colour != TEXT_PLAIN;

    (void)printf("%*s%s%s%s", column->is_number ? padding : 0, "",
                 is_coloured ? text_colour_code(cell->colour) : "", cell->text,
                 is_coloured ? text_colour_code(TEXT_PLAIN) : "");
    if (!is_last)
        (void)printf("%*s  ", column->is_number ? 0 : padding, "");
}

/* One line, without spaces at its end; `cells` NULL: the header. */
static void table_print_row(const struct table *table, const size_t *widths, const struct cell *cells,
                            bool has_colour)
{
    size_t last = table->column_count - 1;

    while (cells && last > 0 && !*cells[last].text)
        last--;
    for (size_t i = 0; i <= last; i++) {
        const struct cell header = {(char *)table->columns[i].header, TEXT_BOLD}; /* only read */

        print_cell(&table->columns[i], widths[i], cells ? &cells[i] : &header, has_colour, i == last);
    }
    (void)putchar('\n');
}

int table_print(const struct table *table)
{
    _cleanup_free_ size_t *widths = NULL;
    bool has_colour = text_wants_colour();
    size_t columns;

    if (!table || table->lacked_memory)
        return -ENOMEM;
    columns = table->column_count;
    widths = calloc(columns, sizeof(*widths));
    if (!widths)
        return -ENOMEM;
    for (size_t i = 0; i < columns; i++)
        widths[i] = strlen(table->columns[i].header);
    for (size_t i = 0; i < table->count; i++)
        if (strlen(table->cells[i].text) > widths[i % columns])
            widths[i % columns] = strlen(table->cells[i].text);
    table_print_row(table, widths, NULL, has_colour);
    for (size_t i = 0; i + columns <= table->count; i += columns)
        table_print_row(table, widths, table->cells + i, has_colour);
    return 0;
}
