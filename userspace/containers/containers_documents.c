/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which document is that of a task definition's family, and what it says of its containers. A document that is named like
 * the family is looked up; others, whose task definition has another name than their service, are searched for it. What was
 * found is kept until something changes, or a minute, whatever the number of plans meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "containers/containers_internal.h"
#include "documents/task_ports.h"
#include "engine/engine.h"
#include "engine/follower.h"
#include "model/document_record.h"

/* Searched in one plan: some milliseconds. */
#define SEARCH_BYTES (8u << 20)

/* Many documents are applied at once: one plan for them. */
static const struct timeval documents_settle = {.tv_usec = 200000};

struct found_document {
    struct document_record *record; /* held; NULL: there is none */
    struct task_ports ports;
    struct workload_port *items;
    char *namespace_name;
    char *name;
    struct workload_document document;
    uint64_t generation;
    uint64_t plan;
    UT_hash_handle hh;
    char key[]; /* "FAMILY\nNAMESPACE\nCLUSTER" */
};

/* ---- looking for it ---- */

struct document_search {
    const char *family;
    const struct stored_document *found;
    const struct model_namespace *parent;
    size_t n;
    size_t *bytes; /* searched in this plan */
    bool is_cut;
};

static bool is_of_family(struct document_search *search, const struct stored_document *stored)
{
    const struct document_record *record = stored->record;
    struct task_ports ports = {0};
    bool is_it;

    if (record->length > TASK_PORTS_TEXT_MAX || search->is_cut)
        return false;
    *search->bytes += record->length;
    search->is_cut = *search->bytes > SEARCH_BYTES;
    if (!memmem(record->text, record->length, search->family, strlen(search->family)) ||
        task_ports_read(record->text, record->length, &ports) < 0)
        return false;
    is_it = strcmp(ports.family, search->family) == 0;
    task_ports_done(&ports);
    return is_it;
}

/* The first by name, whatever the order is in which they were applied. */
static void search_documents_of(struct document_search *search, const struct model_namespace *parent)
{
    for (const struct stored_document *stored = parent->documents; stored; stored = stored->hh.next) {
        if (!is_of_family(search, stored))
            continue;
        if (!search->found || strcmp(stored->name, search->found->name) < 0) {
            search->found = stored;
            search->parent = parent;
        }
        search->n++;
    }
}

static bool take_by_name(struct document_search *search, const struct model_namespace *parent)
{
    const struct stored_document *stored = parent ? catalog_document(parent, search->family) : NULL;

    if (stored) {
        search->found = stored;
        search->parent = parent;
        search->n++;
    }
    return stored != NULL;
}

/* What is named like the family goes before what is searched for, and the cluster's namespace before others. */
static void search_document(const struct catalog *catalog, const char *namespace_name, const char *cluster,
                            struct document_search *search)
{
    const char *first_name = namespace_name ? namespace_name : cluster;
    const struct model_namespace *first = first_name ? catalog_namespace(catalog, first_name) : NULL;
    const struct model_namespace *parent;

    if (take_by_name(search, first))
        return;
    for (parent = namespace_name ? NULL : catalog->namespaces; parent; parent = parent->hh.next)
        (void)take_by_name(search, parent);
    if (search->n == 0 && first)
        search_documents_of(search, first);
    if (search->n > 0 || namespace_name)
        return;
    for (parent = catalog->namespaces; parent; parent = parent->hh.next)
        if (parent != first)
            search_documents_of(search, parent);
}

/* ---- what is kept of it ---- */

static void found_clear(struct found_document *found)
{
    document_record_drop(&found->record);
    task_ports_done(&found->ports);
    free(found->items);
    free(found->namespace_name);
    free(found->name);
    found->items = NULL;
    found->namespace_name = found->name = NULL;
    found->document = (struct workload_document){0};
}

