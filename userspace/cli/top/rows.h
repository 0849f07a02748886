/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rows of each view, from answers. Private to top/. */
#pragma once

#include "cli/top/rates.h"
#include "cli/top/times.h"

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

/* A list that grows. What a function below lacks memory for is in `result`. */
struct rows {
    struct top_row *items;
    size_t n, room;
    int result; /* the first failure */
};

extern const struct top_column *const top_columns[TOP_VIEWS]; /* each ends with a title of NULL */

/* Rows of the view. -ENOMEM; what was made so far is in *ret_rows in any case. */
int rows_make(struct top *top, const struct top_answers *answers, uint64_t now_ms, struct top_row **ret_rows,
              size_t *ret_n);
void rows_free(struct top_row *rows, size_t n);

/* One more, empty; valid until the next one. NULL: no memory. */
struct top_row *rows_add(struct rows *rows);

void rows_text(struct rows *rows, struct top_row *row, unsigned column, const char *text);
void rows_number(struct rows *rows, struct top_row *row, unsigned column, double number, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
void rows_whole(struct rows *rows, struct top_row *row, unsigned column, uint64_t number);

/* A second; "-" while it is not known. */
void rows_rate(struct rows *rows, struct top_row *row, unsigned column, double rate, bool is_known);
void rows_percent(struct rows *rows, struct top_row *row, unsigned column, double part, double whole);

/* "-" below 0. */
void rows_milliseconds(struct rows *rows, struct top_row *row, unsigned column, double milliseconds,
                       int places);

/* "20.1ms": this member of what was measured of first bytes; "-": nothing was. */
void rows_first_byte(struct rows *rows, struct top_row *row, unsigned column, const cJSON *item,
                     const char *member);

/* Where a drill down goes, and with `rest` the row's key. -ENOMEM. */
int rows_set_place(struct top_row *row, const char *namespace_name, const char *service, const char *rest);

/* Of the view TOP_CALLERS, with rates. -ENOMEM. */
int rows_make_callers(struct top *top, const cJSON *callers, uint64_t now_ms, struct rows *rows);
