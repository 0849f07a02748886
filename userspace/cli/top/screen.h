/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The terminal: what the model says, drawn by ncurses, which sends only what has changed; and its keys. */
#pragma once

#include "cli/top/model.h"

struct screen;

/* The terminal is ours until the close. -ENOTTY. */
int screen_open(struct screen **ret_screen);
void screen_close(struct screen **screen); /* NULL-safe; sets to NULL */

/* `trouble`: a sentence in the place of the status line; NULL. */
void screen_draw(const struct screen *screen, const struct top *top, const char *trouble);
size_t screen_lines(const struct screen *screen); /* for rows */

/* A key as top_press() takes it, or 0: none came in so many ms. */
int screen_key(const struct screen *screen, int timeout_ms);
