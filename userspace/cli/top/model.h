/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What `top` shows, without a terminal: answers of the control API and keys come in, lines of text go out. Rates are
 * of what was counted in the last ten seconds, as far as it has been looked at for so long.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define TOP_WINDOW_MS   10000u
#define TOP_COLUMNS     15
#define TOP_TEXT        64 /* bytes of what is typed */
#define TOP_LEAST_WIDTH 20u
#define TOP_COST        160 /* bytes */

enum top_view {
    TOP_SERVICES,
    TOP_ENDPOINTS,
    TOP_CALLERS,
    TOP_ALIASES,
    TOP_TASKS,
    TOP_VIEWS,
};

/* Keys that are no characters. */
enum top_key {
    TOP_KEY_UP = 0x1000,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
    TOP_KEY_ENTER,
    TOP_KEY_ESCAPE,
    TOP_KEY_BACKSPACE,
    TOP_KEY_F1, /* and so on, up to F10 */
    TOP_KEY_F10 = TOP_KEY_F1 + 9,
};

enum top_input {
    TOP_BROWSING,
    TOP_FILTERING,
    TOP_SEARCHING,
};

/* How a row is. */
enum top_mood {
    TOP_FINE,
    TOP_WARNING,
    TOP_BAD,
};

struct top_row;
struct top_endpoint;

struct top {
    enum top_view view;
    enum top_input input;
    char filter[TOP_TEXT], search[TOP_TEXT];
    char *within_namespace, *within_service; /* endpoints of this one alone; NULL: all */
    unsigned sort[TOP_VIEWS];                /* column */
    bool is_reversed[TOP_VIEWS];
    bool is_paused, is_helping;
    bool is_costing;      /* what the programs cost is shown */
    char cost[TOP_COST];  /* that sentence, from who can look; "": none yet */
    struct top_row *rows; /* of the view, in the order they came */
    size_t n_rows;
    const struct top_row **shown; /* those that pass the filter, sorted */
    size_t n_shown;
    size_t lines;                   /* for rows, when a key was pressed last; 0: none was */
    size_t selected, first;         /* of those shown: the one under the cursor, the one at the top */
    char *selected_key;             /* so that the cursor stays with it */
    struct top_endpoint *endpoints; /* what was counted of each, or of each caller */
    uint64_t round;
};

/* What a view is made of; members may be NULL. Lists as GET /v1/... has them. */
struct top_answers {
    const cJSON *endpoints, *services, *callers, *aliases, *tasks;
};

void top_begin(struct top *top, enum top_view view);
void top_done(struct top *top);

/* -EINVAL: no such view. */
int top_view_parse(const char *name, enum top_view *ret_view);
const char *top_view_name(enum top_view view);

/* Takes what was answered at a time (monotonic). -ENOMEM. */
int top_feed(struct top *top, const struct top_answers *answers, uint64_t now_ms);

enum top_action {
    TOP_NOTHING,
    TOP_READ, /* the view needs other answers */
    TOP_QUIT,
};

/* So many lines are for rows; the one under the cursor is among them. */
void top_fit(struct top *top, size_t lines);

/* A key, with so many lines for rows. */
enum top_action top_press(struct top *top, int key, size_t lines);

/* ---- lines, each of at most `width` columns; the caller frees them; NULL: no memory ---- */
char *top_status_line(const struct top *top, size_t width);
char *top_header_line(const struct top *top, size_t width);
char *top_row_line(const struct top *top, size_t shown, size_t width);
enum top_mood top_row_mood(const struct top *top, size_t shown);

/* NULL behind the last. */
const char *top_help_line(size_t i);

/* {"view": ..., "rows": [{...}]} of those shown; numbers are numbers. NULL: no memory. */
cJSON *top_json(const struct top *top);
