/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/near_miss.h"

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

const char *near_miss(const char *name, const char *const known[])
{
    const char *best = NULL;
    size_t fewest = strnlen(name, LONGEST + 1) < 6 ? 2 : 3;

    if (strnlen(name, LONGEST + 1) > LONGEST)
        return NULL;
    for (size_t i = 0; known[i]; i++) {
        size_t n;

        if (strcasecmp(name, known[i]) == 0)
            return known[i];
        if (strlen(known[i]) > LONGEST)
            continue;
        n = edits(name, known[i]);
        if (n < fewest) {
            fewest = n;
            best = known[i];
        }
    }
    return best;
}
