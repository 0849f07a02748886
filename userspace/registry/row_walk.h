/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The keys of all rows that a catalog was made of, piece by piece. Pure. */
#pragma once

#include "model/catalog.h"

struct row_walk {
    bool has_begun;
    const struct model_namespace *parent; /* where the walk is */
    const struct service *service;
};

/* Returns 0 to go on, or a negative errno. The key is the walk's. */
typedef int (*row_key_fn)(const char *key, void *user);

/*
 * The next piece: what belongs to no namespace, one service with its instances, or the rest of a namespace. 1: there
 * is more; 0; or what `on_key` returned. The catalog must stay as it is between the pieces. A key may be given
 * that has no row (of a service that is only mentioned): row_of_catalog() knows.
 */
int row_walk_step(struct row_walk *walk, const struct catalog *catalog, row_key_fn on_key, void *user);
