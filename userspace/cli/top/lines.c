/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is shown as lines of text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/top/rows.h"
#include "cli/width.h"

static const char *const help[] = {
    "svcconnect top: what goes where, and what fails",
    "",
    "  1 2 3 4 5, Tab   services, endpoints, callers, aliases, tasks",
    "  arrows, PgUp, PgDn, Home, End",
    "  Enter            the endpoints of the service under the cursor; Esc: back",
    "  / F3             search; n: the next    \\ F4: filter; Esc: all again",
    "  > < F6           sort by the next column, the one before; I: the other way",
    "  C F              sort by CONN/s, by FAIL/s",
    "  P                what the programs cost of a processor (root); P: no more",
    "  Space Z          pause",
    "  q F10            quit",
    "",
    "CONN/s and FAIL/s are of the last 10 seconds. WANT % is by the weights; GOT % is of the",
    "connects of these 10 seconds. They are counted at endpoints: in the view of aliases, those",
    "that came by another alias of the same service are among them. NOW % is what the published",
    "table gives. FAIL/s: refused, not answered within a second, reset early, or not begun.",
    NULL,
};

const char *top_help_line(size_t i)
{
    return i < ARRAY_SIZE(help) ? help[i] : NULL;
}

/* ---- columns that fit ---- */

/* The width of each column, 0: it is left out. The last takes what is left, if that is any. */
static void fit(const struct top_column *columns, size_t width, unsigned widths[static TOP_COLUMNS])
{
    size_t needed = 0;
    unsigned n = 0;

    for (; columns[n].title; n++) {
        widths[n] = columns[n].width ? columns[n].width : (unsigned)strlen(columns[n].title);
        needed += widths[n] + 1;
    }
    while (needed > width + 1) {
        unsigned out = 0, left = 0;

        for (unsigned i = 0; i < n; i++) {
            left += widths[i] > 0;
            if (widths[i] && (!widths[out] || columns[i].rank >= columns[out].rank))
                out = i;
        }
        if (left <= 1)
            break;
        needed -= widths[out] + 1;
        widths[out] = 0;
    }
    if (needed > width + 1) {
        for (unsigned i = 0; i < n; i++)
            widths[i] = widths[i] ? (unsigned)width : 0;
    } else {
        /* Names and reasons have the room that is left. */
        unsigned longest = columns[n - 1].width == 0 && widths[n - 1] ? n - 1 : 1;

        if (widths[longest])
            widths[longest] += (unsigned)(width + 1 - needed);
    }
}

static int put_cell(FILE *out, const char *text, unsigned width, bool is_right)
{
    _cleanup_free_ char *cut = width_cut(text, width);
    size_t used;

    if (!cut)
        return -1;
    used = width_of(cut);
    if (is_right)
        (void)fprintf(out, "%*s%s", (int)(width - used), "", cut);
    else
        (void)fprintf(out, "%s%*s", cut, (int)(width - used), "");
    return 0;
}

/* `row` NULL: the titles. */
static char *line_of(const struct top *top, const struct top_row *row, size_t width)
{
    const struct top_column *columns = top_columns[top->view];
    unsigned widths[TOP_COLUMNS] = {0};
    bool is_first = true;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int r = 0;

    if (!out)
        return NULL;
    fit(columns, width > TOP_LEAST_WIDTH ? width : TOP_LEAST_WIDTH, widths);
    for (unsigned i = 0; columns[i].title; i++) {
        char title[32];

        if (!widths[i])
            continue;
        (void)snprintf(title, sizeof(title), "%s%s", columns[i].title,
                       i == top->sort[top->view] ? (top->is_reversed[top->view] ? "\u25b4" : "\u25be") : "");
        if (!is_first)
            (void)fputc(' ', out);
        is_first = false;
        r |= put_cell(out, row ? (row->cells[i] ? row->cells[i] : "") : title, widths[i],
                      columns[i].is_number);
    }
    if (fclose(out) != 0 || r < 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *top_header_line(const struct top *top, size_t width)
{
    return line_of(top, NULL, width);
}

char *top_row_line(const struct top *top, size_t shown, size_t width)
{
    return line_of(top, top->shown[shown], width);
}

enum top_mood top_row_mood(const struct top *top, size_t shown)
{
    return top->shown[shown]->mood;
}

char *top_status_line(const struct top *top, size_t width)
{
    _cleanup_free_ char *text = NULL;
    char typed[2 * TOP_TEXT + 32] = "";

    if (top->input == TOP_SEARCHING)
        (void)snprintf(typed, sizeof(typed), "  search: %s_", top->search);
    else if (top->input == TOP_FILTERING)
        (void)snprintf(typed, sizeof(typed), "  filter: %s_", top->filter);
    else if (*top->filter)
        (void)snprintf(typed, sizeof(typed), "  filter: %s", top->filter);
    if (asprintf(&text, "%s%s%s: %zu of %zu%s%s%s%s  ?: help", top_view_name(top->view),
                 top->within_service ? " of " : "", top->within_service ? top->within_service : "",
                 top->n_shown, top->n_rows, top->is_paused ? "  PAUSED" : "", typed,
                 top->is_costing && *top->cost ? "  " : "", top->is_costing ? top->cost : "") < 0) {
        text = NULL;
        return NULL;
    }
    return width_cut(text, width);
}

/* ---- JSON ---- */

cJSON *top_json(const struct top *top)
{
    const struct top_column *columns = top_columns[top->view];
    cJSON *object = cJSON_CreateObject();
    cJSON *rows;

    (void)cJSON_AddStringToObject(object, "view", top_view_name(top->view));
    rows = cJSON_AddArrayToObject(object, "rows");
    for (size_t i = 0; i < top->n_shown; i++) {
        const struct top_row *row = top->shown[i];
        cJSON *item = cJSON_CreateObject();

        for (unsigned column = 0; columns[column].title; column++) {
            if (row->is_known[column])
                (void)cJSON_AddNumberToObject(item, columns[column].member, row->numbers[column]);
            else if (columns[column].is_number)
                (void)cJSON_AddNullToObject(item, columns[column].member);
            else
                (void)cJSON_AddStringToObject(item, columns[column].member,
                                              row->cells[column] ? row->cells[column] : "");
        }
        (void)cJSON_AddItemToArray(rows, item);
    }
    return object;
}
