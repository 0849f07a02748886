/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Both sets sorted by identity and walked once, side by side. */
#include "routing/table_diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int by_identity(const void *a, const void *b)
{
    return strcmp((*(const struct table_view *const *)a)->identity, (*(const struct table_view *const *)b)->identity);
}

static int sort_views(const struct table_view *views, size_t n, const struct table_view ***ret_sorted)
{
    const struct table_view **sorted = calloc(n + 1, sizeof(*sorted));

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &views[i];
    if (n)
        qsort(sorted, n, sizeof(*sorted), by_identity);
    *ret_sorted = sorted;
    for (size_t i = 1; i < n; i++)
        if (by_identity(&sorted[i - 1], &sorted[i]) == 0)
            return -EEXIST;
    return 0;
}

static bool same_slots(const struct svc_slot *a, uint32_t count_a, const struct svc_slot *b, uint32_t count_b)
{
    return count_a == count_b && (count_a == 0 || memcmp(a, b, count_a * sizeof(*a)) == 0);
}

static bool same_tables(const struct table_view *a, const struct table_view *b)
{
    return same_slots(a->slots4, a->count4, b->slots4, b->count4) &&
           same_slots(a->slots6, a->count6, b->slots6, b->count6);
}

struct groups {
    struct table_operation *of[3]; /* by enum table_change */
    size_t n[3];
};

static void groups_done(struct groups *groups)
{
    for (int change = 0; change < 3; change++)
        free(groups->of[change]);
}

static void add(struct groups *groups, enum table_change change, size_t wanted, size_t current)
{
    groups->of[change][groups->n[change]++] = (struct table_operation){change, wanted, current};
}

static void walk(const struct table_view *wanted, const struct table_view **sorted_wanted, size_t n_wanted,
                 const struct table_view *current, const struct table_view **sorted_current, size_t n_current,
                 struct groups *groups)
{
    size_t w = 0;
    size_t c = 0;

    while (w < n_wanted || c < n_current) {
        int order = w == n_wanted    ? 1
                    : c == n_current ? -1
                                     : by_identity(&sorted_wanted[w], &sorted_current[c]);

        if (order < 0) {
            add(groups, TABLE_ADD, (size_t)(sorted_wanted[w++] - wanted), 0);
        } else if (order > 0) {
            add(groups, TABLE_REMOVE, 0, (size_t)(sorted_current[c++] - current));
        } else {
            if (!same_tables(sorted_wanted[w], sorted_current[c]))
                add(groups, TABLE_REPLACE, (size_t)(sorted_wanted[w] - wanted),
                    (size_t)(sorted_current[c] - current));
            w++;
            c++;
        }
    }
}

int table_diff(const struct table_view *wanted, size_t n_wanted, const struct table_view *current, size_t n_current,
               struct table_operation **ret_operations, size_t *ret_n_operations)
{
    static const enum table_change order[] = {TABLE_REMOVE, TABLE_REPLACE, TABLE_ADD};
    _cleanup_free_ const struct table_view **sorted_wanted = NULL;
    _cleanup_free_ const struct table_view **sorted_current = NULL;
    _cleanup_(groups_done) struct groups groups = {0};
    struct table_operation *operations = NULL;
    size_t n = 0;
    int r = sort_views(wanted, n_wanted, &sorted_wanted);

    if (r == 0)
        r = sort_views(current, n_current, &sorted_current);
    if (r < 0)
        return r;
    for (int change = 0; change < 3; change++) {
        groups.of[change] = calloc(n_wanted + n_current + 1, sizeof(*groups.of[change]));
        if (!groups.of[change])
            return -ENOMEM;
    }
    walk(wanted, sorted_wanted, n_wanted, current, sorted_current, n_current, &groups);
    if (groups.n[0] + groups.n[1] + groups.n[2] > 0) {
        operations = calloc(groups.n[0] + groups.n[1] + groups.n[2], sizeof(*operations));
        if (!operations)
            return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (groups.n[order[i]])
            memcpy(operations + n, groups.of[order[i]], groups.n[order[i]] * sizeof(*operations));
        n += groups.n[order[i]];
    }
    *ret_operations = operations;
    *ret_n_operations = n;
    return 0;
}
