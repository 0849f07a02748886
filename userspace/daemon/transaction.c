/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/canaries.h"
#include "daemon/daemon.h"
#include "daemon/numbers.h"
#include "daemon/scopes.h"
#include "daemon/task_hosts.h"
#include "daemon/wanted.h"
#include "daemon/views.h"
#include "registry/rows.h"

void transaction_begin(struct transaction *transaction, struct daemon *daemon)
{
    *transaction = (struct transaction){.daemon = daemon};
}

static void free_touched(struct touched **set)
{
    struct touched *touched, *next;

    HASH_ITER (hh, *set, touched, next) {
        HASH_DEL(*set, touched);
        free(touched->name);
        free(touched);
    }
}

static void done(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->n_rows; i++) {
        row_done(&transaction->rows[i]);
        row_done(&transaction->undo[i]);
    }
    free(transaction->rows);
    free(transaction->undo);
    free_touched(&transaction->aliases);
    free_touched(&transaction->instances);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        scope_change_done(&transaction->scopes[i]);
    free(transaction->scopes);
    *transaction = (struct transaction){0};
}

/* ---- what a row touches ---- */

/* Three texts one after the other, each with its NUL; the key is all of them. */
static int touch(struct touched **set, const char *first, const char *second, const char *third,
                 struct touched **ret_touched)
{
    size_t length1 = strlen(first) + 1;
    size_t length2 = strlen(second) + 1;
    size_t length = length1 + length2 + strlen(third) + 1;
    struct touched *touched = NULL;
    char *name = malloc(length);

    if (!name)
        return -ENOMEM;
    memcpy(name, first, length1);
    memcpy(name + length1, second, length2);
    memcpy(name + length1 + length2, third, length - length1 - length2);
    HASH_FIND(hh, *set, name, length, touched);
    if (touched) {
        free(name);
    } else {
        touched = calloc(1, sizeof(*touched));
        if (!touched) {
            free(name);
            return -ENOMEM;
        }
        touched->name = name;
        touched->namespace_name = name;
        touched->service = name + length1;
        touched->instance = name + length1 + length2;
        HASH_ADD_KEYPTR(hh, *set, touched->name, length, touched);
    }
    *ret_touched = touched;
    return 0;
}

static int touch_alias(struct transaction *transaction, const char *namespace_name,
                       const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    struct touched *touched;
    int r = touch(&transaction->aliases, namespace_name, alias_identity(alias, identity), "", &touched);

    if (r == 0)
        touched->alias = *alias;
    return r;
}

static int touch_service_aliases(struct transaction *transaction, const struct service *service)
{
    int r = 0;

    for (size_t i = 0; service && i < service->n_aliases && r == 0; i++)
        r = touch_alias(transaction, service->parent->name, &service->aliases[i]);
    return r;
}

/* The first time only: what counts is what the client had before the transaction. */
static int touch_client(struct transaction *transaction, const char *namespace_name, const char *client)
{
    struct scope_change *larger;
    int r;

    for (size_t i = 0; i < transaction->n_scopes; i++)
        if (strcmp(transaction->scopes[i].namespace_name, namespace_name) == 0 &&
            strcmp(transaction->scopes[i].client, client) == 0)
            return 0;
    larger = realloc(transaction->scopes, (transaction->n_scopes + 1) * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    transaction->scopes = larger;
    r = scope_change_begin(transaction->daemon, namespace_name, client, &larger[transaction->n_scopes]);
    if (r == 0)
        transaction->n_scopes++;
    return r;
}

/* Called before and after a row is applied: what it reaches may differ. */
static int touch_row(struct transaction *transaction, const char *key)
{
    const struct catalog *catalog = transaction->daemon->catalog;
    const struct model_namespace *parent;
    const struct service *service = NULL;
    const struct route *route;
    struct touched *touched;
    struct row_name name;
    int r = row_parse_key(key, &name);

    parent = r == 0 && name.namespace_name ? catalog_namespace(catalog, name.namespace_name) : NULL;
    if (r == 0 && name.kind == ROW_ROUTE && *name.client)
        r = touch_client(transaction, name.namespace_name, name.client);
    if (!parent || r < 0)
        return r;
    if (name.service)
        service = catalog_service(catalog, name.namespace_name, name.service);
    switch (name.kind) {
    case ROW_SERVICE:
        return touch_service_aliases(transaction, service);
    case ROW_INSTANCE:
        r = touch(&transaction->instances, name.namespace_name, name.service, name.last, &touched);
        if (r == 0)
            r = touch_service_aliases(transaction, service);
        for (size_t i = 0; service && i < service->n_routes && r == 0; i++)
            r = touch_alias(transaction, parent->name, &service->routes[i]->alias);
        return r;
    case ROW_ROUTE:
        route = row_find_route(parent, &name);
        return route ? touch_alias(transaction, parent->name, &route->alias) : 0;
    default:
        return 0;
    }
}

/* ---- rows ---- */

static int make_room(struct transaction *transaction)
{
    size_t capacity = transaction->capacity ? transaction->capacity * 2 : 8;
    struct registry_row *rows, *undo;

    if (transaction->n_rows < transaction->capacity)
        return 0;
    rows = realloc(transaction->rows, capacity * sizeof(*rows));
    if (rows)
        transaction->rows = rows;
    undo = realloc(transaction->undo, capacity * sizeof(*undo));
    if (undo)
        transaction->undo = undo;
    if (!rows || !undo)
        return -ENOMEM;
    transaction->capacity = capacity;
    return 0;
}

int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error)
{
    struct registry_row undo = {0};
    int r = make_room(transaction);

    if (r == 0)
        r = row_of_catalog(transaction->daemon->catalog, row.key, &undo);
    if (r == 0 &&
        (row.value && undo.value ? strcmp(row.value, undo.value) == 0 : !row.value && !undo.value)) {
        row_done(&row);
        row_done(&undo);
        return 0;
    }
    if (r == 0 && !transaction->drives_canary && canaries_guard(transaction->daemon, row.key, error) < 0) {
        row_done(&row);
        row_done(&undo);
        return -EBUSY;
    }
    if (r == 0)
        r = touch_row(transaction, row.key);
    if (r < 0) {
        row_done(&row);
        row_done(&undo);
        return error_errno(error, r, "preparing a change");
    }
    transaction->rows[transaction->n_rows] = row;
    transaction->undo[transaction->n_rows++] = undo;
    r = row_apply(transaction->daemon->catalog, row.key, row.value, error);
    if (r == 0 && touch_row(transaction, row.key) < 0)
        r = error_errno(error, ENOMEM, "preparing a change");
    return r;
}

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
static void restore_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        struct instance *instance = touched_instance(transaction, touched);
        char name[ENDPOINT_NAME_SIZE];

        if (instance && !instance->endpoint)
            (void)name_numbers_find(daemon->endpoints, endpoint_name(instance, name), &instance->endpoint);
    }
}

