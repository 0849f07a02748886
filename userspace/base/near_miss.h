/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a misspelt name was probably meant to be. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NEAR_MISS_MOST                                                                                       \
    4096 /* so many are looked at: a bound on what a misspelt name costs, some milliseconds */

/* A search among names that stand in no array. What is tried must live as long as `best` is wanted. */
struct near_miss {
    const char *name;
    size_t length;
    size_t fewest; /* edits: a better one needs fewer */
    size_t n_tried;
    const char *best; /* NULL: none yet */
};
void near_miss_begin(struct near_miss *search, const char *name);
bool near_miss_try(struct near_miss *search, const char *known); /* false: no other needs to be tried */

/* The one of the NULL-terminated `known` that differs from `name` in case or by at most two edits (one for
 * short names); NULL if there is none. */
const char *near_miss(const char *name, const char *const known[]);
