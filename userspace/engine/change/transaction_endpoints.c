/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The instances that a transaction touches: their numbers, entries, records and checks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "upkeep/drains.h"
#include "engine/plan/numbers.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"
#include "upkeep/slow_start.h"
#include "engine/change/transaction_internal.h"
#include "upkeep/udp_closing.h"

static struct instance *touched_instance(const struct transaction *transaction, const struct touched *touched)
{
    const struct service *service =
        catalog_service(transaction->daemon->catalog, touched->namespace_name, touched->service);

    return service ? catalog_instance(service, touched->instance) : NULL;
}

/* What its endpoint number goes by: endpoint_name() of an instance that may be gone. */
static const char *touched_name(const struct touched *touched, char name[static ENDPOINT_NAME_SIZE])
{
    (void)snprintf(name, ENDPOINT_NAME_SIZE, "%s/%s/%s", touched->namespace_name, touched->service,
                   touched->instance);
    return name;
}

/* An instance that an undo brought back, or that a change replaced, gets the number its name still holds. */
static void restore_endpoint(struct daemon *daemon, struct instance *instance)
{
    char name[ENDPOINT_NAME_SIZE];

    if (!instance->endpoint)
        (void)name_numbers_find(daemon->endpoints, endpoint_name(instance, name), &instance->endpoint);
    if (instance->endpoint)
        daemon->instances[instance->endpoint] = instance;
}

/* After an undo: what is not registered after all gives back the number it was given on the way. */
static void release_endpoint(struct daemon *daemon, const struct touched *touched)
{
    char name[ENDPOINT_NAME_SIZE];
    uint32_t number;

    if (name_numbers_retire(daemon->endpoints, touched_name(touched, name), &number) < 0)
        return;
    daemon->instances[number] = NULL;
    name_numbers_reuse(daemon->endpoints, number);
}

void transaction_restore_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next)
        if (externals_fill(daemon, touched->namespace_name, touched->service, touched->instance) < 0)
            log_error("%s/%s: out of memory, addresses are missing until it is resolved again",
                      touched->service, touched->instance);
    HASH_ITER (hh, transaction->instances, touched, next) {
        struct instance *instance = touched_instance(transaction, touched);

        if (instance) {
            restore_endpoint(daemon, instance);
            probes_plan(daemon, instance);
        } else {
            release_endpoint(daemon, touched);
        }
    }
}

int transaction_number_endpoints(struct transaction *transaction, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;
    int r = 0;

    /* Bounded like their addresses, which they may not have yet. */
    if (daemon->catalog->n_externals > daemon->config.max_endpoints)
        return error_set(error, ENOSPC,
                         "more host names than maps.endpoints (%u): raise it and restart svcconnectd",
                         daemon->config.max_endpoints);
    HASH_ITER (hh, transaction->instances, touched, next) {
        struct instance *instance = touched_instance(transaction, touched);

        if (!instance)
            continue;
        restore_endpoint(daemon, instance);
        /* Before it is numbered: a number it has says that it was there before. */
        probes_plan(daemon, instance);
        slow_start_plan(daemon, instance);
        r = numbers_endpoint(daemon, instance, error);
        if (r < 0)
            break;
        daemon->instances[instance->endpoint] = instance;
    }
    return r;
}

void transaction_write_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        struct instance *instance = touched_instance(transaction, touched);
        struct svc_endpoint entry;
        int r;

        if (!instance)
            continue;
        endpoint_entry(instance, &entry);
        r = datapath_put_endpoint(daemon->datapath, instance->endpoint, &entry);
        if (r < 0)
            log_warning("endpoint %s/%s: its entry for bpftool could not be written, ignoring: %s",
                        touched->service, touched->instance, strerror(-r));
        outliers_put(daemon, instance);
        probes_put(daemon, instance);
        slow_start_put(daemon, instance);
        drains_put(daemon, instance);
    }
}

/* After the tables no longer name them. */
void transaction_remove_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        char name[ENDPOINT_NAME_SIZE];
        uint32_t number;

        if (touched_instance(transaction, touched))
            continue;
        if (name_numbers_find(daemon->endpoints, touched_name(touched, name), &number) < 0)
            continue;
        daemon->instances[number] = NULL;
        probes_remove(daemon, number);
        if (publisher_keeps_endpoint(daemon->publisher, number))
            continue; /* a table that is kept leads there: the number is not free */
        (void)name_numbers_retire(daemon->endpoints, name, &number);
        udp_closing_add(daemon, touched->namespace_name, number);
        outliers_remove(&daemon->outliers, daemon->datapath, number);
        (void)datapath_delete_endpoint(daemon->datapath, number);
        publisher_retire_endpoint(daemon->publisher, number);
    }
}

void transaction_put_externals(const struct transaction *transaction)
{
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next)
        externals_put(transaction->daemon, touched->namespace_name, touched->service, touched->instance);
}
