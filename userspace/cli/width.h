/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How many columns of a terminal a text takes, and a text cut to so many. In: UTF-8; the caller has set
 * LC_CTYPE to a locale of UTF-8 (where there is none, each character counts as one column). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Combining marks take none, wide characters two; a byte that is no UTF-8 takes one. */
size_t width_of(const char *text);

/* A copy of at most `width` columns, whose last is an ellipsis if something was cut. The caller frees it.
 * NULL: no memory. */
char *width_cut(const char *text, size_t width);

/* Columns of the terminal on standard output, or what COLUMNS says: 0: there is neither, so no limit. */
size_t width_of_terminal(void);

/* Lines of the terminal on standard output; 0: it is none. */
size_t width_terminal_lines(void);

/* Of the character at `text`, which is not at its end: its bytes, and in *ret_columns what it takes.
 * *ret_is_safe is false for one that a terminal would obey and for bytes that are no UTF-8. */
size_t width_step(const char *text, size_t *ret_columns, bool *ret_is_safe);
