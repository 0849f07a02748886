/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the registry holds of containers, as rows of a job: instances that are wanted and not there or different, and
 * those of containers that are gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "containers/containers_internal.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "model/catalog_aws.h"
#include "registry/rows.h"

static void wanted_free(struct wanted_instance *wanted)
{
    free(wanted->key);
    free(wanted->container_id);
    free(wanted->namespace_name);
    free(wanted->creator);
    free(wanted->attributes);
    free(wanted->instance.aliases);
    free(wanted);
}

void registering_free(struct registering *registering)
{
    struct wanted_instance *wanted;
    struct wanted_instance *next;

    if (!registering)
        return;
    HASH_ITER (hh, registering->items, wanted, next) {
        HASH_DEL(registering->items, wanted);
        wanted_free(wanted);
    }
    free(registering);
}

static struct wanted_instance *find_wanted(const struct registering *registering, const char *namespace_name,
                                           const char *service, const char *id)
{
    struct wanted_instance *wanted = NULL;
    _cleanup_free_ char *key = NULL;

    if (registering && asprintf(&key, "%s\n%s\n%s", namespace_name, service, id) >= 0)
        HASH_FIND_STR(registering->items, key, wanted);
    return wanted;
}

/* ---- what is wanted, copied ---- */

/* "IP:PORT" or "[IPv6]:PORT" of this host, for clients on others. */
static void add_published(const struct workload_instance *from, cJSON *attributes)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    char text[IP_ADDRESS_TEXT_SIZE + 16];
    bool is_v4 = ip_address_is_v4(&from->published);

    (void)snprintf(text, sizeof(text), is_v4 ? "%s:%u" : "[%s]:%u",
                   ip_address_format(&from->published, address), from->published_port);
    (void)cJSON_AddStringToObject(attributes, "SVCCONNECT_PUBLISHED", text);
}

/* Whatever runs on this host is in its zone, unless its label says otherwise. */
static const char *zone_of_instance(const struct engine *engine, const struct workload_instance *from)
{
    const struct catalog_zone *here = engine_catalog(engine)->host_zone;

    return from->zone ? from->zone : here ? here->name : NULL;
}

static int copy_attributes(const struct engine *engine, const struct workload_instance *from,
                           struct wanted_instance *to)
{
    _cleanup_json_ cJSON *attributes = NULL;
    const char *zone = zone_of_instance(engine, from);

    if (!zone && !from->published_port)
        return 0;
    attributes = cJSON_CreateObject();
    if (zone)
        (void)cJSON_AddStringToObject(attributes, CATALOG_ZONE_ATTRIBUTE, zone);
    if (from->published_port)
        add_published(from, attributes);
    to->attributes = json_print(attributes);
    return to->attributes ? 0 : -ENOMEM;
}

static int copy_wanted(struct registering *registering, const struct workload *workload,
                       const struct workload_instance *from)
{
    const struct held *held = containers_find(registering->owner, workload->container->id);
    struct wanted_instance *wanted = calloc(1, sizeof(*wanted));

    if (!wanted)
        return -ENOMEM;
    wanted->owner = registering;
    wanted->container_id = strdup(workload->container->id);
    wanted->instance = *from;
    wanted->instance.zone = NULL;
    if (held && containers_is_stopping(held)) {
        wanted->has_drain_s = true;
        wanted->drain_s = held->stop.timeout_s;
    }
    wanted->instance.aliases = calloc(from->n_aliases + 1, sizeof(*from->aliases));
    wanted->namespace_name = strdup(workload->namespace_name);
    if (asprintf(&wanted->creator, INSTANCE_OF_CONTAINER "%s:%.*s", workload->container->runtime,
                 CREATOR_ID_MAX, workload->container->id) < 0)
        wanted->creator = NULL;
    if (asprintf(&wanted->key, "%s\n%s\n%s", workload->namespace_name, from->service, from->id) < 0)
        wanted->key = NULL;
    if (!wanted->container_id || !wanted->instance.aliases || !wanted->namespace_name || !wanted->creator ||
        !wanted->key || copy_attributes(registering->owner->settings.engine, from, wanted) < 0) {
        wanted_free(wanted);
        return -ENOMEM;
    }
    if (from->n_aliases)
        memcpy(wanted->instance.aliases, from->aliases, from->n_aliases * sizeof(*from->aliases));
    if (find_wanted(registering, wanted->namespace_name, from->service, from->id)) {
        wanted_free(wanted); /* two ports of one name: the first is taken */
        return 0;
    }
    HASH_ADD_KEYPTR(hh, registering->items, wanted->key, strlen(wanted->key), wanted);
    return 0;
}

struct registering *registering_new(struct containers *containers, const struct workload_plan *plan)
{
    struct registering *registering = calloc(1, sizeof(*registering));

