/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is published of each alias, from its first table to its last. Long because a table's numbers, its slots and its entry are
 * taken and given back together. */
#include "engine/publish/publisher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "engine/publish/publisher_internal.h"
#include "routing/table_diff.h"

const char *publisher_identity(uint32_t scope, const struct client_alias *alias,
                               char text[static PUBLISHED_IDENTITY])
{
    char identity[ALIAS_IDENTITY_SIZE];

    (void)snprintf(text, PUBLISHED_IDENTITY, "%u %s", scope, alias_identity(alias, identity));
    return text;
}

int publisher_new(struct datapath *datapath, uint32_t n_services, uint32_t n_slots,
                  struct name_numbers *endpoints, struct name_numbers *scopes,
                  struct publisher **ret_publisher)
{
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    int r;

    if (!publisher)
        return -ENOMEM;
    publisher->datapath = datapath;
    publisher->endpoints = endpoints;
    publisher->scopes = scopes;
    r = name_numbers_new(&publisher->indexes, 0, n_services - 1);
    if (r == 0)
        r = slot_regions_new(&publisher->regions, n_slots);
    if (r < 0) {
        publisher_free(&publisher);
        return r;
    }
    *ret_publisher = publisher;
    return 0;
}

void publisher_free_published(struct published *published)
{
    free(published->kept);
    free(published);
}

void publisher_free(struct publisher **publisher)
{
    struct publisher *self = *publisher;
    struct published *published, *next;

    if (!self)
        return;
    HASH_ITER (hh, self->all, published, next) {
        publisher_leave(self, published);
        publisher_free_published(published);
    }
    free(self->keepers);
    retired_done(&self->waiting);
    retired_done(&self->next);
    name_numbers_free(&self->indexes);
    slot_regions_free(&self->regions);
    free(self);
    *publisher = NULL;
}

/* ---- preparing ---- */

static const struct svc_slot *published_slots(const struct publisher *publisher, uint64_t descriptor,
                                              uint32_t *count)
{
    *count = svc_descriptor_count(descriptor);
    return *count ? datapath_slots(publisher->datapath, svc_descriptor_first(descriptor)) : NULL;
}

static void view_published(const struct publisher *publisher, const struct published *published,
                           struct table_view *view)
{
    const struct svc_service *service = datapath_service(publisher->datapath, published->index);

    *view = (struct table_view){
        .identity = published->identity, .stickiness_ms = service->stickiness_ms, .flags = service->flags};
    view->slots4 = published_slots(publisher, service->table4, &view->count4);
    view->slots6 = published_slots(publisher, service->table6, &view->count6);
}

struct comparison {
    struct table_view *wanted;
    size_t *wanted_index; /* into the caller's array */
    char (*identities)[PUBLISHED_IDENTITY];
    size_t n_wanted;
    struct table_view *current;
    struct published **published;
    size_t n_current;
};

static void comparison_done(struct comparison *comparison)
{
    free(comparison->wanted);
    free(comparison->wanted_index);
    free(comparison->identities);
    free(comparison->current);
    free(comparison->published);
}

static void add_current(const struct publisher *publisher, struct comparison *comparison,
                        struct published *published)
{
    comparison->published[comparison->n_current] = published;
    view_published(publisher, published, &comparison->current[comparison->n_current++]);
}

static int publisher_compare(struct publisher *publisher, const struct wanted_alias *wanted, size_t n_wanted,
                             bool is_everything, struct comparison *comparison)
{
    size_t n_published = HASH_COUNT(publisher->all);
    size_t room = (is_everything ? n_published : n_wanted) + 1;
    struct published *published, *next;

    comparison->wanted = calloc(n_wanted + 1, sizeof(*comparison->wanted));
    comparison->wanted_index = calloc(n_wanted + 1, sizeof(*comparison->wanted_index));
    comparison->identities = calloc(n_wanted + 1, sizeof(*comparison->identities));
    comparison->current = calloc(room, sizeof(*comparison->current));
    comparison->published = calloc(room, sizeof(struct published *));
    if (!comparison->wanted || !comparison->wanted_index || !comparison->identities || !comparison->current ||
        !comparison->published)
        return -ENOMEM;
    for (size_t i = 0; i < n_wanted; i++) {
        const struct wanted_alias *alias = &wanted[i];
        char *identity = comparison->identities[i];

        publisher_identity(alias->scope, &alias->alias, identity);
        HASH_FIND_STR(publisher->all, identity, published);
        if (published && !is_everything)
            add_current(publisher, comparison, published);
        if (!alias->exists)
            continue;
        comparison->wanted_index[comparison->n_wanted] = i;
        comparison->wanted[comparison->n_wanted++] =
            (struct table_view){identity,      alias->slots4,        alias->count4, alias->slots6,
                                alias->count6, alias->stickiness_ms, alias->flags};
    }
    if (is_everything)
        HASH_ITER (hh, publisher->all, published, next)
            add_current(publisher, comparison, published);
    return 0;
}

