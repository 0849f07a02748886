/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Aligned columns. In: cells, row by row, in groups that stay together (an alias and its targets). Out: what a
 * filter keeps, in the order of a column, one line a row: as wide as the terminal allows, or whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/text.h"

struct table_column {
    const char *header;
    unsigned char rank;     /* 0: always there; of the others the greatest goes first where room is short */
    unsigned char least;    /* its cells may be cut to so many columns; 0: never */
    bool is_number;         /* aligned to the right */
    bool is_dull_when_same; /* the first to go if all rows say the same */
    bool is_note;           /* what it says is no change of the row */
};

struct table;

/* How a table is printed. */
struct table_view {
    size_t width; /* columns of a line; 0: no limit */
    size_t rows;  /* rows at most; 0: no limit */
    bool has_colour;
    const struct table *past; /* rows that are not in it are marked; NULL: nothing is marked */
};

/* Copies `columns`, but not their texts. NULL: no memory; the functions below accept it. */
struct table *table_new(const struct table_column *columns, size_t count);

/* NULL-safe; sets *table to NULL. */
void table_free(struct table **table);

/* A group of rows begins, made of `item`, which is not looked at. Without it all rows are one group. */
void table_begin(struct table *table, const void *item);

/* The next cell, from left to right; after the last column the next row begins. A lack of memory is
 * remembered. */
void table_add(struct table *table, enum text_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Drops the groups that do not match: TEXT is in some cell, or with KEY=VALUE, a cell of that column is VALUE (a
 * pattern of the shell; small and capital letters are the same). -EINVAL: no such column, in `error`. */
int table_filter(struct table *table, const char *filter, struct error *error);

/* Orders groups by their first row's cell in `column`, whose name may follow a '-' for the other direction; numbers
 * in texts count as numbers. -EINVAL: no such column, in `error`. */
int table_sort(struct table *table, const char *column, struct error *error);

/* The name of a column as --sort and --filter take it, into `text`. False: there is none at `index`. */
#define TABLE_NAME_SIZE 32
bool table_column_name(const struct table *table, size_t index, char text[static TABLE_NAME_SIZE]);

/* The item of the group at `index` as it would be printed; NULL behind the last. */
const void *table_item(const struct table *table, size_t index);

/* Header and rows to standard output, and below them what was left out for want of width. -ENOMEM if this or an
 * earlier step lacked memory: nothing is printed then. */
int table_print(const struct table *table, const struct table_view *view);

#define _cleanup_table_ _cleanup_(table_free)
