/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The names that are to be shown, found in the catalog piece by piece, namespace by namespace. */
#pragma once

#include <stdbool.h>

#include "api/read/list_names.h"
#include "model/catalog.h"

struct engine;

/* So many names are noted in a piece. If the catalog changes before all are, that begins anew, but not more
 * often than this: then they are noted at once, since a list that never begins would be worse. */
#define LIST_NOTE_PIECE 2048u
#define LIST_NOTE_TRIES 4u

/*
 * Notes what is to be shown of a namespace, at most so many: from the beginning (`last` is NULL), or behind
 * the last that it has noted; the catalog has not changed since. 1: there may be more; 0: that was all;
 * -ENOMEM, -E2BIG.
 */
typedef int (*list_note_fn)(struct list_names *names, const struct model_namespace *parent,
                            const struct list_key *last, size_t most);

/* Begins with engine, note and wanted; list_names_done() ends it. */
struct list_noting {
    struct engine *engine;
    list_note_fn note;
    const char *wanted; /* the only namespace to be noted; NULL: all */
    struct list_names names;
    unsigned n_tries;
    uint64_t steps;                     /* the engine's, as the last of them began */
    size_t first;                       /* name of the namespace that is being noted */
    uint64_t revision, address_changes; /* as it began */
};

/* While the catalog is steady. 1: there is more; 0: all has been noted; -ENOMEM, -E2BIG. */
int list_noting_piece(struct list_noting *noting);

/* Is what is registered the same as when the noting began? */
bool list_noting_is_same(const struct list_noting *noting);
