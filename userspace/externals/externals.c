/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The list of host names: it follows what is registered, and begins with what the registry has
 * of this host. */
#include "externals/externals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/engine.h"
#include "externals/externals_internal.h"
#include "model/catalog_aws.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"

/* ---- the list ---- */

static struct external *externals_look_up(const struct externals *self, const char *name)
{
    struct external *found;

    HASH_FIND_STR(self->all, name, found);
    return found;
}

static void free_external(struct external *external)
{
    external_detach_finding(external);
    external_detach_ending(external);
    external_stop(external);
    free(external->addresses);
    free(external->host);
    free(external->parts);
    free(external->name);
    free(external);
}

static void remove_external(struct externals *self, struct external *external)
{
    HASH_DEL(self->all, external);
    free_external(external);
}

/* endpoint_name() cut at the first two slashes. */
static int cut_name(struct external *external)
{
    char *slash;

    external->namespace_name = external->parts;
    slash = strchr(external->parts, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    external->service = slash + 1;
    slash = strchr(slash + 1, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    external->id = slash + 1;
    model_namespace_from_part(external->parts);
    return 0;
}

static struct external *externals_make(struct externals *self, const char *name, const char *host)
{
    struct external *external = calloc(1, sizeof(*external));

    if (!external)
        return NULL;
    external->externals = self;
    external->name = strdup(name);
    external->parts = strdup(name);
    external->host = strdup(host);
    if (!external->name || !external->parts || !external->host || cut_name(external) < 0) {
        free_external(external);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, self->all, external->name, strlen(external->name), external);
    return external;
}

const struct external *externals_find(const struct externals *externals, const struct instance *record)
{
    char name[ENDPOINT_NAME_SIZE];

    return externals_look_up(externals, endpoint_name(record, name));
}

/* ---- following changes ---- */

/* Gives the instance in the catalog, if it is a host name, the addresses that are known. -ENOMEM. */
static int follow_fill(void *user, const char *namespace_name, const char *service_name, const char *id)
{
    const struct externals *self = user;
    const struct service *service =
        catalog_service(engine_catalog(self->engine), namespace_name, service_name);
    struct instance *record = service ? catalog_record(service, id) : NULL;
    char name[ENDPOINT_NAME_SIZE];
    const struct external *external =
        record && record->host
            ? externals_look_up(self, endpoint_name_of(namespace_name, service_name, id, name))
            : NULL;

    if (!external || strcmp(external->host, record->host) != 0)
        return 0;
    return catalog_set_addresses(record, external->addresses, external->n);
}

/* Another host by the same id: nothing is known of it. */
static int rename_host(struct external *external, const char *host)
{
    char *copy = strdup(host);

    if (!copy)
        return -ENOMEM;
    free(external->host);
    external->host = copy;
    external_detach_finding(external);
    external_stop(external);
    free(external->addresses);
    external->addresses = NULL;
    external->n = 0;
    external->failures = 0;
    external->failure[0] = '\0';
    external->resolved_at = 0;
    external->is_cut = external->is_refused = false;
    return 0;
}

/* All of a change is in effect: begins to ask, or forgets. */
static void follow_settled(void *user, const char *namespace_name, const char *service_name, const char *id)
{
    struct externals *self = user;
    const struct service *service =
        catalog_service(engine_catalog(self->engine), namespace_name, service_name);
    const struct instance *record = service ? catalog_record(service, id) : NULL;
    char name[ENDPOINT_NAME_SIZE];
    struct external *external =
        externals_look_up(self, endpoint_name_of(namespace_name, service_name, id, name));

    if (!record || !record->host) {
        if (external) {
            external_forget_later(external);
            remove_external(self, external);
        }
        return;
    }
    if (!external)
        external = externals_make(self, name, record->host);
    if (!external || (strcmp(external->host, record->host) != 0 && rename_host(external, record->host) < 0)) {
        log_error("%s: out of memory, host name %s is not resolved until the next start", name, record->host);
        return;
    }
    external->is_draining = record->drain_until != 0;
    if (external->is_draining) {
        external_stop(external);
        if (external->n > 0)
            return; /* they drain first */
    }
    external_begin(external);
}

/* ---- the start ---- */

static int follow_row(void *user, const char *key, const char *value)
{
    struct externals *self = user;
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES];
    char host[MODEL_HOST_NAME_MAX + 1];
    struct external *external;
    struct row_name name;
    size_t n = 0;

    if (strncmp(key, "host/resolved/", 14) != 0 || row_parse_key(key, &name) < 0)
        return 0;
    if (row_read_resolved(value, host, addresses, &n) < 0) {
        log_warning("registry row %.200s cannot be read, ignoring it", key);
        n = 0;
        host[0] = '\0';
    }
    external = externals_make(self, name.last, host);
    if (!external)
        return 0; /* a key that is none of ours */
    external->addresses = calloc(n + 1, sizeof(*external->addresses));
    if (!external->addresses)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (!alias_range_holds(engine_alias_range(self->engine), &addresses[i]))
            external->addresses[external->n++].address = addresses[i];
    return 0;
}

static int adopt_record(struct externals *self, struct instance *record)
{
    char name[ENDPOINT_NAME_SIZE];
    struct external *external = externals_look_up(self, endpoint_name(record, name));

    if (!external)
        external = externals_make(self, name, record->host);
    if (!external || (strcmp(external->host, record->host) != 0 && rename_host(external, record->host) < 0))
        return -ENOMEM;
    external->is_draining = record->drain_until != 0;
    return catalog_set_addresses(record, external->addresses, external->n);
}

static int follow_loaded(void *user, struct error *error)
{
    struct externals *self = user;
    const struct model_namespace *parent;
    const struct service *service;
    struct external *external, *next;
    struct instance *record;

    for (parent = engine_catalog(self->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (record = service->records; record; record = record->hh.next)
                if (record->host && adopt_record(self, record) < 0)
                    return error_errno(error, ENOMEM, "starting");
    HASH_ITER (hh, self->all, external, next) {
        if (external_record(external))
            continue;
        external_forget_later(external);
        remove_external(self, external);
    }
    return 0;
}

const struct engine_follower externals_follower = {
    .fill = follow_fill,
    .settled = follow_settled,
    .row = follow_row,
    .loaded = follow_loaded,
};

/* ---- beginning and end ---- */

static bool refuses(const struct ip_address *address, void *user)
{
    const struct externals *self = user;

    return alias_range_holds(engine_alias_range(self->engine), address);
}

void externals_init(struct externals *externals, struct engine *engine, struct event_log *events,
                    const struct external_settings *settings)
{
    *externals = (struct externals){.engine = engine, .events = events, .settings = *settings};
}

int externals_begin(struct externals *externals, struct event_base *base, struct error *error)
{
    struct external *external;
    int r;

    externals->base = base;
    r = external_save_begin(externals);
    if (r < 0)
        return error_errno(error, r, "starting");
    r = resolver_new(base, externals->settings.servers, refuses, externals, &externals->resolver, error);
    for (external = externals->all; external && r == 0; external = external->hh.next)
        external_begin(external);
    return r;
}

void externals_done(struct externals *externals)
{
    struct external *external, *next;

    external_save_done(externals);
    HASH_ITER (hh, externals->all, external, next) {
        remove_external(externals, external);
    }
    resolver_free(&externals->resolver);
}
