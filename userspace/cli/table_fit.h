/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which columns a line of limited width has, and how wide each is. */
#pragma once

#include <stddef.h>

#define TABLE_GAP 2 /* spaces between columns */

struct fit_column {
    size_t natural;     /* what its widest cell takes */
    size_t least;       /* what it may be cut to; >= natural: it is not cut */
    unsigned char rank; /* 0: stays; of the others the greatest goes first */
};

/*
 * Fills widths[] (0: the column is left out) so that all of them with the gaps between take at most `width`
 * columns: by leaving columns out, then by cutting those that may be cut, then by cutting any. Returns how many
 * are left out.
 */
size_t table_fit(const struct fit_column *columns, size_t count, size_t width, size_t *widths);
