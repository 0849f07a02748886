/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is shown, where the cursor is, and what keys do. */
#include "cli/top/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/top/rows.h"

static const char *const view_names[TOP_VIEWS] = {
    [TOP_SERVICES] = "services", [TOP_ENDPOINTS] = "endpoints", [TOP_CALLERS] = "callers",
    [TOP_ALIASES] = "aliases",   [TOP_TASKS] = "tasks",
};

/* What fails most is seen first. */
static const unsigned first_sort[TOP_VIEWS] = {
    [TOP_SERVICES] = 5, [TOP_ENDPOINTS] = 8, [TOP_CALLERS] = 6, [TOP_ALIASES] = 7, [TOP_TASKS] = 3};

void top_begin(struct top *top, enum top_view view)
{
    *top = (struct top){.view = view};
    memcpy(top->sort, first_sort, sizeof(top->sort));
}

static void leave_service(struct top *top)
{
    free(top->within_namespace);
    free(top->within_service);
    top->within_namespace = top->within_service = NULL;
}

void top_done(struct top *top)
{
    rows_free(top->rows, top->n_rows);
    free(top->shown);
    free(top->selected_key);
    leave_service(top);
    rates_drop(&top->endpoints, UINT64_MAX);
    *top = (struct top){0};
}

int top_view_parse(const char *name, enum top_view *ret_view)
{
    for (unsigned i = 0; i < TOP_VIEWS; i++)
        if (strcmp(name, view_names[i]) == 0) {
            *ret_view = (enum top_view)i;
            return 0;
        }
    return -EINVAL;
}

const char *top_view_name(enum top_view view)
{
    return view_names[view];
}

/* ---- which rows are shown, in what order ---- */

static bool has_text(const struct top_row *row, const char *text)
{
    if (!*text)
        return true;
    for (unsigned column = 0; column < TOP_COLUMNS; column++)
        if (row->cells[column] && strcasestr(row->cells[column], text))
            return true;
    return false;
}

static unsigned n_columns(const struct top *top)
{
    unsigned n = 0;

    while (top_columns[top->view][n].title)
        n++;
    return n;
}

static const char *cell(const struct top_row *row, unsigned column)
{
    return row->cells[column] ? row->cells[column] : "";
}

/* Numbers from the greatest, what is unknown last; texts from the first. Equal ones by their keys, so that no row
 * jumps without a reason. */
static int compare_rows(const void *a, const void *b, void *user)
{
    const struct top *top = user;
    const struct top_row *one = *(const struct top_row *const *)a;
    const struct top_row *other = *(const struct top_row *const *)b;
    unsigned column = top->sort[top->view];
    int order = 0;

    if (top_columns[top->view][column].is_number) {
        double left = one->is_known[column] ? one->numbers[column] : -1;
        double right = other->is_known[column] ? other->numbers[column] : -1;

        order = (left < right) - (left > right);
    } else {
        order = strcmp(cell(one, column), cell(other, column));
    }
    if (top->is_reversed[top->view])
        order = -order;
    return order ? order : strcmp(one->key, other->key);
}

static void keep_selection(struct top *top)
{
    size_t selected = top->n_shown;

    for (size_t i = 0; top->selected_key && i < top->n_shown && selected == top->n_shown; i++)
        if (strcmp(top->shown[i]->key, top->selected_key) == 0)
            selected = i;
    if (selected < top->n_shown)
        top->selected = selected;
    if (top->selected >= top->n_shown)
        top->selected = top->n_shown ? top->n_shown - 1 : 0;
}

void top_fit(struct top *top, size_t lines)
{
    top->lines = lines;
    if (top->selected < top->first)
        top->first = top->selected;
    if (lines > 0 && top->selected >= top->first + lines)
        top->first = top->selected - lines + 1;
    if (top->first > 0 && top->first + lines > top->n_shown)
        top->first = top->n_shown > lines ? top->n_shown - lines : 0;
}

static void top_choose(struct top *top)
{
    top->n_shown = 0;
    for (size_t i = 0; i < top->n_rows; i++)
        if (has_text(&top->rows[i], top->filter))
            top->shown[top->n_shown++] = &top->rows[i];
    if (top->n_shown > 1)
        qsort_r(top->shown, top->n_shown, sizeof(const struct top_row *), compare_rows, top);
    keep_selection(top);
    if (top->lines > 0)
        top_fit(top, top->lines);
}

int top_feed(struct top *top, const struct top_answers *answers, uint64_t now_ms)
{
    struct top_row *rows = NULL;
    const struct top_row **shown;
    size_t n = 0;
    int r = rows_make(top, answers, now_ms, &rows, &n);

    shown = r == 0 ? calloc(n + 1, sizeof(*shown)) : NULL;
    if (!shown) {
        rows_free(rows, n);
        return -ENOMEM;
    }
    rows_free(top->rows, top->n_rows);
    free(top->shown);
    top->rows = rows;
    top->n_rows = n;
    top->shown = shown;
    top_choose(top);
    return 0;
}

/* ---- keys ---- */

static void forget_rows(struct top *top)
{
    rows_free(top->rows, top->n_rows);
    top->rows = NULL;
    top->n_rows = top->n_shown = top->selected = top->first = 0;
    free(top->selected_key);
    top->selected_key = NULL;
}

static enum top_action go_to(struct top *top, enum top_view view)
{
    forget_rows(top);
    top->view = view;
    *top->filter = *top->search = '\0';
    return TOP_READ;
}

static void select_row(struct top *top, size_t row)
{
    top->selected = row < top->n_shown ? row : top->n_shown ? top->n_shown - 1 : 0;
    free(top->selected_key);
    top->selected_key = top->n_shown ? strdup(top->shown[top->selected]->key) : NULL;
}

