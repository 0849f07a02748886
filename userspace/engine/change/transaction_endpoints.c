/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* An instance that a transaction touches: its number, its entry, and the followers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine_internal.h"
#include "engine/plan/numbers.h"
#include "engine/change/transaction_internal.h"
#include "model/catalog_aws.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"

static struct instance *touched_instance(const struct transaction *transaction, const struct touched *touched)
{
    const struct service *service =
        catalog_service(transaction->engine->catalog, touched->namespace_name, touched->service);

    return service ? catalog_instance(service, touched->instance) : NULL;
}

/* What its endpoint number goes by: endpoint_name() of an instance that may be gone. */
static const char *touched_name(const struct touched *touched, char name[static ENDPOINT_NAME_SIZE])
{
    return endpoint_name_of(touched->namespace_name, touched->service, touched->instance, name);
}

/* An instance that an undo brought back, or that a change replaced, gets the number its name still holds. */
static void restore_endpoint(struct engine *engine, const struct touched *touched, struct instance *instance)
{
    char name[ENDPOINT_NAME_SIZE];

    if (!instance->endpoint &&
        name_numbers_find(engine->endpoints, endpoint_name(instance, name), &instance->endpoint) == 0) {
        instance->was_eligible = touched->before.was_eligible;
        instance->ramp = touched->before.ramp;
        instance->ramp_since_ms = touched->before.ramp_since_ms;
    }
    if (instance->endpoint)
        engine->instances[instance->endpoint] = instance;
}

/* The instance that the row names and, of a host name, its addresses: what an applied row may
 * free or make. */
static void each_of_row(const struct transaction *transaction, const char *key,
                        void (*function)(struct engine *engine, struct instance *instance))
{
    const struct service *service = NULL;
    const struct instance *record;
    struct instance *instance;
    struct row_name name;

    if (row_parse_key(key, &name) == 0 && name.kind == ROW_INSTANCE)
        service = catalog_service(transaction->engine->catalog, name.namespace_name, name.service);
    if (!service)
        return;
    instance = catalog_instance(service, name.last);
    if (instance)
        function(transaction->engine, instance);
    record = catalog_record(service, name.last);
    for (size_t i = 0; record && i < record->n_addresses; i++)
        function(transaction->engine, record->addresses[i]);
}

static void unpoint(struct engine *engine, struct instance *instance)
{
    engine->instances[instance->endpoint] = NULL;
}

static void point(struct engine *engine, struct instance *instance)
{
    if (instance->endpoint)
        engine->instances[instance->endpoint] = instance;
}

int transaction_apply(const struct transaction *transaction, const struct registry_row *row,
                      struct document_record *document, struct error *error)
{
    int r;

    if (document)
        return row_apply_document(transaction->engine->catalog, row->key, document, error);
    each_of_row(transaction, row->key, unpoint);
    r = row_apply(transaction->engine->catalog, row->key, row->value, error);
    each_of_row(transaction, row->key, point);
    return r;
}

void transaction_forget_endpoint(struct transaction *transaction, struct touched *touched)
{
    char name[ENDPOINT_NAME_SIZE];
    uint32_t number;

    if (name_numbers_find(transaction->engine->endpoints, touched_name(touched, name), &number) == 0)
        transaction->engine->instances[number] = NULL;
}

void transaction_fill_endpoint(struct transaction *transaction, struct touched *touched)
{
    if (followers_fill(transaction->engine, touched->namespace_name, touched->service, touched->instance) < 0)
        log_error("%s/%s: out of memory, addresses are missing until it is resolved again", touched->service,
                  touched->instance);
}

void transaction_restore_endpoint(struct transaction *transaction, struct touched *touched)
{
    struct instance *instance = touched_instance(transaction, touched);

    if (instance)
        restore_endpoint(transaction->engine, touched, instance);
}

void transaction_plan_endpoint(struct transaction *transaction, struct touched *touched)
{
    struct instance *instance = touched_instance(transaction, touched);

    if (instance)
        followers_plan(transaction->engine, instance);
}

/* A name that was no endpoint in this transaction may hold a number that rows on their way have reserved. */
void transaction_release_endpoint(struct transaction *transaction, struct touched *touched)
{
    struct engine *engine = transaction->engine;
    char name[ENDPOINT_NAME_SIZE];
    uint32_t number;

    if (!touched->is_endpoint || touched_instance(transaction, touched) ||
        name_numbers_retire(engine->endpoints, touched_name(touched, name), &number) < 0)
        return;
    engine->instances[number] = NULL;
    name_numbers_reuse(engine->endpoints, number);
}

int transaction_number_endpoint(struct transaction *transaction, struct touched *touched, struct error *error)
{
    struct engine *engine = transaction->engine;
    struct instance *instance = touched_instance(transaction, touched);
    int r;

    if (!instance)
        return 0;
    /* Before it is numbered: a number it has says that it was there before. */
    followers_plan(engine, instance);
    r = numbers_endpoint(engine, instance, error);
    if (r == 0)
        engine->instances[instance->endpoint] = instance;
    return r;
}

void transaction_write_endpoint(struct transaction *transaction, struct touched *touched)
{
    struct instance *instance = touched_instance(transaction, touched);
    struct svc_endpoint entry;
    int r;

    if (!instance)
        return;
    endpoint_entry(instance, &entry);
    r = datapath_put_endpoint(transaction->engine->datapath, instance->endpoint, &entry);
    if (r == 0 && instance_is_of_container(instance))
        r = datapath_put_endpoint_networks(transaction->engine->datapath, instance->endpoint,
                                           instance->networks);
    if (r < 0)
        log_warning("endpoint %s/%s: its entry for bpftool could not be written, ignoring: %s",
                    touched->service, touched->instance, strerror(-r));
    followers_put(transaction->engine, instance);
}

void transaction_remove_endpoint(struct transaction *transaction, struct touched *touched)
{
    struct engine *engine = transaction->engine;
    char name[ENDPOINT_NAME_SIZE];
    uint32_t number;

    if (!touched->is_endpoint || touched_instance(transaction, touched) ||
        name_numbers_find(engine->endpoints, touched_name(touched, name), &number) < 0)
        return;
    engine->instances[number] = NULL;
    followers_unregistered(engine, number);
    if (publisher_keeps_endpoint(engine->publisher, number))
        return; /* a table that is kept leads there: the number is not free */
    (void)name_numbers_retire(engine->endpoints, name, &number);
    followers_removed(engine, touched->namespace_name, number);
    (void)datapath_delete_endpoint(engine->datapath, number);
    publisher_retire_endpoint(engine->publisher, number);
}
