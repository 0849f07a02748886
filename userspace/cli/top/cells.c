/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A list of rows that grows, and what their cells say. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text.h"
#include "cli/top/rows.h"

struct top_row *rows_add(struct rows *rows)
{
    if (rows->n == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 64;
        struct top_row *larger = reallocarray(rows->items, room, sizeof(*larger));

        if (!larger) {
            rows->result = -ENOMEM;
            return NULL;
        }
        rows->items = larger;
        rows->room = room;
    }
    rows->items[rows->n] = (struct top_row){0};
    return &rows->items[rows->n++];
}

void rows_text(struct rows *rows, struct top_row *row, unsigned column, const char *text)
{
    row->cells[column] = text_printable(text);
    if (!row->cells[column])
        rows->result = -ENOMEM;
}

void rows_number(struct rows *rows, struct top_row *row, unsigned column, double number, const char *format,
                 ...)
{
    va_list arguments;

    row->numbers[column] = number;
    row->is_known[column] = true;
    va_start(arguments, format);
    if (vasprintf(&row->cells[column], format, arguments) < 0) {
        row->cells[column] = NULL;
        rows->result = -ENOMEM;
    }
    va_end(arguments);
}

void rows_whole(struct rows *rows, struct top_row *row, unsigned column, uint64_t number)
{
    rows_number(rows, row, column, (double)number, "%llu", (unsigned long long)number);
}

void rows_rate(struct rows *rows, struct top_row *row, unsigned column, double rate, bool is_known)
{
    if (is_known)
        rows_number(rows, row, column, rate, rate >= 100 ? "%.0f" : "%.1f", rate);
    else
        rows_text(rows, row, column, "-");
}

void rows_percent(struct rows *rows, struct top_row *row, unsigned column, double part, double whole)
{
    if (whole > 0)
        rows_number(rows, row, column, 100 * part / whole, "%.1f", 100 * part / whole);
    else
        rows_text(rows, row, column, "-");
}

void rows_milliseconds(struct rows *rows, struct top_row *row, unsigned column, double milliseconds,
                       int places)
{
    if (milliseconds >= 0)
        rows_number(rows, row, column, milliseconds, "%.*fms", places, milliseconds);
    else
        rows_text(rows, row, column, "-");
}

void rows_first_byte(struct rows *rows, struct top_row *row, unsigned column, const cJSON *item,
                     const char *member)
{
    const cJSON *time = cJSON_GetObjectItem(text_child(item, "firstByte"), member);

    rows_milliseconds(rows, row, column, cJSON_IsNumber(time) ? time->valuedouble : -1, 1);
}

void rows_free(struct top_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned column = 0; column < TOP_COLUMNS; column++)
            free(rows[i].cells[column]);
        free(rows[i].key);
        free(rows[i].namespace_name);
        free(rows[i].service);
    }
    free(rows);
}

int rows_set_place(struct top_row *row, const char *namespace_name, const char *service, const char *rest)
{
    row->namespace_name = strdup(namespace_name);
    row->service = strdup(service);
    if (asprintf(&row->key, "%s\t%s\t%s", namespace_name, service, rest) < 0)
        row->key = NULL;
    return row->namespace_name && row->service && row->key ? 0 : -ENOMEM;
}
