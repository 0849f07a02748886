/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Publishing: what was reserved and is on disk becomes visible, and followers hear of it. */
#include "engine/change/transaction_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "registry/rows.h"

#define TOUCHED_A_STEP 32 /* each has some system calls */
#define NAMES_A_STEP   1024

/* Namespaces that followers were told of: each walks its tasks, so none should be told twice. */
struct told {
    const char *namespace_name;
    UT_hash_handle hh;
};

static void tell_once(struct engine *engine, const char *namespace_name, struct told **all,
                      void (*tell)(struct engine *engine, const char *namespace_name))
{
    struct told *told;

    HASH_FIND_STR(*all, namespace_name, told);
    if (told)
        return;
    told = calloc(1, sizeof(*told));
    if (told) { /* without memory it is told again */
        told->namespace_name = namespace_name;
        HASH_ADD_KEYPTR(hh, *all, told->namespace_name, strlen(told->namespace_name), told);
    }
    tell(engine, namespace_name);
}

static void forget_told(struct told **all)
{
    struct told *told, *next;

    HASH_ITER (hh, *all, told, next) {
        HASH_DEL(*all, told);
        free(told);
    }
}

/* Mostly all are of one namespace. Returns whether all have been looked at. */
static bool tell_some_names(struct transaction *transaction)
{
    struct touched *touched = transaction->at.touched;

    for (unsigned i = 0; i < NAMES_A_STEP && touched && transaction->are_names_changed; i++) {
        tell_once(transaction->engine, touched->namespace_name, &transaction->told, followers_names_changed);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    return !touched || !transaction->are_names_changed;
}

/* A service without a client alias has names all the same, which come and go with its row. */
static void tell_service(struct transaction *transaction, const char *key)
{
    const struct catalog *catalog = transaction->engine->catalog;
    const struct model_namespace *parent;
    const struct service *service;
    struct row_name name;

    if (strncmp(key, "services/", strlen("services/")) != 0 || row_parse_key(key, &name) < 0 ||
        name.kind != ROW_SERVICE)
        return;
    followers_service_changed(transaction->engine, name.namespace_name, name.service);
    parent = catalog_namespace(catalog, name.namespace_name);
    service = catalog_service(catalog, name.namespace_name, name.service);
    if (parent && (!service || !service->is_declared || service->n_aliases == 0))
        tell_once(transaction->engine, parent->name, &transaction->told, followers_names_changed);
}

/* Returns whether all rows have been looked at. */
static bool tell_some_services(struct transaction *transaction)
{
    for (unsigned i = 0; i < NAMES_A_STEP && transaction->at.index < transaction->n_rows; i++)
        tell_service(transaction, transaction->rows[transaction->at.index++].key);
    if (transaction->at.index < transaction->n_rows)
        return false;
    forget_told(&transaction->told);
    return true;
}

static void tell_scopes(struct transaction *transaction)
{
    struct told *all = NULL;

    for (size_t i = 0; i < transaction->n_scopes; i++)
        tell_once(transaction->engine, transaction->scopes[i].namespace_name, &all, followers_scopes_changed);
    forget_told(&all);
}

/* Scopes that no client has any more: their tasks have moved by now. */
static void drop_scopes(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;

    for (size_t i = 0; i < transaction->n_scopes; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        uint32_t number;

        if (!change->old_number || change->is_renamed ||
            scope_is_used(catalog_namespace(engine->catalog, change->namespace_name), change->old_number) ||
            name_numbers_retire(engine->scopes, change->old_name, &number) < 0)
            continue;
        withdraw_scope(engine, change->old_number);
    }
}

static bool changes_global_settings(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->n_rows; i++)
        if (strcmp(transaction->rows[i].key, "settings/global") == 0)
            return true;
    return false;
}

static bool transaction_publish_some_touched(struct transaction *transaction,
                                             void (*function)(struct transaction *transaction,
                                                              struct touched *touched))
{
    struct touched *touched = transaction->at.touched;

    for (unsigned i = 0; i < TOUCHED_A_STEP && touched; i++) {
        function(transaction, touched);
        touched = touched->hh.next;
    }
    transaction->at.touched = touched;
    return !touched;
}

static void settle(struct transaction *transaction, struct touched *touched)
{
    followers_settled(transaction->engine, touched->namespace_name, touched->service, touched->instance);
}

static void publish_some(struct transaction *transaction)
{
    struct publication **publication = &transaction->publications[transaction->at.index++];
    int r;

    transaction->are_names_changed |= publication_changes_names(*publication);
    r = publisher_commit(transaction->engine->publisher, publication);
    if (r < 0)
        log_error(
            "publishing: some alias entries could not be written: %s; restart svcconnectd to complete them",
            strerror(-r));
}

/* The tables of a scope that goes still name what it led to. */
static void leave_scopes(struct transaction *transaction)
{
    kept_release_clients(transaction);
    tell_scopes(transaction);
    drop_scopes(transaction);
}

static void tell_followers(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;

    if (changes_global_settings(transaction))
        followers_settings_changed(engine);
}

enum {
    PUBLISH_BEGIN,
    PUBLISH_ENTRIES,
    PUBLISH_TABLES,
    PUBLISH_SCOPES,
    PUBLISH_REMOVALS,
    PUBLISH_SETTLED,
    PUBLISH_NAMES,
    PUBLISH_SERVICES,
    PUBLISH_TOLD,
    PUBLISH_FREE,
};

static int transaction_publish_next_part(struct transaction *transaction)
{
    transaction->at =
        (struct step_cursor){.part = transaction->at.part + 1, .touched = transaction->instances};
    return STEP_MORE;
}

int transaction_publish(struct transaction *transaction, struct error *error)
{
    (void)error;
    switch (transaction->at.part) {
    case PUBLISH_BEGIN:
        return transaction_publish_next_part(transaction);
    case PUBLISH_ENTRIES:
        return transaction_publish_some_touched(transaction, transaction_write_endpoint)
                   ? transaction_publish_next_part(transaction)
                   : STEP_MORE;
    case PUBLISH_TABLES:
        if (transaction->at.index == transaction->n_publications) {
            registry_guard_published(transaction->engine, registry_revision(transaction->engine->registry));
            return transaction_publish_next_part(transaction);
        }
        publish_some(transaction);
        return STEP_MORE;
    case PUBLISH_SCOPES:
        leave_scopes(transaction);
        return transaction_publish_next_part(transaction);
    case PUBLISH_REMOVALS:
        return transaction_publish_some_touched(transaction, transaction_remove_endpoint)
                   ? transaction_publish_next_part(transaction)
                   : STEP_MORE;
    case PUBLISH_SETTLED:
        if (!transaction_publish_some_touched(transaction, settle))
            return STEP_MORE;
        publisher_begin_grace(transaction->engine->publisher);
        (void)transaction_publish_next_part(transaction);
        transaction->at.touched = transaction->aliases;
        return STEP_MORE;
    case PUBLISH_NAMES:
        return tell_some_names(transaction) ? transaction_publish_next_part(transaction) : STEP_MORE;
    case PUBLISH_SERVICES:
        return tell_some_services(transaction) ? transaction_publish_next_part(transaction) : STEP_MORE;
    case PUBLISH_TOLD:
        tell_followers(transaction);
        return transaction_publish_next_part(transaction);
    default:
        return transaction_free_some(transaction, NULL);
    }
}

int transaction_publish_tables(struct transaction *transaction, struct error *error)
{
    return transaction->at.part == PUBLISH_SCOPES ? 0 : transaction_publish(transaction, error);
}