    if (!registering)
        return NULL;
    registering->owner = containers;
    registering->before = containers->registered;
    registering->is_scan = containers->is_scan_due;
    for (size_t i = 0; i < plan->n; i++)
        for (size_t k = 0; k < plan->items[i].n_instances; k++)
            if (copy_wanted(registering, &plan->items[i], &plan->items[i].instances[k]) < 0) {
                registering_free(registering);
                return NULL;
            }
    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (containers_have_listed(containers, containers->runtimes[i].name))
            memcpy(registering->runtimes[registering->n_runtimes++], containers->runtimes[i].name,
                   sizeof(registering->runtimes[0]));
    return registering;
}

/* ---- the job ---- */

/* A name that another service has already stays that one's. */
static int containers_declare(struct transaction *transaction, const struct wanted_instance *wanted,
                              struct error *error)
{
    const struct catalog *catalog = transaction_catalog(transaction);
    const struct model_namespace *parent = catalog_namespace(catalog, wanted->namespace_name);
    const struct service *service =
        catalog_service(catalog, wanted->namespace_name, wanted->instance.service);
    _cleanup_free_ struct client_alias *aliases = NULL;
    bool is_declared = service && service->is_declared;
    size_t n = is_declared ? service->n_aliases : 0;
    size_t before = n;
    struct registry_row row;
    int r;

    if (is_declared && (service->document || service->aws))
        return 0; /* who declared it has said what it is called */
    aliases = calloc(n + wanted->instance.n_aliases + 1, sizeof(*aliases));
    if (!aliases)
        return error_errno(error, ENOMEM, "declaring a container's service");
    if (n)
        memcpy(aliases, service->aliases, n * sizeof(*aliases));
    for (size_t i = 0; i < wanted->instance.n_aliases; i++) {
        char identity[ALIAS_IDENTITY_SIZE];

        if (!parent || !catalog_alias_owner(parent, alias_identity(&wanted->instance.aliases[i], identity)))
            aliases[n++] = wanted->instance.aliases[i];
    }
    if (is_declared && n == before)
        return 0;
    if (!parent || !parent->is_declared) {
        r = row_for_namespace(wanted->namespace_name, NULL, &row);
        if (r == 0)
            r = transaction_put(transaction, row, error);
        if (r < 0)
            return r;
    }
    service = catalog_service(catalog, wanted->namespace_name, wanted->instance.service);
    r = row_for_service(wanted->namespace_name, wanted->instance.service, aliases, n, NULL,
                        service ? service_get_settings(service) : &service_settings_default, NULL, &row);
    return r < 0 ? error_errno(error, r, "declaring a container's service")
                 : transaction_put(transaction, row, error);
}

/* What somebody has said of it by hand holds; registered by hand it is as its labels say once more. */
static void keep_what_was_said(const struct workload_instance *from, const struct instance *there,
                               struct instance *instance)
{
    instance->weight = there->weight;
    instance->health_by_hand = there->health_by_hand;
    if (there->health_by_hand == WORD_HEALTHY && from->is_healthy)
        instance->health_by_hand = WORD_NONE; /* the runtime says so itself by now */
    if (instance->health_by_hand)
        instance->health = instance->health_by_hand == WORD_HEALTHY ? HEALTHY : UNHEALTHY;
    if (there->is_drain_by_hand) {
        instance->drain_until = there->drain_until;
        instance->drain_for_s = there->drain_for_s;
        instance->is_drain_kill = there->is_drain_kill;
        instance->is_drain_by_hand = true;
    }
}

/* Told to end: no new connections from now on. */
static void begin_to_drain(const struct wanted_instance *wanted, const struct service *service,
                           const struct instance *there, struct instance *instance)
{
    uint64_t seconds = wanted->has_drain_s ? wanted->drain_s : service_get_settings(service)->drain_ms / 1000;

    instance->health = there->health;
    if (instance->drain_until)
        return;
    instance->drain_until = there->drain_until;
    instance->drain_for_s = there->drain_for_s;
    if (there->drain_until)
        return;
    instance->drain_until = clock_run_s() + (int64_t)seconds;
    instance->drain_for_s = (uint32_t)seconds;
}

static int containers_put_instance(struct transaction *transaction, struct wanted_instance *wanted,
                                   struct error *error)
{
    const struct workload_instance *from = &wanted->instance;
    const struct service *service =
        catalog_service(transaction_catalog(transaction), wanted->namespace_name, from->service);
    const struct instance *there = service ? catalog_instance(service, from->id) : NULL;
    struct instance instance = {.id = wanted->instance.id,
                                .address = from->address,
                                .port = from->port,
                                .protocol = from->protocol,
                                .health = from->is_healthy ? HEALTHY : UNHEALTHY,
                                .weight = from->weight,
                                .attributes = wanted->attributes,
                                .creator = wanted->creator};
    struct registry_row row;
    bool is_out = false;
    int r;

    if (from->is_draining && !there)
        return 0;
    r = containers_keep_left_out(transaction, wanted, there != NULL, &is_out, error);
    if (r < 0 || is_out)
        return r;
    if (there && instance_is_of_container(there))
        keep_what_was_said(from, there, &instance);
    if (from->is_draining)
        begin_to_drain(wanted, service, there, &instance);
    r = row_for_instance(wanted->namespace_name, from->service, &instance, &row);
    return r < 0 ? error_errno(error, r, "registering a container")
                 : transaction_put(transaction, row, error);
}

