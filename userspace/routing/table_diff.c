/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* In: two sets of tables. Out: the operations between them, found by merging both in the order of their
 * identities. */
#include "routing/table_diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct entry {
    const char *identity;
    size_t index;
};

static int table_diff_by_identity(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->identity, ((const struct entry *)b)->identity);
}

/* *ret_entries is never NULL on success, so that callers need not care about empty sets. */
static int sort_views(const struct table_view *views, size_t n, struct entry **ret_entries)
{
    _cleanup_free_ struct entry *entries = calloc(n + 1, sizeof(*entries));

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){views[i].identity, i};
    qsort(entries, n, sizeof(*entries), table_diff_by_identity);
    for (size_t i = 1; i < n; i++)
        if (table_diff_by_identity(&entries[i - 1], &entries[i]) == 0)
            return -EEXIST;
    *ret_entries = TAKE_PTR(entries);
    return 0;
}

static bool slots_equal(const struct svc_slot *a, uint32_t count_a, const struct svc_slot *b,
                        uint32_t count_b)
{
    if (count_a != count_b)
        return false;
    return count_a == 0 || a == b || memcmp(a, b, count_a * sizeof(*a)) == 0;
}

static bool tables_equal(const struct table_view *a, const struct table_view *b)
{
    return a->stickiness_ms == b->stickiness_ms && a->flags == b->flags &&
           slots_equal(a->slots4, a->count4, b->slots4, b->count4) &&
           slots_equal(a->slots6, a->count6, b->slots6, b->count6);
}

/* Stable: moves one kind of operation behind those already in `to`. */
static size_t table_diff_append(struct table_operation *to, size_t n_to, enum table_change change,
                                const struct table_operation *from, size_t n_from)
{
    for (size_t i = 0; i < n_from; i++)
        if (from[i].change == change)
            to[n_to++] = from[i];
    return n_to;
}

int table_diff(const struct table_view *wanted, size_t n_wanted, const struct table_view *current,
               size_t n_current, struct table_operation **ret_operations, size_t *ret_n_operations)
{
    _cleanup_free_ struct entry *want = NULL;
    _cleanup_free_ struct entry *have = NULL;
    _cleanup_free_ struct table_operation *found = NULL;
    _cleanup_free_ struct table_operation *ordered = NULL;
    size_t n = 0;
    size_t n_ordered = 0;
    int r = sort_views(wanted, n_wanted, &want);

    if (r == 0)
        r = sort_views(current, n_current, &have);
    if (r < 0)
        return r;
    found = calloc(n_wanted + n_current + 1, sizeof(*found));
    if (!found)
        return -ENOMEM;
    for (size_t w = 0, c = 0; w < n_wanted || c < n_current;) {
        int order = w == n_wanted ? 1 : c == n_current ? -1 : table_diff_by_identity(&want[w], &have[c]);

        if (order < 0) {
            found[n++] = (struct table_operation){.change = TABLE_ADD, .wanted = want[w++].index};
        } else if (order > 0) {
            found[n++] = (struct table_operation){.change = TABLE_REMOVE, .current = have[c++].index};
        } else {
            if (!tables_equal(&wanted[want[w].index], &current[have[c].index]))
                found[n++] = (struct table_operation){TABLE_REPLACE, want[w].index, have[c].index};
            w++;
            c++;
        }
    }
    if (n > 0) {
        ordered = calloc(n, sizeof(*ordered));
        if (!ordered)
            return -ENOMEM;
        n_ordered = table_diff_append(ordered, n_ordered, TABLE_REMOVE, found, n);
        n_ordered = table_diff_append(ordered, n_ordered, TABLE_REPLACE, found, n);
        n_ordered = table_diff_append(ordered, n_ordered, TABLE_ADD, found, n);
    }
    *ret_operations = TAKE_PTR(ordered);
    *ret_n_operations = n_ordered;
    return 0;
}