/* After an undo: what is not registered after all gives back the number it was given on the way. */
static void release_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        char name[ENDPOINT_NAME_SIZE];
        uint32_t number;

        if (touched_instance(transaction, touched))
            continue;
        if (name_numbers_retire(daemon->endpoints, touched_name(touched, name), &number) == 0)
            name_numbers_reuse(daemon->endpoints, number);
    }
}

void transaction_abort(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;

    if (!daemon)
        return;
    for (size_t i = transaction->n_rows; i-- > 0;)
        if (row_apply(daemon->catalog, transaction->undo[i].key, transaction->undo[i].value, NULL) < 0)
            log_error("undoing a refused change of %s failed", transaction->undo[i].key);
    for (size_t i = transaction->n_scopes; i-- > 0;)
        scope_change_undo(daemon, &transaction->scopes[i]);
    restore_endpoints(transaction);
    release_endpoints(transaction);
    done(transaction);
}

/* ---- commit ---- */

static bool is_new_scope(const struct transaction *transaction, uint32_t number)
{
    for (size_t i = 0; i < transaction->n_scopes; i++)
        if (transaction->scopes[i].is_new && transaction->scopes[i].new_number == number)
            return true;
    return false;
}

/* A touched alias in every scope that is published already. */
static int want_everywhere(struct transaction *transaction, const struct touched *touched,
                           struct wanted_list *list, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    const struct model_namespace *parent = catalog_namespace(daemon->catalog, touched->namespace_name);
    _cleanup_free_ struct client **clients = NULL;
    size_t n = 0;
    int r = parent ? scopes_of_clients(parent, &clients, &n) : 0;

    if (r == 0)
        r = wanted_list_grow(list, n + 1);
    if (r < 0)
        return error_errno(error, r, "preparing a change");
    r = want_alias(daemon, touched->namespace_name, NULL, &touched->alias, &list->items[list->n++], error);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!is_new_scope(transaction, clients[i]->scope))
            r = want_alias(daemon, touched->namespace_name, clients[i], &touched->alias,
                           &list->items[list->n++], error);
    return r;
}

static int want_touched(struct transaction *transaction, struct wanted_list *list, struct error *error)
{
    struct touched *touched, *next;
    int r = 0;

    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (r == 0)
            r = want_everywhere(transaction, touched, list, error);
    }
    return r;
}

/* Numbers the scopes of the clients touched, and wants those that are new as a whole. */
static int want_scopes(struct transaction *transaction, struct wanted_list *list, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    int r = 0;

    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++)
        r = scope_change_plan(daemon, &transaction->scopes[i], error);
    for (size_t i = 0; i < transaction->n_scopes && r == 0; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        const struct model_namespace *parent = catalog_namespace(daemon->catalog, change->namespace_name);

        if (change->is_new)
            r = want_scope(daemon, parent, catalog_client(parent, change->client), list, error);
    }
    return r;
}

