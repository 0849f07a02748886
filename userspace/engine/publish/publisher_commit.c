/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Making a prepared change visible, and taking over what an earlier run published. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "engine/publish/publisher_internal.h"

struct svc_alias_key publisher_alias_key(const struct published *published, bool is_v6)
{
    struct svc_alias_key key = {.scope = published->scope,
                                .port_be = htons(published->alias.port),
                                .protocol = (uint8_t)published->alias.protocol};

    memcpy(key.address, (is_v6 ? &published->address6 : &published->address)->bytes, sizeof(key.address));
    return key;
}

static int publisher_commit_put_entry(struct publisher *publisher, const struct published *published,
                                      const char *namespace_name, const char *client, bool is_v6)
{
    struct svc_alias_key key = publisher_alias_key(published, is_v6);
    struct svc_alias value = {
        .service = published->index, .protocol = published->alias.protocol, .port = published->alias.port};

    (void)snprintf(value.dns_name, sizeof(value.dns_name), "%s", published->alias.dns_name);
    (void)ip_address_format(is_v6 ? &published->address6 : &published->address, value.address);
    (void)snprintf(value.namespace, sizeof(value.namespace), "%s", namespace_name);
    (void)snprintf(value.client, sizeof(value.client), "%s", client);
    return datapath_put_alias(publisher->datapath, &key, &value);
}

static uint64_t next_descriptor(uint64_t old, uint32_t first, uint32_t count)
{
    return svc_descriptor(first, count, svc_descriptor_generation(old) + 1);
}

static void publish_tables(struct publisher *publisher, struct publication_step *step)
{
    const struct svc_service *service = datapath_service(publisher->datapath, step->published->index);
    uint64_t old4 = service->table4;
    uint64_t old6 = service->table6;

    publisher_set_kept(publisher, step->published, step->kept, step->wanted->n_kept, step->wanted->is_kept);
    datapath_set_manner(publisher->datapath, step->published->index, step->wanted->stickiness_ms,
                        step->wanted->flags);
    datapath_publish(publisher->datapath, step->published->index,
                     next_descriptor(old4, step->first4, step->count4),
                     next_descriptor(old6, step->first6, step->count6));
    retire_tables(publisher, old4, old6);
}

static int commit_addition(struct publisher *publisher, struct publication_step *step)
{
    struct published *published = step->published;
    int r, r6;

    publish_tables(publisher, step);
    publisher_enter(publisher, published);
    r = publisher_commit_put_entry(publisher, published, step->wanted->namespace_name, step->wanted->client,
                                   false);
    published->has_entry = r == 0;
    r6 = publisher_commit_put_entry(publisher, published, step->wanted->namespace_name, step->wanted->client,
                                    true);
    published->has_entry6 = r6 == 0;
    return r < 0 ? r : r6;
}

static int remove_published(struct publisher *publisher, struct published *published)
{
    const struct svc_service *service = datapath_service(publisher->datapath, published->index);
    struct svc_alias_key key = publisher_alias_key(published, false);
    struct svc_alias_key key6 = publisher_alias_key(published, true);
    int r = datapath_delete_alias(publisher->datapath, &key);
    int r6 = datapath_delete_alias(publisher->datapath, &key6);
    uint32_t index;

    retire_tables(publisher, service->table4, service->table6);
    if (name_numbers_retire(publisher->indexes, published->identity, &index) == 0)
        retire(publisher, RETIRED_INDEX, index, 0);
    publisher_leave(publisher, published);
    publisher_set_kept(publisher, published, NULL, 0, false);
    publisher_free_published(published);
    return r < 0 ? r : r6;
}

bool publication_changes_names(const struct publication *publication)
{
    for (size_t i = 0; i < publication->n_steps; i++)
        if (publication->steps[i].change != TABLE_REPLACE)
            return true;
    return false;
}

int publisher_commit(struct publisher *publisher, struct publication **publication)
{
    struct publication *self = *publication;
    int result = 0;

    for (size_t i = 0; i < self->n_steps; i++) {
        struct publication_step *step = &self->steps[i];
        int r = 0;

        switch (step->change) {
        case TABLE_ADD:
            r = commit_addition(publisher, step);
            break;
        case TABLE_REPLACE:
            publish_tables(publisher, step);
            break;
        case TABLE_REMOVE:
            r = remove_published(publisher, step->published);
            break;
        }
        if (r < 0)
            result = r;
    }
    free(self);
    *publication = NULL;
    publisher_begin_grace(publisher);
    return result;
}

/* ---- adoption ---- */

struct found {
    struct svc_alias_key key;
    struct svc_alias alias;
};

struct found_list {
    struct found *items;
    size_t n;
    size_t capacity;
};

static int publisher_commit_on_alias(const struct svc_alias_key *key, const struct svc_alias *alias,
                                     void *user)
{
    struct found_list *list = user;

    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 256;
        struct found *larger = realloc(list->items, capacity * sizeof(*larger));

        if (!larger)
            return -ENOMEM;
        list->items = larger;
        list->capacity = capacity;
    }
    list->items[list->n++] = (struct found){*key, *alias};
    return 0;
}

