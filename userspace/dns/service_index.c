/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/service_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dns_name.h"
#include "engine/engine.h"
#include "model/names.h"
#include "model/service_names.h"

#define KEY_SIZE (MODEL_NAMESPACE_MAX + MODEL_SERVICE_MAX + 2)

static struct indexed_service *new_indexed(const char *namespace_name, const char *service)
{
    char part[MODEL_NAMESPACE_MAX + 1];
    const char *first = model_namespace_part(namespace_name, part);
    size_t before = strlen(first) + 1;
    size_t size = before + strlen(service) + 1;
    struct indexed_service *indexed = calloc(1, sizeof(*indexed) + 2 * size);
    char *folded;

    if (!indexed)
        return NULL;
    folded = indexed->key + size;
    (void)snprintf(indexed->key, size, "%s/%s", first, service);
    memcpy(folded, indexed->key, size);
    dns_name_fold(folded + before);
    indexed->name = indexed->key + before;
    indexed->folded = folded;
    return indexed;
}

/* Behind the first of its kind, however many there are. */
static void index_enter(struct service_index *index, struct indexed_service *indexed)
{
    struct indexed_service *first;

    HASH_ADD_STR(index->all, key, indexed);
    HASH_FIND(hh_folded, index->folded, indexed->folded, strlen(indexed->folded), first);
    if (!first) {
        HASH_ADD_KEYPTR(hh_folded, index->folded, indexed->folded, strlen(indexed->folded), indexed);
        return;
    }
    indexed->prev = first;
    indexed->next = first->next;
    if (first->next)
        first->next->prev = indexed;
    first->next = indexed;
}

static void index_remove(struct service_index *index, struct indexed_service *indexed)
{
    struct indexed_service *next = indexed->next;

    HASH_DEL(index->all, indexed);
    if (next)
        next->prev = indexed->prev;
    if (indexed->prev) {
        indexed->prev->next = next;
    } else {
        HASH_DELETE(hh_folded, index->folded, indexed);
        if (next)
            HASH_ADD_KEYPTR(hh_folded, index->folded, next->folded, strlen(next->folded), next);
    }
    free(indexed->alias);
    free(indexed);
}

static struct indexed_service *find_exactly(const struct service_index *index, const char *namespace_name,
                                            const char *service)
{
    struct indexed_service *indexed;
    char part[MODEL_NAMESPACE_MAX + 1];
    char key[KEY_SIZE];

    (void)snprintf(key, sizeof(key), "%s/%s", model_namespace_part(namespace_name, part), service);
    HASH_FIND_STR(index->all, key, indexed);
    return indexed;
}

static int index_put(struct service_index *index, const char *namespace_name, const struct service *service)
{
    struct indexed_service *indexed = find_exactly(index, namespace_name, service->name);
    const struct client_alias *alias = service_names_alias(service);
    bool is_new = !indexed;
    char *text;

    if (indexed && indexed->alias && alias && strcmp(indexed->alias, alias->dns_name) == 0)
        return 0;
    text = alias ? strdup(alias->dns_name) : NULL;
    if (alias && !text)
        return -ENOMEM;
    if (is_new)
        indexed = new_indexed(namespace_name, service->name);
    if (!indexed) {
        free(text);
        return -ENOMEM;
    }
    free(indexed->alias);
    indexed->alias = text;
    if (is_new)
        index_enter(index, indexed);
    return 0;
}

int service_index_fill(struct service_index *index, const struct engine *engine)
{
    const struct model_namespace *parent;
    const struct service *service;
    int r = 0;

    for (parent = engine_catalog(engine)->namespaces; parent && r == 0; parent = parent->hh.next)
        for (service = parent->services; service && r == 0; service = service->hh.next)
            if (service->is_declared)
                r = index_put(index, parent->name, service);
    return r;
}

int service_index_follow(struct service_index *index, const struct engine *engine, const char *namespace_name,
                         const char *service)
{
    const struct service *known = catalog_service(engine_catalog(engine), namespace_name, service);
    struct indexed_service *indexed;

    if (known && known->is_declared)
        return index_put(index, namespace_name, known);
    indexed = find_exactly(index, namespace_name, service);
    if (indexed)
        index_remove(index, indexed);
    return 0;
}

const struct indexed_service *service_index_find(const struct service_index *index,
                                                 const char *namespace_name, const char *name, size_t length)
{
    const struct indexed_service *first;
    char part[MODEL_NAMESPACE_MAX + 1];
    char key[KEY_SIZE];
    int size =
        snprintf(key, sizeof(key), "%s/%.*s", model_namespace_part(namespace_name, part), (int)length, name);

    if (size < 0 || (size_t)size >= sizeof(key))
        return NULL;
    HASH_FIND(hh_folded, index->folded, key, (size_t)size, first);
    return first;
}

void service_index_done(struct service_index *index)
{
    struct indexed_service *indexed, *next;

    HASH_ITER (hh, index->all, indexed, next) {
        index_remove(index, indexed);
    }
}