static int found_take(struct found_document *found, const struct document_search *search)
{
    const struct document_record *record = search->found->record;
    int r = task_ports_read(record->text, record->length, &found->ports);

    if (r < 0 && r != -EINVAL && r != -E2BIG)
        return r;
    if (r == -E2BIG)
        log_warning(
            "document \"%s\" of namespace \"%s\" is too long to say what its containers serve: labels can",
            search->found->name, search->parent->name);
    found->items = calloc(found->ports.n + 1, sizeof(*found->items));
    found->namespace_name = strdup(search->parent->name);
    found->name = strdup(search->found->name);
    if (!found->items || !found->namespace_name || !found->name)
        return -ENOMEM;
    for (size_t i = 0; i < found->ports.n; i++)
        found->items[i] = (struct workload_port){.service = found->ports.items[i].discovery_name,
                                                 .container = found->ports.items[i].container,
                                                 .port = found->ports.items[i].port,
                                                 .protocol = found->ports.items[i].protocol};
    found->record = document_record_hold(search->found->record);
    return 0;
}

static void found_refresh(struct containers *containers, struct found_document *found, const char *family,
                          const char *namespace_name, const char *cluster)
{
    struct document_search search = {.family = family, .bytes = &containers->documents_searched};

    search_document(engine_catalog(containers->settings.engine), namespace_name, cluster, &search);
    if (search.is_cut && !search.found)
        log_warning(
            "ECS task definition \"%s\": there are too many documents to be searched: name one like the "
            "family",
            family);
    if (!search.found || search.found->record != found->record ||
        strcmp(found->namespace_name, search.parent->name) != 0) {
        found_clear(found);
        if (search.found && found_take(found, &search) < 0)
            found_clear(found);
    }
    found->document = (struct workload_document){.namespace_name = found->namespace_name,
                                                 .name = found->name,
                                                 .ports = found->items,
                                                 .n_ports = found->ports.n,
                                                 .is_one_of_several = search.n > 1};
    found->generation = containers->documents_generation;
}

const struct workload_document *containers_find_document(const char *family, const char *namespace_name,
                                                         const char *cluster, void *user)
{
    struct containers *containers = user;
    struct found_document *found;
    char key[1024];
    int length = snprintf(key, sizeof(key), "%s\n%s\n%s", family, namespace_name ? namespace_name : "",
                          cluster ? cluster : "");

    if (length < 0 || length >= (int)sizeof(key))
        return NULL;
    HASH_FIND_STR(containers->documents, key, found);
    if (!found) {
        found = calloc(1, sizeof(*found) + (size_t)length + 1);
        if (!found)
            return NULL;
        memcpy(found->key, key, (size_t)length + 1);
        found->generation = containers->documents_generation - 1;
        HASH_ADD_KEYPTR(hh, containers->documents, found->key, (size_t)length, found);
    }
    if (found->generation != containers->documents_generation)
        found_refresh(containers, found, family, namespace_name, cluster);
    found->plan = containers->n_plans;
    return found->record ? &found->document : NULL;
}

void containers_forget_documents(struct containers *containers, bool is_all)
{
    struct found_document *found;
    struct found_document *next;

    HASH_ITER (hh, containers->documents, found, next) {
        if (!is_all && found->plan == containers->n_plans)
            continue;
        HASH_DEL(containers->documents, found);
        found_clear(found);
        free(found);
    }
}

size_t containers_count_documents(const struct containers *containers)
{
    return HASH_COUNT(containers->documents);
}

/* ---- changes ---- */

static void documents_may_differ(void *user)
{
    struct containers *containers = *(struct containers **)user;

    if (containers && containers->documents && !event_pending(containers->documents_event, EV_TIMEOUT, NULL))
        (void)event_add(containers->documents_event, &documents_settle);
}

static void containers_service_changed(void *user, const char *namespace_name, const char *service)
{
    (void)namespace_name;
    (void)service;
    documents_may_differ(user);
}

/* Of anything: a document may be another one with the same services. What our own jobs change leads to one plan more. */
static void containers_registry_changed(void *user, uint64_t first, uint64_t last)
{
    (void)first;
    (void)last;
    documents_may_differ(user);
}

const struct engine_follower containers_follower = {
    .plan = containers_plan_instance,
    .service_changed = containers_service_changed,
    .changed = containers_registry_changed,
};

void containers_on_documents(evutil_socket_t fd, short what, void *user)
{
    struct containers *containers = user;

    (void)fd;
    (void)what;
    containers->documents_generation++;
    containers_changed(containers);
}
