/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A catalog as text, so that two of them can be compared whole: one line per thing, in order, whatever order
 * the things arrived in. A namespace that is only mentioned and holds nothing is left out: it means nothing.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/catalog.h"

static inline int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void write_instance(FILE *out, const struct instance *instance)
{
    char address[IP_ADDRESS_TEXT_SIZE];

    (void)fprintf(out, "instance %s/%s/%s %s %u %d %d %u", instance->service->parent->name,
                  instance->service->name, instance->id,
                  instance->host ? instance->host : ip_address_format(&instance->address, address),
                  instance->port, (int)instance->protocol, (int)instance->health, instance->weight);
    if (instance->drain_until || instance->is_drain_kill)
        (void)fprintf(out, " draining until %lld%s", (long long)instance->drain_until,
                      instance->is_drain_kill ? ", kill" : "");
    (void)fputc('\n', out);
}

/* Takes `settings` over. */
static inline void write_settings(FILE *out, cJSON *settings)
{
    char *text = cJSON_PrintUnformatted(settings);

    (void)fprintf(out, " settings %s", text);
    cJSON_free(text);
    cJSON_Delete(settings);
}

static inline void write_service(FILE *out, const struct service *service)
{
    struct instance *instance, *next;
    char identity[ALIAS_IDENTITY_SIZE];

    (void)fprintf(out, "service %s/%s %s routes %zu", service->parent->name, service->name,
                  service->is_declared ? "declared" : "mentioned", service->n_routes);
    for (size_t i = 0; i < service->n_aliases; i++)
        (void)fprintf(out, " %s", alias_identity(&service->aliases[i], identity));
    if (service->document)
        (void)fprintf(out, " document %s", service->document);
    if (service->settings)
        write_settings(out, service_settings_write(service->settings));
    (void)fputc('\n', out);
    HASH_ITER (hh, service->instances, instance, next) {
        write_instance(out, instance);
    }
    HASH_ITER (hh, service->records, instance, next) {
        if (instance->host)
            write_instance(out, instance);
    }
}

/* Of one client, or with "" of the namespace. */
static inline void write_routes(FILE *out, const char *parent, const char *client, const struct route *routes)
{
    for (const struct route *route = routes; route; route = route->hh.next) {
        (void)fprintf(out, "route %s/%s/%s", parent, client, route->identity);
        for (size_t i = 0; i < route->n_targets; i++)
            (void)fprintf(out, " %s=%u", route->targets[i].service->name, route->targets[i].weight);
        if (route->is_unhealthy_on_empty)
            (void)fprintf(out, " unhealthy on empty");
        (void)fputc('\n', out);
    }
}

static inline void write_document(FILE *out, const char *parent, const struct stored_document *document)
{
    (void)fprintf(out, "document %s/%s \"%s\" %zu ", parent, document->name, document->source,
                  strlen(document->text));
    for (const char *c = document->text; *c; c++)
        (void)fputc(*c == '\n' ? '|' : *c, out); /* one thing, one line */
    (void)fputc('\n', out);
}

static inline void write_namespace(FILE *out, const struct model_namespace *parent)
{
    struct alias_owner *owner, *next_owner;
    struct service *service, *next_service;

    if (parent->is_declared)
        (void)fprintf(out, "namespace %s\n", parent->name);
    HASH_ITER (hh, parent->services, service, next_service) {
        write_service(out, service);
    }
    HASH_ITER (hh, parent->owners, owner, next_owner) {
        (void)fprintf(out, "owner %s/%s %s\n", parent->name, owner->identity, owner->service->name);
    }
    write_routes(out, parent->name, "", parent->routes);
    for (const struct client *client = parent->clients; client; client = client->hh.next) {
        (void)fprintf(out, "client %s/%s %u\n", parent->name, client->name, client->scope);
        write_routes(out, parent->name, client->name, client->routes);
    }
    for (const struct stored_document *document = parent->documents; document; document = document->hh.next)
        write_document(out, parent->name, document);
}

/* Lines in order, whatever order things arrived in; malloc'd. */
static inline char *catalog_text(const struct catalog *catalog)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char **lines = NULL;
    struct model_namespace *parent, *next;
    char *sorted = NULL;
    char *rest = NULL;
    size_t size = 0;
    size_t n = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    (void)fprintf(out, "counts %zu %zu %zu\n", catalog->n_services, catalog->n_instances,
                  catalog->n_documents);
    if (catalog_has_global_settings(catalog)) {
        (void)fprintf(out, "global");
        write_settings(out, service_settings_write_global(&catalog->ejection, catalog->connect_timeout_ms));
        (void)fputc('\n', out);
    }
    HASH_ITER (hh, catalog->namespaces, parent, next) {
        write_namespace(out, parent);
    }
    (void)fclose(out);
    lines = calloc(size + 1, sizeof(*lines));
    sorted = calloc(1, size + 2);
    if (!lines || !sorted)
        abort();
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        lines[n++] = line;
    qsort(lines, n, sizeof(*lines), by_text);
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)sprintf(sorted + at, "%s\n", lines[i]);
    return sorted;
}
