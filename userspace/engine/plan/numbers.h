/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The numbers of this host: scopes by namespace, alias addresses by dns name, endpoints by instance. Kernel
 * state comes first (running tasks know it), then what the registry file remembers (so that a reboot changes
 * nothing), then new ones.
 */
#pragma once

#include "base/error.h"
#include "model/catalog.h"
#include "registry/registry.h"

struct engine;

/* Host rows of numbers that were given and are not in the registry yet; the next commit takes them along. */
struct unsaved_numbers {
    struct registry_row *rows;
    size_t n;
};

/* The number of a namespace's scope or of a name's alias address, given if it has none; error names the
 * setting. */
int numbers_scope(struct engine *engine, const char *namespace_name, uint32_t *ret_scope,
                  struct error *error);
int numbers_address(struct engine *engine, const char *dns_name, uint32_t *ret_number, struct error *error);

/* The next commit remembers the number of a client's scope. */
void numbers_remember_client(struct engine *engine, const char *namespace_name, const char *client,
                             uint32_t scope);

/* The next commit writes this row too, and takes it over. -ENOMEM: the caller still owns it. */
int numbers_add_unsaved(struct engine *engine, char *key, char *value);

/* Takes that back where the next commit is not to come. */
void numbers_forget_client(struct engine *engine, const char *namespace_name, const char *client);

/* Sets instance->endpoint if it has none. */
int numbers_endpoint(struct engine *engine, struct instance *instance, struct error *error);

/* From the kernel's entries and from a "host/..." row; what contradicts an earlier one is left out. */
int numbers_adopt_kernel(struct engine *engine, struct error *error);
void numbers_adopt_row(struct engine *engine, const char *key, const char *value);

/* At the start: blocks until they are in the registry. */
int numbers_save(struct engine *engine, struct error *error);
void numbers_free(struct unsaved_numbers *unsaved);

/* The oldest of the unsaved rows, `most` at most, go along with a commit; they are given back if that fails.
 * The caller frees them otherwise. */
struct unsaved_numbers numbers_take_unsaved(struct engine *engine, size_t most);
void numbers_give_back(struct engine *engine, struct unsaved_numbers *taken);