static int number_endpoints(struct transaction *transaction, struct error *error)
{
    struct touched *touched, *next;
    int r = 0;

    HASH_ITER (hh, transaction->instances, touched, next) {
        struct instance *instance = touched_instance(transaction, touched);

        if (instance)
            r = numbers_endpoint(transaction->daemon, instance, error);
        if (r < 0)
            break;
    }
    return r;
}

static void write_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        const struct instance *instance = touched_instance(transaction, touched);
        struct svc_endpoint entry;
        int r;

        if (!instance)
            continue;
        endpoint_entry(instance, &entry);
        r = datapath_put_endpoint(daemon->datapath, instance->endpoint, &entry);
        if (r < 0)
            log_warning("endpoint %s/%s: its entry for bpftool could not be written, ignoring: %s",
                        touched->service, touched->instance, strerror(-r));
    }
}

/* After the tables no longer name them. */
static void remove_endpoints(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->instances, touched, next) {
        char name[ENDPOINT_NAME_SIZE];
        uint32_t number;

        if (touched_instance(transaction, touched))
            continue;
        if (name_numbers_retire(daemon->endpoints, touched_name(touched, name), &number) < 0)
            continue;
        (void)datapath_delete_endpoint(daemon->datapath, number);
        publisher_retire_endpoint(daemon->publisher, number);
    }
}

static void refresh_names(struct transaction *transaction)
{
    const char *last = "";
    struct touched *touched, *next;

    HASH_ITER (hh, transaction->aliases, touched, next) {
        if (strcmp(touched->namespace_name, last) != 0)
            task_hosts_refresh(transaction->daemon, touched->namespace_name);
        last = touched->namespace_name;
    }
}

static int prepare(struct transaction *transaction, struct wanted_list *wanted,
                   struct publication **ret_publication, struct error *error)
{
    int r;

    restore_endpoints(transaction);
    r = number_endpoints(transaction, error);
    if (r == 0)
        r = want_scopes(transaction, wanted, error);
    if (r == 0)
        r = want_touched(transaction, wanted, error);
    if (r == 0)
        r = publisher_prepare(transaction->daemon->publisher, wanted->items, wanted->n, false,
                              ret_publication, error);
    return r;
}

/* The rows of the change, and numbers given meanwhile that the registry does not remember yet. */
static int commit_rows(struct transaction *transaction, uint64_t *ret_revision, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    size_t n = transaction->n_rows + daemon->unsaved.n;
    _cleanup_free_ struct registry_row *rows = calloc(n + 1, sizeof(*rows));
    int r;

    if (!rows)
        return error_errno(error, ENOMEM, "writing to the registry");
    if (n == 0) {
        *ret_revision = registry_revision(daemon->registry);
        return 0;
    }
    if (transaction->n_rows)
        memcpy(rows, transaction->rows, transaction->n_rows * sizeof(*rows));
    if (daemon->unsaved.n)
        memcpy(rows + transaction->n_rows, daemon->unsaved.rows, daemon->unsaved.n * sizeof(*rows));
    r = registry_commit(daemon->registry, rows, n, ret_revision, error);
    if (r == 0)
        numbers_saved(daemon);
    return r;
}

/* Scopes that no client has any more: their tasks have moved by now. */
static void drop_scopes(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;

    for (size_t i = 0; i < transaction->n_scopes; i++) {
        const struct scope_change *change = &transaction->scopes[i];
        uint32_t number;

        if (!change->old_number || change->is_renamed ||
            scope_is_used(catalog_namespace(daemon->catalog, change->namespace_name), change->old_number) ||
            name_numbers_retire(daemon->scopes, change->old_name, &number) < 0)
            continue;
        withdraw_scope(daemon, change->old_number);
    }
}

int transaction_commit(struct transaction *transaction, uint64_t *ret_revision, struct error *error)
{
    struct daemon *daemon = transaction->daemon;
    _cleanup_(wanted_list_done) struct wanted_list wanted = {0};
    struct publication *publication = NULL;
    bool are_names_changed;
    int r = prepare(transaction, &wanted, &publication, error);

    if (r == 0)
        r = commit_rows(transaction, ret_revision, error);
    if (r < 0) {
        publisher_abort(daemon->publisher, &publication);
        transaction_abort(transaction);
        return r;
    }
    are_names_changed = publication_changes_names(publication);
    write_endpoints(transaction);
    r = publisher_commit(daemon->publisher, &publication);
    if (r < 0)
        log_error(
            "publishing: some alias entries could not be written: %s; restart svcconnectd to complete them",
            strerror(-r));
    remove_endpoints(transaction);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        task_list_rescope(daemon, transaction->scopes[i].namespace_name);
    drop_scopes(transaction);
    publisher_begin_grace(daemon->publisher);
    if (are_names_changed)
        refresh_names(transaction);
    done(transaction);
    return 0;
}