static bool top_move(struct top *top, int key, size_t lines)
{
    size_t at = top->selected;

    switch (key) {
    case TOP_KEY_UP:
        select_row(top, at ? at - 1 : 0);
        return true;
    case TOP_KEY_DOWN:
        select_row(top, at + 1);
        return true;
    case TOP_KEY_PAGE_UP:
        select_row(top, at > lines ? at - lines : 0);
        return true;
    case TOP_KEY_PAGE_DOWN:
        select_row(top, at + lines);
        return true;
    case TOP_KEY_HOME:
        select_row(top, 0);
        return true;
    case TOP_KEY_END:
        select_row(top, top->n_shown);
        return true;
    default:
        return false;
    }
}

/* The next one with the text, from a row on and around. */
static void search_from(struct top *top, size_t from)
{
    for (size_t i = 0; i < top->n_shown; i++) {
        size_t row = (from + i) % top->n_shown;

        if (has_text(top->shown[row], top->search)) {
            select_row(top, row);
            return;
        }
    }
}

static enum top_action type(struct top *top, int key)
{
    char *text = top->input == TOP_FILTERING ? top->filter : top->search;
    size_t length = strlen(text);

    if (key == TOP_KEY_ENTER || key == TOP_KEY_ESCAPE) {
        if (key == TOP_KEY_ESCAPE)
            *text = '\0';
        top->input = TOP_BROWSING;
    } else if (key == TOP_KEY_BACKSPACE && length > 0) {
        text[length - 1] = '\0';
    } else if (key >= ' ' && key < 0x7f && length + 1 < TOP_TEXT) {
        text[length] = (char)key;
        text[length + 1] = '\0';
    }
    if (text == top->filter)
        top_choose(top);
    else if (top->n_shown > 0)
        search_from(top, top->selected);
    return TOP_NOTHING;
}

static enum top_action drill_down(struct top *top)
{
    const struct top_row *row = top->n_shown ? top->shown[top->selected] : NULL;

    if (!row || !row->service || top->view == TOP_ENDPOINTS)
        return TOP_NOTHING;
    leave_service(top);
    top->within_namespace = strdup(row->namespace_name);
    top->within_service = strdup(row->service);
    if (!top->within_namespace || !top->within_service)
        leave_service(top);
    return go_to(top, TOP_ENDPOINTS);
}

/* What was typed goes first, then the service that was entered. */
static enum top_action go_back(struct top *top)
{
    if (*top->filter || *top->search) {
        *top->filter = *top->search = '\0';
        top_choose(top);
        return TOP_NOTHING;
    }
    if (!top->within_service)
        return TOP_NOTHING;
    leave_service(top);
    return go_to(top, TOP_SERVICES);
}

static void sort_by(struct top *top, unsigned column)
{
    top->sort[top->view] = column % n_columns(top);
    top_choose(top);
}

static void sort_by_title(struct top *top, const char *title)
{
    for (unsigned column = 0; column < n_columns(top); column++)
        if (strcmp(top_columns[top->view][column].title, title) == 0)
            sort_by(top, column);
}

static enum top_action view_key(struct top *top, int key)
{
    enum top_view view = top->view;

    if (key == '\t')
        view = (view + 1) % TOP_VIEWS;
    else if (key >= '1' && key < '1' + TOP_VIEWS)
        view = (enum top_view)(key - '1');
    leave_service(top);
    return go_to(top, view);
}

static enum top_action browse(struct top *top, int key)
{
    switch (key) {
    case 'q':
    case TOP_KEY_F10:
        return TOP_QUIT;
    case '?':
    case 'h':
    case TOP_KEY_F1:
        top->is_helping = true;
        return TOP_NOTHING;
    case '/':
    case TOP_KEY_F1 + 2:
        top->input = TOP_SEARCHING;
        *top->search = '\0';
        return TOP_NOTHING;
    case '\\':
    case TOP_KEY_F1 + 3:
        top->input = TOP_FILTERING;
        return TOP_NOTHING;
    case 'n':
        if (*top->search && top->n_shown > 0)
            search_from(top, top->selected + 1);
        return TOP_NOTHING;
    case '>':
    case '.':
    case TOP_KEY_F1 + 5:
        sort_by(top, top->sort[top->view] + 1);
        return TOP_NOTHING;
    case '<':
    case ',':
        sort_by(top, top->sort[top->view] + n_columns(top) - 1);
        return TOP_NOTHING;
    case 'I':
        top->is_reversed[top->view] = !top->is_reversed[top->view];
        top_choose(top);
        return TOP_NOTHING;
    case 'P':
        top->is_costing = !top->is_costing;
        *top->cost = '\0';
        return TOP_READ;
    case 'C':
        sort_by_title(top, "CONN/s");
        return TOP_NOTHING;
    case 'F':
        sort_by_title(top, "FAIL/s");
        return TOP_NOTHING;
    case 'Z':
    case ' ':
        top->is_paused = !top->is_paused;
        return top->is_paused ? TOP_NOTHING : TOP_READ;
    case TOP_KEY_ENTER:
        return drill_down(top);
    case TOP_KEY_ESCAPE:
    case TOP_KEY_BACKSPACE:
        return go_back(top);
    default:
        return key == '\t' || (key >= '1' && key < '1' + TOP_VIEWS) ? view_key(top, key) : TOP_NOTHING;
    }
}

enum top_action top_press(struct top *top, int key, size_t lines)
{
    enum top_action action = TOP_NOTHING;

    if (top->is_helping)
        top->is_helping = false;
    else if (top_move(top, key, lines))
        action = TOP_NOTHING;
    else if (top->input != TOP_BROWSING)
        action = type(top, key);
    else
        action = browse(top, key);
    top_fit(top, lines);
    return action;
}
