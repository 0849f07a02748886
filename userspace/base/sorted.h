/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The entries of a hash table in an order for people to read. A request that only reads must not leave a
 * trace in what is read, and HASH_SORT() would: the table itself is walked in the new order from then on, by
 * changes as well.
 */
#pragma once

#include "base/hash.h"

/* As qsort() calls it: with pointers to pointers to entries. */
typedef int sorted_compare(const void *a, const void *b);

/*
 * Pointers to the entries of the table that begins with `head` (NULL: an empty one), NULL-terminated; the
 * caller frees it. NULL: no memory. The table stays as it is.
 */
#define SORTED_ENTRIES(head, compare) sorted_entries((head), (head) ? &(head)->hh : NULL, (compare))

void *sorted_entries(const void *head, const UT_hash_handle *handle, sorted_compare *compare);
