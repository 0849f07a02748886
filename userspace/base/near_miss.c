/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/near_miss.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LONGEST 48 /* of the names compared: a bound on the work that a hostile document can cause */

/* Insertions, deletions and replacements from one to the other, by rows of the usual table. */
static size_t edits(const char *from, const char *to)
{
    size_t row[LONGEST + 1];
    size_t n = strlen(to);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; from[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t replaced = diagonal + (from[i] != to[j]);

            diagonal = row[j + 1];
            row[j + 1] = replaced;
            if (row[j] + 1 < row[j + 1])
                row[j + 1] = row[j] + 1;
            if (diagonal + 1 < row[j + 1])
                row[j + 1] = diagonal + 1;
        }
    }
    return row[n];
}

void near_miss_begin(struct near_miss *search, const char *name)
{
    size_t length = strnlen(name, LONGEST + 1);

    *search = (struct near_miss){.name = name, .length = length, .fewest = length < 6 ? 2 : 3};
}

bool near_miss_try(struct near_miss *search, const char *known)
{
    size_t length = strnlen(known, LONGEST + 1);
    size_t n;

    if (search->length > LONGEST || search->fewest == 0 || search->n_tried++ >= NEAR_MISS_MOST)
        return false;
    if (length > LONGEST || length + search->fewest <= search->length ||
        search->length + search->fewest <= length)
        return true;
    n = strcasecmp(search->name, known) == 0 ? 0 : edits(search->name, known);
    if (n < search->fewest) {
        search->fewest = n;
        search->best = known;
    }
    return true;
}

const char *near_miss(const char *name, const char *const known[])
{
    struct near_miss search;

    near_miss_begin(&search, name);
    for (size_t i = 0; known[i] && near_miss_try(&search, known[i]); i++)
        ;
    return search.best;
}
