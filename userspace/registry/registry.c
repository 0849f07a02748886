/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/registry.h"

int registry_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                  struct error *error)
{
    return registry->backend->load(registry, prefix, on_row, user, error);
}

uint64_t registry_count(const struct registry *registry)
{
    return registry->backend->count(registry);
}

int registry_commit(struct registry *registry, const struct registry_row *rows, size_t n_rows,
                    uint64_t *ret_revision, struct error *error)
{
    return registry->backend->commit(registry, rows, n_rows, ret_revision, error);
}

uint64_t registry_revision(const struct registry *registry)
{
    return registry->backend->revision(registry);
}

const char *registry_location(const struct registry *registry)
{
    return registry->backend->location(registry);
}

void registry_close(struct registry **registry)
{
    if (*registry)
        (*registry)->backend->close(*registry);
    *registry = NULL;
}