/* The published record of an index, made at its first entry; -EINVAL: the entry cannot be made sense of. */
static int adopt_index(struct publisher *publisher, const struct found *found,
                       struct published **ret_published)
{
    const struct svc_service *service = datapath_service(publisher->datapath, found->alias.service);
    struct published wanted = {.scope = found->key.scope, .index = found->alias.service};
    struct published *published;
    int r;

    if (!svc_service_matches(service, &found->key) ||
        memchr(found->alias.dns_name, 0, sizeof(found->alias.dns_name)) == NULL)
        return -EINVAL;
    strcpy(wanted.alias.dns_name, found->alias.dns_name);
    wanted.alias.port = found->alias.port;
    wanted.alias.protocol = found->alias.protocol;
    memcpy(wanted.address.bytes, service->address4, sizeof(wanted.address.bytes));
    memcpy(wanted.address6.bytes, service->address6, sizeof(wanted.address6.bytes));
    publisher_identity(wanted.scope, &wanted.alias, wanted.identity);
    HASH_FIND_STR(publisher->all, wanted.identity, published);
    if (published) {
        *ret_published = published;
        return published->index == wanted.index ? 0 : -EINVAL;
    }
    if (name_numbers_adopt(publisher->indexes, wanted.identity, wanted.index) < 0)
        return -EINVAL;
    published = malloc(sizeof(*published));
    if (!published)
        return -ENOMEM;
    *published = wanted;
    r = svc_descriptor_count(service->table4)
            ? slot_regions_reserve(publisher->regions, svc_descriptor_first(service->table4),
                                   svc_descriptor_count(service->table4))
            : 0;
    if (r == 0 && svc_descriptor_count(service->table6) &&
        (svc_descriptor_first(service->table6) != svc_descriptor_first(service->table4) ||
         !svc_descriptor_count(service->table4)))
        r = slot_regions_reserve(publisher->regions, svc_descriptor_first(service->table6),
                                 svc_descriptor_count(service->table6));
    if (r < 0) {
        free(published);
        return -EINVAL;
    }
    publisher_enter(publisher, published);
    *ret_published = published;
    return 0;
}

/* Entries that a death in the middle of adding or removing left alone get their other half. */
static int complete_entries(struct publisher *publisher, const struct found_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char identity[PUBLISHED_IDENTITY];
        struct client_alias alias = {.port = list->items[i].alias.port,
                                     .protocol = list->items[i].alias.protocol};
        struct published *published;
        int r = 0;

        (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%.127s", list->items[i].alias.dns_name);
        publisher_identity(list->items[i].key.scope, &alias, identity);
        HASH_FIND_STR(publisher->all, identity, published);
        if (!published || (published->has_entry && published->has_entry6))
            continue;
        r = publisher_commit_put_entry(publisher, published, list->items[i].alias.namespace,
                                       list->items[i].alias.client, published->has_entry);
        if (r < 0)
            return r;
        published->has_entry = published->has_entry6 = true;
    }
    return 0;
}

int publisher_adopt(struct publisher *publisher,
                    bool (*is_address_wanted)(const char *dns_name, const struct ip_address *address,
                                              void *user),
                    void *user, unsigned *ret_adopted, struct error *error)
{
    struct found_list list = {0};
    struct published *published, *next;
    int r = datapath_each_alias(publisher->datapath, publisher_commit_on_alias, &list);

    publisher->must_wait = true;
    for (size_t i = 0; i < list.n && r == 0; i++) {
        r = adopt_index(publisher, &list.items[i], &published);
        if (r == -EINVAL) /* a leftover nobody can use: the alias is published anew under a fresh index */
            r = datapath_delete_alias(publisher->datapath, &list.items[i].key);
        else if (r == 0 && memcmp(list.items[i].key.address, published->address.bytes, 16) == 0)
            published->has_entry = true;
        else if (r == 0)
            published->has_entry6 = true;
    }
    if (r == 0)
        r = complete_entries(publisher, &list);
    if (r == 0)
        r = datapath_settle_aliases(publisher->datapath);
    free(list.items);
    if (r < 0)
        return error_errno(error, r, "adopting the pinned tables");
    HASH_ITER (hh, publisher->all, published, next)
        if (!is_address_wanted(published->alias.dns_name, &published->address, user))
            (void)remove_published(publisher, published);
    *ret_adopted = HASH_COUNT(publisher->all);
    return 0;
}

uint32_t publisher_aliases(const struct publisher *publisher)
{
    return HASH_COUNT(publisher->all);
}

uint32_t publisher_slots_used(const struct publisher *publisher)
{
    return slot_regions_used(publisher->regions);
}

int publisher_list_scope(const struct publisher *publisher, uint32_t scope, struct client_alias **ret_aliases,
                         size_t *ret_n)
{
    struct client_alias *aliases = calloc(HASH_COUNT(publisher->all) + 1, sizeof(*aliases));
    const struct published *published;
    size_t n = 0;

    if (!aliases)
        return -ENOMEM;
    for (published = publisher->all; published; published = published->hh.next)
        if (published->scope == scope)
            aliases[n++] = published->alias;
    *ret_aliases = aliases;
    *ret_n = n;
    return 0;
}
