/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A sorted list of a hash table's entries, beside the table. */
#include "base/sorted.h"

#include <stdlib.h>

void *sorted_entries(const void *head, const UT_hash_handle *handle, sorted_compare *compare)
{
    size_t n = handle ? handle->tbl->num_items : 0;
    const void **sorted = calloc(n + 1, sizeof(*sorted));
    const void *entry = head;

    if (!sorted)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = entry;
        entry = ((const UT_hash_handle *)((const char *)entry + handle->tbl->hho))->next;
    }
    if (n)
        qsort(sorted, n, sizeof(*sorted), compare);
    return sorted;
}
