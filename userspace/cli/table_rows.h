/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a table is made of, for the files that fill, choose and print it. */
#pragma once

#include "cli/table.h"

struct table_cell {
    char *text; /* owned, printable */
    enum text_colour colour;
};

/* Rows that stay together: cells from `first` up to `end`. */
struct table_group {
    const void *item;
    size_t first;
    size_t end;
};

struct table {
    struct table_column *columns;
    size_t column_count;
    struct table_cell *cells; /* in the order they came */
    size_t count;
    struct table_group *groups; /* those that are kept, in the order they are printed */
    size_t group_count;
    bool lacks_memory;
};
