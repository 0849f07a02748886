/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Aligned columns. In: cells, row by row. Out: lines under a header, as wide as the widest cell. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "cli/text.h"

struct table_column {
    const char *header;
    bool is_number; /* aligned to the right */
};

struct table;

/* `columns` is not copied. NULL: no memory; the functions below accept it. */
struct table *table_new(const struct table_column *columns, size_t count);

/* NULL-safe; sets *table to NULL. */
void table_free(struct table **table);

/* The next cell, from left to right; after the last column the next row begins. A lack of memory is
 * remembered. */
void table_add(struct table *table, enum text_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Header and rows to standard output. -ENOMEM if this or an earlier step lacked memory: nothing is printed
 * then. */
int table_print(const struct table *table);

#define _cleanup_table_ _cleanup_(table_free)
