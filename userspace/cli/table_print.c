/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A table to standard output, one line a row. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table_fit.h"
#include "cli/table_rows.h"
#include "cli/width.h"

#define MARK_WIDTH 2 /* "* " before a row that has changed */
/* Ranks beyond what a column asks for: those that tell nothing go first. */
#define RANK_SAME  254
#define RANK_EMPTY 255

/* ---- what changed ---- */

/* The row at `first` as one text, without its notes. NULL: no memory. */
static char *join_row(const struct table *table, size_t first)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].is_note)
            (void)fprintf(out, "%s\n", table->cells[first + i].text);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

struct past {
    char **rows; /* sorted; each owned */
    size_t count;
};

static void past_done(struct past *past)
{
    for (size_t i = 0; i < past->count; i++)
        free(past->rows[i]);
    free(past->rows);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int past_fill(const struct table *table, struct past *past)
{
    past->rows = calloc(table->count / table->column_count + 1, sizeof(*past->rows));
    if (!past->rows)
        return -ENOMEM;
    for (size_t i = 0; i + table->column_count <= table->count; i += table->column_count) {
        past->rows[past->count] = join_row(table, i);
        if (!past->rows[past->count])
            return -ENOMEM;
        past->count++;
    }
    qsort(past->rows, past->count, sizeof(*past->rows), compare_texts);
    return 0;
}

static bool past_has(const struct past *past, const struct table *table, size_t first)
{
    _cleanup_free_ char *row = join_row(table, first);

    return !row || bsearch(&row, past->rows, past->count, sizeof(*past->rows), compare_texts);
}

/* ---- lines ---- */

struct printer {
    const struct table *table;
    const struct table_view *view;
    size_t *widths; /* 0: left out */
    size_t last;    /* the last column that is there */
    bool is_cut;    /* some cell was */
    struct past past;
};

static void print_cell(struct printer *printer, size_t column, const struct table_cell *cell, bool is_last)
{
    size_t width = printer->widths[column];
    size_t natural = width_of(cell->text);
    _cleanup_free_ char *cut = natural > width ? width_cut(cell->text, width) : NULL;
    int padding = natural < width ? (int)(width - natural) : 0;
    bool is_number = printer->table->columns[column].is_number;
    bool is_coloured = printer->view->has_colour && cell->colour != TEXT_PLAIN;

    printer->is_cut = printer->is_cut || natural > width;
    (void)printf("%*s%s%s%s", is_number ? padding : 0, "", is_coloured ? text_colour_code(cell->colour) : "",
                 cut ? cut : cell->text, is_coloured ? text_colour_code(TEXT_PLAIN) : "");
    if (!is_last)
        (void)printf("%*s", (is_number ? 0 : padding) + TABLE_GAP, "");
}

/* One line, without spaces at its end; `cells` NULL: the header. */
static void table_print_row(struct printer *printer, const struct table_cell *cells)
{
    size_t last = printer->last;

    while (cells && last > 0 && (!*cells[last].text || !printer->widths[last]))
        last--;
    for (size_t i = 0; i <= last; i++) {
        const struct table_cell header = {(char *)printer->table->columns[i].header,
                                          TEXT_BOLD}; /* only read */

        if (printer->widths[i])
            print_cell(printer, i, cells ? &cells[i] : &header, i == last);
    }
    (void)putchar('\n');
}

static void print_mark(const struct printer *printer, const struct table_cell *cells)
{
    const struct table *table = printer->table;

    if (printer->view->past)
        (void)fputs(cells && !past_has(&printer->past, table, (size_t)(cells - table->cells)) ? "* " : "  ",
                    stdout);
}

/* How wide each column would be, and whether its rows all say the same. */
static void measure(const struct table *table, struct fit_column *fits)
{
    size_t columns = table->column_count;

    for (size_t i = 0; i < columns; i++) {
        const struct table_column *column = &table->columns[i];
        const char *first = NULL;
        bool is_same = true;
        bool is_empty = true;

        fits[i].natural = width_of(column->header);
        for (size_t g = 0; g < table->group_count; g++)
            for (size_t at = table->groups[g].first; at + columns <= table->groups[g].end; at += columns) {
                const char *text = table->cells[at + i].text;
                size_t width = width_of(text);

                fits[i].natural = width > fits[i].natural ? width : fits[i].natural;
                is_empty = is_empty && !*text;
                is_same = is_same && (!*text || !first || strcmp(first, text) == 0);
                first = *text ? text : first;
            }
        fits[i].least = column->least ? column->least : fits[i].natural;
        fits[i].rank = is_empty && column->rank                        ? RANK_EMPTY
                       : is_same && column->is_dull_when_same && first ? RANK_SAME
                                                                       : column->rank;
    }
}

/* What is not there, and how to see it. A pipe that limits its width gets it beside, so that lines stay rows. */
static void print_footer(const struct printer *printer, size_t left_out, size_t rows_left)
{
    FILE *out = isatty(STDOUT_FILENO) ? stdout : stderr;
    bool has_colour = printer->view->has_colour;

    if (!left_out && !printer->is_cut && !rows_left)
        return;
    (void)fputs(has_colour ? text_colour_code(TEXT_DIM) : "", out);
    if (rows_left)
        (void)fprintf(out, "%zu more row%s; ", rows_left, rows_left == 1 ? "" : "s");
    if (left_out)
        (void)fprintf(out, "%zu column%s left out; ", left_out, left_out == 1 ? "" : "s");
    (void)fprintf(out, "%s%s\n",
                  left_out || printer->is_cut ? "-o wide shows all" : "without --watch all are shown",
                  has_colour ? text_colour_code(TEXT_PLAIN) : "");
}

static void print_groups(struct printer *printer, size_t *ret_rows_left)
{
    const struct table *table = printer->table;
    size_t rows = 0;

    for (size_t g = 0; g < table->group_count; g++)
        for (size_t at = table->groups[g].first; at + table->column_count <= table->groups[g].end;
             at += table->column_count) {
            if (printer->view->rows && rows++ >= printer->view->rows) {
                (*ret_rows_left)++;
                continue;
            }
            print_mark(printer, table->cells + at);
            table_print_row(printer, table->cells + at);
        }
}

int table_print(const struct table *table, const struct table_view *view)
{
    _cleanup_(past_done) struct past past = {0};
    _cleanup_free_ struct fit_column *fits = NULL;
    _cleanup_free_ size_t *widths = NULL;
    struct printer printer = {.table = table, .view = view};
    size_t left_out, rows_left = 0, width;

    if (!table || table->lacks_memory || (view->past && past_fill(view->past, &past) < 0))
        return -ENOMEM;
    fits = calloc(table->column_count, sizeof(*fits));
    widths = calloc(table->column_count, sizeof(*widths));
    if (!fits || !widths)
        return -ENOMEM;
    measure(table, fits);
    width = !view->width                                 ? SIZE_MAX
            : view->past && view->width > MARK_WIDTH + 1 ? view->width - MARK_WIDTH
                                                         : view->width;
    left_out = table_fit(fits, table->column_count, width, widths);
    printer.widths = widths;
    printer.past = past;
    for (size_t i = 0; i < table->column_count; i++)
        printer.last = widths[i] ? i : printer.last;
    print_mark(&printer, NULL);
    table_print_row(&printer, NULL);
    print_groups(&printer, &rows_left);
    print_footer(&printer, left_out, rows_left);
    return 0;
}
