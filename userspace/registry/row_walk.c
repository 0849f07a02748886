/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/row_walk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "model/catalog_aws.h"
#include "model/names.h"
#include "registry/rows.h"

struct row_walk_to {
    row_key_fn on_key;
    void *user;
};

static int row_walk_give(const struct row_walk_to *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int row_walk_give(const struct row_walk_to *to, const char *format, ...)
{
    char key[ROW_KEY_SIZE];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(key, sizeof(key), format, arguments);
    va_end(arguments);
    return length < 0 || (size_t)length >= sizeof(key) ? -EINVAL : to->on_key(key, to->user);
}

/* "KIND/NS" and what follows, as row_make_in() has it. */
static int row_walk_give_in(const struct row_walk_to *to, const char *kind,
                            const struct model_namespace *parent, const char *first, const char *second)
{
    char part[MODEL_NAMESPACE_MAX + 1];

    return row_walk_give(to, "%s/%s%s%s%s%s", kind, model_namespace_part(parent->name, part),
                         first ? "/" : "", first ? first : "", second ? "/" : "", second ? second : "");
}

static int walk_common(const struct catalog *catalog, const struct row_walk_to *to)
{
    const struct aws_record *record;
    int r = row_walk_give(to, "settings/global");

    for (enum aws_record_kind kind = 0; kind < AWS_RECORD_KINDS; kind++)
        for (record = catalog->aws_records[kind]; record && r == 0; record = record->hh.next)
            r = row_walk_give(to, "aws/%s/%s", aws_record_kind_name(kind), record->name);
    return r;
}

static int walk_instances(const struct service *service, const struct instance *instances,
                          const struct row_walk_to *to)
{
    int r = 0;

    /* An address of a host name is nobody's row. */
    for (const struct instance *instance = instances; instance && r == 0; instance = instance->hh.next)
        if (!instance->external)
            r = row_walk_give_in(to, "instances", service->parent, service->name, instance->id);
    return r;
}

static int walk_service(const struct service *service, const struct row_walk_to *to)
{
    int r = row_walk_give_in(to, "services", service->parent, service->name, NULL);

    if (r == 0)
        r = walk_instances(service, service->instances, to);
    return r == 0 ? walk_instances(service, service->records, to) : r;
}

static int walk_routes(const struct model_namespace *parent, const char *client, const struct route *routes,
                       const struct row_walk_to *to)
{
    int r = 0;

    for (const struct route *route = routes; route && r == 0; route = route->hh.next)
        r = row_walk_give_in(to, "routes", parent, client, route->identity);
    return r;
}

static int walk_namespace(const struct model_namespace *parent, const struct row_walk_to *to)
{
    const struct stored_document *document;
    const struct catalog_canary *canary;
    const struct client *client;
    int r = row_walk_give_in(to, "namespaces", parent, NULL, NULL);

    if (r == 0)
        r = walk_routes(parent, "", parent->routes, to);
    for (client = parent->clients; client && r == 0; client = client->hh.next)
        r = walk_routes(parent, client->name, client->routes, to);
    for (document = parent->documents; document && r == 0; document = document->hh.next)
        r = row_walk_give_in(to, "documents", parent, document->name, NULL);
    for (canary = parent->canaries; canary && r == 0; canary = canary->hh.next)
        r = row_walk_give_in(to, "canaries", parent, canary->key, NULL);
    return r;
}

int row_walk_step(struct row_walk *walk, const struct catalog *catalog, row_key_fn on_key, void *user)
{
    const struct row_walk_to to = {on_key, user};
    int r;

    if (!walk->has_begun) {
        *walk = (struct row_walk){.has_begun = true, .parent = catalog->namespaces};
        walk->service = walk->parent ? walk->parent->services : NULL;
        r = walk_common(catalog, &to);
    } else if (walk->service) {
        r = walk_service(walk->service, &to);
        walk->service = walk->service->hh.next;
    } else if (walk->parent) {
        r = walk_namespace(walk->parent, &to);
        walk->parent = walk->parent->hh.next;
        walk->service = walk->parent ? walk->parent->services : NULL;
    } else {
        return 0;
    }
    return r < 0 ? r : walk->parent != NULL;
}
