/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rows of each view, from answers. Private to top/. */
#pragma once

#include "cli/top/rates.h"

struct top_column {
    const char *title;
    const char *member; /* with --json */
    unsigned width;     /* at least; of the last of a view: what is left */
    bool is_number;
    unsigned rank; /* of those that do not fit, the greatest goes first */
};

struct top_row {
    char *cells[TOP_COLUMNS]; /* printable; NULL: empty */
    double numbers[TOP_COLUMNS];
    bool is_known[TOP_COLUMNS]; /* the number is */
    char *key;
    char *namespace_name, *service; /* what a drill down goes to; NULL: nowhere */
    enum top_mood mood;
};

extern const struct top_column *const top_columns[TOP_VIEWS]; /* each ends with a title of NULL */

/* Rows of the view. -ENOMEM; what was made so far is in *ret_rows in any case. */
int rows_make(struct top *top, const struct top_answers *answers, uint64_t now_ms, struct top_row **ret_rows,
              size_t *ret_n);
void rows_free(struct top_row *rows, size_t n);