/* A region with this content, or none for an empty table. Reclaims at once when all are in use
 * or in waiting. */
static int fill_region(struct publisher *publisher, const struct svc_slot *slots, uint32_t count,
                       uint32_t *ret_first)
{
    int r;

    *ret_first = 0;
    if (count == 0)
        return 0;
    r = slot_regions_take(publisher->regions, count, ret_first);
    if (r == -ENOSPC && retired_exist(publisher)) {
        /* Rare, and better than a refusal: the loop stands still for a grace period. */
        publisher_reclaim_now(publisher);
        r = slot_regions_take(publisher->regions, count, ret_first);
    }
    if (r < 0)
        return r;
    if (publisher->must_wait) {
        /* Regions that an earlier run had retired may still be read: that run did not live to see their
         * grace. */
        datapath_grace_wait(publisher->datapath);
        publisher->must_wait = false;
    }
    datapath_write_slots(publisher->datapath, *ret_first, slots, count);
    return 0;
}

static int full(struct error *error, const char *what, uint32_t capacity, const char *setting)
{
    return error_set(error, ENOSPC,
                     "the %s of the data path are all in use (%u): raise %s and restart svcconnectd", what,
                     capacity, setting);
}

static int prepare_tables(struct publisher *publisher, const struct wanted_alias *wanted,
                          struct publication_step *step, struct error *error)
{
    int r = fill_region(publisher, wanted->slots4, wanted->count4, &step->first4);

    if (r == 0) {
        step->count4 = wanted->count4;
        if (wanted->slots6 == wanted->slots4)
            step->first6 = step->first4;
        else
            r = fill_region(publisher, wanted->slots6, wanted->count6, &step->first6);
    }
    if (r == -ENOSPC)
        return full(error, "slots", slot_regions_capacity(publisher->regions), "maps.slots");
    if (r < 0)
        return error_errno(error, r, "preparing a table");
    step->count6 = wanted->count6;
    return 0;
}

static struct published *new_published(struct publisher *publisher, const struct wanted_alias *wanted,
                                       int *ret_error)
{
    struct published *published = calloc(1, sizeof(*published));

    *ret_error = -ENOMEM;
    if (!published)
        return NULL;
    published->scope = wanted->scope;
    published->alias = wanted->alias;
    published->address = wanted->address;
    published->address6 = wanted->address6;
    publisher_identity(wanted->scope, &wanted->alias, published->identity);
    *ret_error = name_numbers_take(publisher->indexes, published->identity, &published->index);
    if (*ret_error == -ENOSPC && retired_exist(publisher)) {
        publisher_reclaim_now(publisher);
        *ret_error = name_numbers_take(publisher->indexes, published->identity, &published->index);
    }
    if (*ret_error < 0) {
        free(published);
        return NULL;
    }
    return published;
}

/* Places for both entries, or none. */
static int hold_places(struct publisher *publisher, struct published *published)
{
    struct svc_alias_key key = publisher_alias_key(published, false);
    struct svc_alias_key key6 = publisher_alias_key(published, true);
    int r = datapath_keep_alias(publisher->datapath, &key);

    if (r < 0)
        return r;
    r = datapath_keep_alias(publisher->datapath, &key6);
    if (r < 0)
        datapath_give_back_alias(publisher->datapath, &key);
    else
        published->is_held = true;
    return r;
}

static void let_places_go(struct publisher *publisher, const struct published *published)
{
    struct svc_alias_key key = publisher_alias_key(published, false);
    struct svc_alias_key key6 = publisher_alias_key(published, true);

    if (!published->is_held)
        return;
    datapath_give_back_alias(publisher->datapath, &key);
    datapath_give_back_alias(publisher->datapath, &key6);
}

static int prepare_addition(struct publisher *publisher, const struct wanted_alias *wanted,
                            struct publication_step *step, struct error *error)
{
    struct svc_service identity = {.scope = wanted->scope,
                                   .port_be = htons(wanted->alias.port),
                                   .protocol = (uint8_t)wanted->alias.protocol,
                                   .stickiness_ms = wanted->stickiness_ms,
                                   .flags = wanted->flags};
    int r;

    step->published = new_published(publisher, wanted, &r);
    if (step->published)
        r = hold_places(publisher, step->published);
    if (r == -ENOSPC)
        return full(error, "entries for aliases", name_numbers_capacity(publisher->indexes) * 2,
                    "maps.aliases");
    if (r < 0)
        return error_errno(error, r, "preparing an alias");
    if (publisher->must_wait) {
        datapath_grace_wait(publisher->datapath);
        publisher->must_wait = false;
    }
    memcpy(identity.address4, wanted->address.bytes, sizeof(identity.address4));
    memcpy(identity.address6, wanted->address6.bytes, sizeof(identity.address6));
    datapath_set_identity(publisher->datapath, step->published->index, &identity);
    return prepare_tables(publisher, wanted, step, error);
}

