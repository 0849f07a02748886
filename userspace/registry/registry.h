/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The registry: rows of key and JSON text with one revision for all, whatever keeps them. Keys are those of
 * rows.h, so that every backend holds the same content. A commit that returned 0 survives kill -9 and power
 * loss.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct registry;

struct registry_row {
    char *key;
    char *value; /* NULL in a commit: the row is deleted */
};

/* One row of a load; returns 0 to go on, a negative errno to stop. Key and value stay the registry's. */
typedef int (*registry_row_fn)(const char *key, const char *value, void *user);

struct registry_backend {
    const char *name;
    /* All rows whose key begins with `prefix` ("": all), in key order. */
    int (*load)(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                struct error *error);
    uint64_t (*count)(const struct registry *registry);
    /* All rows or none, durable when it returns. */
    int (*commit)(struct registry *registry, const struct registry_row *rows, size_t n_rows,
                  uint64_t *ret_revision, struct error *error);
    uint64_t (*revision)(const struct registry *registry);
    const char *(*location)(const struct registry *registry);
    void (*close)(struct registry *registry);
};

/* Every backend's object begins with this. */
struct registry {
    const struct registry_backend *backend;
};

int registry_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                  struct error *error);
/* How many rows there are, without reading them; 0 also if that cannot be said. */
uint64_t registry_count(const struct registry *registry);
int registry_commit(struct registry *registry, const struct registry_row *rows, size_t n_rows,
                    uint64_t *ret_revision, struct error *error);
uint64_t registry_revision(const struct registry *registry);
const char *registry_location(const struct registry *registry);
void registry_close(struct registry **registry); /* NULL-safe; sets to NULL */
