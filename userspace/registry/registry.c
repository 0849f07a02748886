/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all backends have in common: one commit at a time, and none beside a load. */
#include "registry/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int registry_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                  struct error *error)
{
    bool was_loading = registry->is_loading;
    int r;

    if (registry->is_committing)
        return error_set(error, EBUSY, "registry %s: a commit is under way, read it after its end",
                         registry_location(registry));
    registry->is_loading = true;
    r = registry->backend->load(registry, prefix, on_row, user, error);
    registry->is_loading = was_loading;
    return r;
}

uint64_t registry_count(const struct registry *registry)
{
    return registry->is_committing ? 0 : registry->backend->count(registry);
}

int registry_commit_begin(struct registry *registry, const struct registry_commit *commit,
                          struct error *error)
{
    int r;

    if (registry->is_committing || registry->is_loading)
        return error_set(error, EBUSY, "registry %s: a %s is under way, commit after its end",
                         registry_location(registry), registry->is_committing ? "commit" : "load");
    r = registry->backend->begin(registry, commit, error);
    registry->is_committing = r == 0;
    return r;
}

int registry_commit_fd(const struct registry *registry)
{
    return registry->backend->fd(registry);
}

int registry_commit_end(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    int r;

    if (!registry->is_committing)
        return error_set(error, EINVAL, "registry %s: no commit was begun", registry_location(registry));
    r = registry->backend->end(registry, ret_revision, error);
    if (r != -EINPROGRESS)
        registry->is_committing = false;
    return r;
}

int registry_commit_wait(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    if (registry->is_committing)
        registry->backend->wait(registry);
    return registry_commit_end(registry, ret_revision, error);
}

int registry_commit(struct registry *registry, const struct registry_row *rows, size_t n_rows,
                    uint64_t *ret_revision, struct error *error)
{
    const struct registry_commit commit = {.rows = rows, .n_rows = n_rows};
    int r = registry_commit_begin(registry, &commit, error);

    if (r < 0)
        return r;
    return registry_commit_wait(registry, ret_revision, error);
}

uint64_t registry_revision(const struct registry *registry)
{
    return registry->backend->revision(registry);
}

const char *registry_location(const struct registry *registry)
{
    return registry->backend->location(registry);
}

int registry_follow(struct registry *registry, struct error *error)
{
    return registry->backend->follow ? registry->backend->follow(registry, error) : 0;
}

int registry_batch_fd(const struct registry *registry)
{
    return registry->backend->batch_fd ? registry->backend->batch_fd(registry) : -1;
}

/* Not while a commit is under way: what it was computed from would seem to have the batch in it. */
int registry_take_batch(struct registry *registry, struct registry_batch *ret_batch)
{
    if (!registry->backend->take)
        return -EAGAIN;
    return registry->is_committing ? -EBUSY : registry->backend->take(registry, ret_batch);
}

void registry_batch_done(struct registry_batch *batch)
{
    for (size_t i = 0; i < batch->n_rows; i++) {
        free(batch->rows[i].key);
        free(batch->rows[i].value);
    }
    free(batch->rows);
    *batch = (struct registry_batch){0};
}

struct registry_link registry_link(struct registry *registry)
{
    return registry->backend->link ? registry->backend->link(registry) : (struct registry_link){0};
}

bool registry_takes_reports(const struct registry *registry)
{
    return registry->backend->report != NULL;
}

int registry_report(struct registry *registry, const char *text)
{
    return registry->backend->report ? registry->backend->report(registry, text) : -EOPNOTSUPP;
}

int registry_tell_tallies(struct registry *registry, const struct registry_tally *tallies, size_t n)
{
    return registry->backend->tell ? registry->backend->tell(registry, tallies, n) : 0;
}

void registry_others_tally(struct registry *registry, const char *name,
                           uint64_t ret_counts[static REGISTRY_COUNTS])
{
    memset(ret_counts, 0, REGISTRY_COUNTS * sizeof(*ret_counts));
    if (registry->backend->others)
        registry->backend->others(registry, name, ret_counts);
}

int registry_close(struct registry **registry)
{
    uint64_t revision;
    int r = 0;

    if (!*registry)
        return 0;
    if ((*registry)->is_committing)
        r = registry_commit_wait(*registry, &revision, NULL);
    (*registry)->backend->close(*registry);
    *registry = NULL;
    return r;
}
