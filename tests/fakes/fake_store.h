/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a server would keep of a registry: rows, each with the revision at which it was last written. It
 * outlives the registries that are connected to it. Out of memory aborts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "registry/registry.h"

struct fake_store;

struct fake_row {
    char *key;
    char *value;
    uint64_t revision; /* at which it was last written: what a compare has to say */
};

struct fake_counts {
    uint64_t begun;
    uint64_t commits; /* that took effect */
    uint64_t rows;    /* of those */
    uint64_t refused; /* that did not */
};

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store **store); /* after its registries; NULL-safe; sets to NULL */

/* Refuses commits of more rows from now on, with an error that names `setting`; 0: none is too large. */
void fake_store_limit_rows(struct fake_store *store, size_t n_rows, const char *setting);

/* A load tells so many rows from now on and then fails with -EUCLEAN, as a damaged file; SIZE_MAX: all are
 * whole.
 */
void fake_store_damage(struct fake_store *store, size_t n_whole);

/* In key order; valid until the next commit takes effect. */
const struct fake_row *fake_store_rows(const struct fake_store *store, size_t *ret_n);
const struct fake_row *fake_store_find(const struct fake_store *store, const char *key); /* NULL: absent */
uint64_t fake_store_revision(const struct fake_store *store);
struct fake_counts fake_store_counts(const struct fake_store *store);

/* For fake_registry only. */
int fake_store_write(struct fake_store *store, const struct registry_commit *commit, struct error *error);
int fake_store_load(const struct fake_store *store, const char *prefix, registry_row_fn on_row, void *user);
void fake_store_count_begun(struct fake_store *store);
void fake_store_count_refused(struct fake_store *store);
