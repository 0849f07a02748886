/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/top/screen.h"

#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HEAD_LINES 2

struct screen {
    SCREEN *terminal;
    bool has_colours;
};

int screen_open(struct screen **ret_screen)
{
    struct screen *screen;

    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return -ENOTTY;
    screen = calloc(1, sizeof(*screen));
    if (!screen)
        return -ENOMEM;
    screen->terminal = newterm(NULL, stdout, stdin);
    if (!screen->terminal) {
        free(screen);
        return -ENOTTY;
    }
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)set_escdelay(25);
    (void)keypad(stdscr, TRUE);
    (void)curs_set(0);
    if (has_colors() && !getenv("NO_COLOR") && start_color() == OK && use_default_colors() == OK) {
        screen->has_colours = true;
        (void)init_pair(TOP_WARNING, COLOR_YELLOW, -1);
        (void)init_pair(TOP_BAD, COLOR_RED, -1);
    }
    *ret_screen = screen;
    return 0;
}

void screen_close(struct screen **screen)
{
    struct screen *self = *screen;

    if (!self)
        return;
    *screen = NULL;
    (void)endwin();
    delscreen(self->terminal);
    free(self);
}

size_t screen_lines(const struct screen *screen)
{
    (void)screen;
    return LINES > HEAD_LINES ? (size_t)LINES - HEAD_LINES : 1;
}

/* A line, and the rest of its row empty, without clearing what is to be drawn again. */
static void put_line(int y, const char *text, attr_t attributes, short pair)
{
    (void)attr_set(attributes, pair, NULL);
    (void)mvaddstr(y, 0, text ? text : "");
    (void)attr_set(A_NORMAL, 0, NULL);
    (void)clrtoeol();
}

static void draw_help(void)
{
    for (int y = 0; y < LINES; y++)
        put_line(y, NULL, A_NORMAL, 0);
    for (int y = 0; y < LINES && top_help_line((size_t)y); y++)
        put_line(y, top_help_line((size_t)y), y == 0 ? A_BOLD : A_NORMAL, 0);
}

static void draw_rows(const struct screen *screen, const struct top *top)
{
    for (size_t i = 0; i < screen_lines(screen); i++) {
        size_t shown = top->first + i;
        _cleanup_free_ char *line = shown < top->n_shown ? top_row_line(top, shown, (size_t)COLS) : NULL;
        enum top_mood mood = line ? top_row_mood(top, shown) : TOP_FINE;

        put_line((int)i + HEAD_LINES, line, line && shown == top->selected ? A_REVERSE : A_NORMAL,
                 screen->has_colours ? (short)mood : 0);
    }
}

void screen_draw(const struct screen *screen, const struct top *top, const char *trouble)
{
    if (top->is_helping) {
        draw_help();
    } else {
        _cleanup_free_ char *status = top_status_line(top, (size_t)COLS);
        _cleanup_free_ char *header = top_header_line(top, (size_t)COLS);

        put_line(0, trouble ? trouble : status, trouble ? A_BOLD : A_NORMAL,
                 trouble && screen->has_colours ? TOP_BAD : 0);
        put_line(1, header, A_BOLD, 0);
        draw_rows(screen, top);
    }
    (void)refresh();
}

int screen_key(const struct screen *screen, int timeout_ms)
{
    int key;

    (void)screen;
    timeout(timeout_ms);
    key = getch();
    switch (key) {
    case ERR:
    case KEY_RESIZE:
        return 0;
    case KEY_UP:
        return TOP_KEY_UP;
    case KEY_DOWN:
        return TOP_KEY_DOWN;
    case KEY_PPAGE:
        return TOP_KEY_PAGE_UP;
    case KEY_NPAGE:
        return TOP_KEY_PAGE_DOWN;
    case KEY_HOME:
        return TOP_KEY_HOME;
    case KEY_END:
        return TOP_KEY_END;
    case KEY_ENTER:
    case '\r':
    case '\n':
        return TOP_KEY_ENTER;
    case 27:
        return TOP_KEY_ESCAPE;
    case KEY_BACKSPACE:
    case 127:
    case 8:
        return TOP_KEY_BACKSPACE;
    default:
        if (key >= KEY_F(1) && key <= KEY_F(10))
            return TOP_KEY_F1 + (key - KEY_F(1));
        return key > 0 && key < 0x80 ? key : 0;
    }
}
