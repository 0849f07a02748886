/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/read/list_noting.h"

#include <string.h>

#include "engine/change/job.h"
#include "engine/engine.h"

/* The one behind `parent` (NULL: the first) that is to be shown; NULL. */
static const struct model_namespace *next_wanted(const struct list_noting *noting,
                                                 const struct model_namespace *parent)
{
    parent = parent ? parent->hh.next : engine_catalog(noting->engine)->namespaces;
    while (parent && noting->wanted && strcmp(noting->wanted, parent->name) != 0)
        parent = parent->hh.next;
    return parent;
}

/* 1: its names come next; 0: there is none. */
static int enter_namespace(struct list_noting *noting, const struct model_namespace *parent)
{
    int r = parent ? list_names_begin_namespace(&noting->names, parent->name) : 0;

    noting->first = noting->names.n;
    return r < 0 ? r : parent != NULL;
}

static int begin_noting(struct list_noting *noting)
{
    noting->n_tries++;
    noting->steps = engine_steps(noting->engine);
    noting->revision = engine_figures(noting->engine).revision;
    noting->address_changes = engine_catalog(noting->engine)->n_address_changes;
    list_names_clear(&noting->names);
    return enter_namespace(noting, next_wanted(noting, NULL));
}

static int go_on_noting(struct list_noting *noting, size_t most)
{
    const struct model_namespace *parent =
        catalog_namespace(engine_catalog(noting->engine), list_names_namespace(&noting->names));
    struct list_names *names = &noting->names;
    const struct list_key last =
        names->n > noting->first ? list_names_key(names, names->n - 1) : (struct list_key){0};
    int r = noting->note(names, parent, last.name ? &last : NULL, most);

    return r == 0 ? enter_namespace(noting, next_wanted(noting, parent)) : r;
}

/* 1: there is more; 0: all has been noted. */
int list_noting_piece(struct list_noting *noting)
{
    int r = 1;

    if (noting->n_tries == 0 || engine_steps(noting->engine) != noting->steps)
        r = begin_noting(noting);
    else
        r = go_on_noting(noting, LIST_NOTE_PIECE);
    while (r > 0 && noting->n_tries >= LIST_NOTE_TRIES)
        r = go_on_noting(noting, SIZE_MAX);
    return r;
}

bool list_noting_is_same(const struct list_noting *noting)
{
    return engine_figures(noting->engine).revision == noting->revision &&
           engine_catalog(noting->engine)->n_address_changes == noting->address_changes;
}