static int publisher_copy_kept(struct publication_step *step, struct error *error)
{
    size_t size = step->wanted->n_kept * sizeof(*step->kept);

    step->kept = malloc(size);
    if (!step->kept)
        return error_errno(error, ENOMEM, "preparing a change");
    memcpy(step->kept, step->wanted->kept, size);
    return 0;
}

static int prepare_steps(struct publisher *publisher, const struct wanted_alias *wanted,
                         const struct comparison *comparison, const struct table_operation *operations,
                         size_t n, struct publication *publication, struct error *error)
{
    for (size_t i = 0; i < n; i++) {
        struct publication_step *step = &publication->steps[publication->n_steps++];
        int r = 0;

        step->change = operations[i].change;
        if (step->change != TABLE_ADD)
            step->published = comparison->published[operations[i].current];
        if (step->change != TABLE_REMOVE)
            step->wanted = &wanted[comparison->wanted_index[operations[i].wanted]];
        if (step->change == TABLE_ADD)
            r = prepare_addition(publisher, step->wanted, step, error);
        else if (step->change == TABLE_REPLACE)
            r = prepare_tables(publisher, step->wanted, step, error);
        if (r == 0 && step->wanted && step->wanted->n_kept)
            r = publisher_copy_kept(step, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int publisher_prepare(struct publisher *publisher, const struct wanted_alias *wanted, size_t n_wanted,
                      bool is_everything, struct publication **ret_publication, struct error *error)
{
    _cleanup_(comparison_done) struct comparison comparison = {0};
    _cleanup_free_ struct table_operation *operations = NULL;
    struct publication *publication = NULL;
    size_t n_operations = 0;
    int r = publisher_compare(publisher, wanted, n_wanted, is_everything, &comparison);

    if (r == 0)
        r = table_diff(comparison.wanted, comparison.n_wanted, comparison.current, comparison.n_current,
                       &operations, &n_operations);
    if (r < 0)
        return error_errno(error, r, "comparing tables");
    publication = calloc(1, sizeof(*publication) + n_operations * sizeof(publication->steps[0]));
    if (!publication)
        return error_errno(error, ENOMEM, "preparing a change");
    r = prepare_steps(publisher, wanted, &comparison, operations, n_operations, publication, error);
    if (r < 0) {
        publisher_abort(publisher, &publication);
        return r;
    }
    *ret_publication = publication;
    return 0;
}

static void release_tables(struct publisher *publisher, const struct publication_step *step)
{
    if (step->count4)
        slot_regions_release(publisher->regions, step->first4, step->count4);
    if (step->count6 && (step->first6 != step->first4 || !step->count4))
        slot_regions_release(publisher->regions, step->first6, step->count6);
}

size_t publication_tables(const struct publication *publication)
{
    return publication->n_steps;
}

const struct wanted_alias *publication_wanted(const struct publication *publication, size_t i)
{
    return publication->steps[i].change == TABLE_REMOVE ? NULL : publication->steps[i].wanted;
}

static bool has_slots(const struct publisher *publisher, uint32_t first, uint32_t count,
                      const struct svc_slot *slots, uint32_t n)
{
    return count == n &&
           (n == 0 || memcmp(datapath_slots(publisher->datapath, first), slots, n * sizeof(*slots)) == 0);
}

int publisher_rewrite(struct publisher *publisher, struct publication *publication, size_t i,
                      const struct wanted_alias *fresh, struct error *error)
{
    struct publication_step *step = &publication->steps[i];
    struct publication_step next = *step;
    int r;

    if (has_slots(publisher, step->first4, step->count4, fresh->slots4, fresh->count4) &&
        has_slots(publisher, step->first6, step->count6, fresh->slots6, fresh->count6))
        return 0;
    next.count4 = next.count6 = next.first4 = next.first6 = 0;
    r = prepare_tables(publisher, fresh, &next, error);
    release_tables(publisher, r < 0 ? &next : step);
    if (r == 0)
        *step = next;
    return r;
}

void publisher_abort(struct publisher *publisher, struct publication **publication)
{
    struct publication *self = *publication;

    if (!self)
        return;
    for (size_t i = 0; i < self->n_steps; i++) {
        struct publication_step *step = &self->steps[i];

        free(step->kept);
        release_tables(publisher, step);
        if (step->change == TABLE_ADD && step->published) {
            uint32_t index;

            let_places_go(publisher, step->published);
            if (name_numbers_retire(publisher->indexes, step->published->identity, &index) == 0)
                name_numbers_reuse(publisher->indexes, index);
            publisher_free_published(step->published);
        }
    }
    free(self);
    *publication = NULL;
}
