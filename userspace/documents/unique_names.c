/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Everything is sorted first: a hostile source must not make this quadratic. */
#include "documents/unique_names.h"

#include <string.h>

#include "documents/default_names.h"

/* A claim on a name: of a document, a service or an alias. */
struct claim {
    const char *namespace_name;
    const char *name;
    uint32_t port;
    uint32_t protocol;
    size_t order; /* place in the source */
    const char *path;
    struct document_service *service;
    struct document_alias *alias; /* NULL for the other kinds */
};

static int unique_names_compare_names(const struct claim *first, const struct claim *second)
{
    int order = strcmp(first->name, second->name);

    if (order == 0)
        order = strcmp(first->namespace_name, second->namespace_name);
    if (order == 0)
        order = (first->port > second->port) - (first->port < second->port);
    if (order == 0)
        order = (first->protocol > second->protocol) - (first->protocol < second->protocol);
    return order;
}

/* Written ones before defaults, then as in the source. */
static int compare_claims(const void *a, const void *b)
{
    const struct claim *first = a;
    const struct claim *second = b;
    int order = unique_names_compare_names(first, second);

    if (order == 0 && first->alias)
        order = (int)first->alias->is_default - (int)second->alias->is_default;
    if (order == 0)
        order = (first->order > second->order) - (first->order < second->order);
    return order;
}

/* Room for any one kind. */
static size_t count_claims(const struct document_list *list)
{
    size_t n = list->n;

    for (size_t d = 0; d < list->n; d++) {
        n += list->items[d].n_services;
        for (size_t s = 0; s < list->items[d].n_services; s++)
            n += list->items[d].services[s].n_aliases;
    }
    return n;
}

static void check_documents(struct document_reader *reader, const struct document_list *list,
                            struct claim *claims)
{
    size_t n = 0;

    for (size_t d = 0; d < list->n; d++) {
        const struct document *document = &list->items[d];

        if (!document->name || !document->namespace_name)
            continue;
        claims[n] = (struct claim){.namespace_name = document->namespace_name,
                                   .name = document->name,
                                   .order = n,
                                   .path = document->path};
        n++;
    }
    qsort(claims, n, sizeof(claims[0]), compare_claims);
    for (size_t i = 1; i < n; i++)
        if (unique_names_compare_names(&claims[i], &claims[i - 1]) == 0)
            document_error_at(reader, claims[i].path, claims[i].name,
                              "each serviceName or family once in a namespace; %s has it too",
                              claims[i - 1].path);
}

static void check_discovery_names(struct document_reader *reader, const struct document_list *list,
                                  struct claim *claims)
{
    size_t n = 0;

    for (size_t d = 0; d < list->n; d++)
        for (size_t s = 0; s < list->items[d].n_services; s++) {
            struct document_service *service = &list->items[d].services[s];

            if (service->discovery_name && list->items[d].namespace_name)
                claims[n] = (struct claim){list->items[d].namespace_name, service->discovery_name, .order = n,
                                           .path = service->path};
            n += service->discovery_name && list->items[d].namespace_name;
        }
    qsort(claims, n, sizeof(claims[0]), compare_claims);
    for (size_t i = 1; i < n; i++)
        if (unique_names_compare_names(&claims[i], &claims[i - 1]) == 0) {
            char path[DOCUMENT_PATH_SIZE + 16];

            (void)snprintf(path, sizeof(path), "%s.discoveryName", claims[i].path);
            document_error_at(reader, path, claims[i].name,
                              "a discoveryName once in a namespace; %s has it too", claims[i - 1].path);
        }
}

/* Removes those whose name was emptied. */
static void remove_given_way(struct document_list *list)
{
    for (size_t d = 0; d < list->n; d++)
        for (size_t s = 0; s < list->items[d].n_services; s++) {
            struct document_service *service = &list->items[d].services[s];
            size_t kept = 0;

            for (size_t a = 0; a < service->n_aliases; a++)
                if (service->aliases[a].alias.dns_name[0])
                    service->aliases[kept++] = service->aliases[a];
            service->n_aliases = kept;
        }
}

static size_t collect_aliases(const struct document_list *list, struct claim *claims)
{
    size_t n = 0;

    for (size_t d = 0; d < list->n; d++)
        for (size_t s = 0; s < list->items[d].n_services; s++) {
            struct document_service *service = &list->items[d].services[s];

            for (size_t a = 0; a < service->n_aliases; a++) {
                struct document_alias *alias = &service->aliases[a];

                /* Port 0: there was an error about it. */
                if (alias->alias.port == 0 || !list->items[d].namespace_name)
                    continue;
                claims[n] = (struct claim){list->items[d].namespace_name,
                                           alias->alias.dns_name,
                                           alias->alias.port,
                                           (uint32_t)alias->alias.protocol,
                                           n,
                                           alias->path,
                                           service,
                                           alias};
                n++;
            }
        }
    return n;
}

static void check_aliases(struct document_reader *reader, struct document_list *list, struct claim *claims)
{
    size_t n = collect_aliases(list, claims);
    size_t first = 0;
    bool has_given_way = false;

    qsort(claims, n, sizeof(claims[0]), compare_claims);
    for (size_t i = 1; i < n; i++) {
        const struct claim *claim = &claims[i];

        if (unique_names_compare_names(claim, &claims[first]) != 0) {
            first = i;
            continue;
        }
        if (claim->alias->is_default && !claims[first].alias->is_default &&
            !default_names_is_own(claim->service, claim->namespace_name, claim->name)) {
            document_warn_at(reader, claim->path, "the default name \"%s\" is left out: %s claims it",
                             claim->name, claims[first].path);
            has_given_way = true;
        } else {
            document_error_at(reader, claim->path, claim->name,
                              "each dnsName once per port (%u) and protocol in a namespace; %s has it too",
                              claim->port, claims[first].path);
        }
    }
    /* Only now: the names are compared until here. */
    for (size_t i = 1, owner = 0; has_given_way && i < n; i++) {
        if (unique_names_compare_names(&claims[i], &claims[owner]) != 0)
            owner = i;
        else if (claims[i].alias->is_default)
            claims[i].path = NULL;
    }
    for (size_t i = 0; has_given_way && i < n; i++)
        if (!claims[i].path)
            claims[i].alias->alias.dns_name[0] = '\0';
    if (has_given_way)
        remove_given_way(list);
}

void unique_names_check(struct document_reader *reader, struct document_list *list)
{
    _cleanup_free_ struct claim *claims = document_allocate(reader, count_claims(list), sizeof(*claims));

    if (!claims)
        return;
    check_documents(reader, list, claims);
    check_discovery_names(reader, list, claims);
    check_aliases(reader, list, claims);
}