/* The runtime has it, but not said what it is: it stays as it was. */
static bool is_unread(const struct registering *registering, const char *container)
{
    for (const struct held *held = registering->owner->all; held; held = held->hh.next)
        if (held->is_unread && strncmp(held->container->id, container, CREATOR_ID_MAX) == 0)
            return true;
    return false;
}

/* Is it a container's, of a runtime that has told all it has? */
static bool is_known_to_be_ours(const struct registering *registering, const char *creator)
{
    size_t length = strlen(INSTANCE_OF_CONTAINER);

    if (!creator || strncmp(creator, INSTANCE_OF_CONTAINER, length) != 0)
        return false;
    for (size_t i = 0; i < registering->n_runtimes; i++) {
        size_t name = strlen(registering->runtimes[i]);

        if (strncmp(creator + length, registering->runtimes[i], name) == 0 && creator[length + name] == ':')
            return !is_unread(registering, creator + length + name + 1);
    }
    return false;
}

static int note_gone_one(const struct registering *registering, const struct service *service,
                         const struct instance *instance, struct registry_row **rows, size_t *n)
{
    const char *namespace_name = service->parent->name;

    if (!instance || !is_known_to_be_ours(registering, instance->creator) ||
        find_wanted(registering, namespace_name, service->name, instance->id))
        return 0;
    if (ARRAY_MAKE_ROOM(*rows, *n) < 0 ||
        row_delete_instance(namespace_name, service->name, instance->id, &(*rows)[*n]) < 0)
        return -ENOMEM;
    (*n)++;
    return 0;
}

/* Seldom: after a start, and when a runtime has come back. */
static int note_gone_by_scan(const struct registering *registering, const struct catalog *catalog,
                             struct registry_row **rows, size_t *n)
{
    int r = 0;

    for (struct model_namespace *parent = catalog->namespaces; parent; parent = parent->hh.next)
        for (struct service *service = parent->services; service; service = service->hh.next)
            for (struct instance *instance = service->instances; r == 0 && instance;
                 instance = instance->hh.next)
                r = note_gone_one(registering, service, instance, rows, n);
    return r;
}

static int note_gone(const struct registering *registering, const struct catalog *catalog,
                     struct registry_row **rows, size_t *n)
{
    const struct wanted_instance *wanted;
    int r = 0;

    if (registering->is_scan)
        return note_gone_by_scan(registering, catalog, rows, n);
    for (wanted = registering->before ? registering->before->items : NULL; r == 0 && wanted;
         wanted = wanted->hh.next) {
        const struct service *service =
            catalog_service(catalog, wanted->namespace_name, wanted->instance.service);

        if (service)
            r = note_gone_one(registering, service, catalog_instance(service, wanted->instance.id), rows, n);
    }
    return r;
}

/* Of containers that have gone it need not be known that an instance was deregistered. */
static int note_left_out(const struct registering *registering, const struct catalog *catalog,
                         struct registry_row **rows, size_t *n)
{
    for (const struct aws_record *record = catalog->aws_records[AWS_LEFT_OUT]; record;
         record = record->hh.next) {
        _cleanup_json_ cJSON *json = cJSON_Parse(record->text);
        _cleanup_free_ char *name = strdup(record->name);
        char *service = name ? strchr(name, '/') : NULL;
        char *id = service ? strchr(service + 1, '/') : NULL;

        if (!id)
            continue;
        *service++ = *id++ = '\0';
        model_namespace_from_part(name);
        if (!is_known_to_be_ours(registering, cJSON_GetStringValue(cJSON_GetObjectItem(json, "creator"))) ||
            find_wanted(registering, name, service, id))
            continue;
        if (ARRAY_MAKE_ROOM(*rows, *n) < 0 || row_for_aws(AWS_LEFT_OUT, record->name, NULL, &(*rows)[*n]) < 0)
            return -ENOMEM;
        (*n)++;
    }
    return 0;
}

/* A container that has ended is gone at once: its address may be another one's in a moment. */
int containers_remove_gone(struct transaction *transaction, const struct registering *registering,
                           struct error *error)
{
    struct registry_row *rows = NULL;
    size_t n = 0;
    int r = note_gone(registering, transaction_catalog(transaction), &rows, &n);

    if (r == 0)
        r = note_left_out(registering, transaction_catalog(transaction), &rows, &n);
    if (r < 0)
        (void)error_errno(error, r, "deregistering containers");
    for (size_t i = 0; i < n; i++) {
        if (r == 0)
            r = transaction_put(transaction, rows[i], error);
        else
            row_done(&rows[i]);
    }
    free(rows);
    return r;
}

int containers_put_one(struct transaction *transaction, struct wanted_instance *wanted, struct error *error)
{
    int r = containers_declare(transaction, wanted, error);

    return r < 0 ? r : containers_put_instance(transaction, wanted, error);
}
