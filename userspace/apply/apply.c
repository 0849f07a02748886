/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "canaries/canaries.h"
#include "model/names.h"
#include "registry/rows.h"
#include "engine/change/edits.h"
#include "engine/change/now.h"

/* A routes document has no name of its own; no service can have this one. */
#define ROUTES_DOCUMENT ".routes"
#define DEFAULT_PORT    80

struct documents_options apply_options(const char *default_namespace, struct settings_rights rights)
{
    static const char *const suffixes[] = {"default.svc.cluster.local", NULL};

    return (struct documents_options){
        .default_namespace = default_namespace, .suffixes = suffixes, .rights = rights};
}

static const char *stored_name(const struct document *document)
{
    return document->name ? document->name : ROUTES_DOCUMENT;
}

/* The client whose tasks a document's routes are for. */
static const char *route_client(const struct document *document)
{
    return document->name ? document->name : "";
}

static int put(struct transaction *transaction, int made, struct registry_row *row, struct error *error)
{
    return made < 0 ? error_errno(error, made, "applying a document")
                    : transaction_put(transaction, *row, error);
}

/* ---- what a document published before ---- */

/* The stored text parsed again. -EINVAL: it does not stand alone (its task definition was another of its
 * source). */
static int parse_stored(const struct model_namespace *parent, const struct stored_document *stored,
                        struct document_list *list)
{
    struct documents_options options = apply_options(parent->name, SETTINGS_RIGHTS_STORED);
    struct findings findings = {0};
    int r = documents_parse(stored->source, stored->text, strlen(stored->text), &options, list, &findings);

    findings_done(&findings);
    return r;
}

static bool publishes_service(const struct document *document, const char *name)
{
    for (size_t i = 0; document && document->is_enabled && i < document->n_services; i++)
        if (strcmp(document->services[i].discovery_name, name) == 0)
            return true;
    return false;
}

/* The service with its instances, unless somebody else has taken the name over. */
static int withdraw_service(struct transaction *transaction, const char *namespace_name, const char *name,
                            const char *document_name, struct error *error)
{
    const struct service *service = catalog_service(transaction_catalog(transaction), namespace_name, name);

    if (!service || !service->document || strcmp(service->document, document_name) != 0)
        return 0;
    return change_remove_service(transaction, namespace_name, service, error);
}

static int withdraw_routes(struct transaction *transaction, const struct model_namespace *parent,
                           const char *client_name, struct error *error)
{
    const struct client *client = *client_name ? catalog_client(parent, client_name) : NULL;
    size_t n = client ? HASH_COUNT(client->routes) : 0;
    char(*identities)[ALIAS_IDENTITY_SIZE] = calloc(n + 1, sizeof(*identities));
    const struct route *route;
    size_t i = 0;
    int r = 0;

    if (!identities)
        return error_errno(error, ENOMEM, "applying a document");
    for (route = client ? client->routes : NULL; route; route = route->hh.next)
        memcpy(identities[i++], route->identity, sizeof(*identities));
    for (i = 0; i < n && r == 0; i++) {
        struct registry_row row;

        r = put(transaction, row_delete_route(parent->name, client_name, identities[i], &row), &row, error);
    }
    free(identities);
    return r;
}

static bool has_route(const struct document *document, const struct client_alias *alias)
{
    for (size_t i = 0; document && document->is_enabled && i < document->n_routes; i++)
        if (strcmp(document->routes[i].alias.dns_name, alias->dns_name) == 0 &&
            (document->routes[i].alias.port == 0 || document->routes[i].alias.port == alias->port))
            return true;
    return false;
}

/* Takes back what `old` published and `new` (NULL: nothing) does not. */
static int withdraw(struct transaction *transaction, const struct model_namespace *parent,
                    const struct document *old, const struct document *new, struct error *error)
{
    int r = 0;

    for (size_t i = 0; old->is_enabled && i < old->n_services && r == 0; i++)
        if (!publishes_service(new, old->services[i].discovery_name))
            r = withdraw_service(transaction, parent->name, old->services[i].discovery_name, stored_name(old),
                                 error);
    for (size_t i = 0; old->is_enabled && i < old->n_routes && r == 0; i++) {
        struct client_alias alias = old->routes[i].alias;
        char identity[ALIAS_IDENTITY_SIZE];
        struct registry_row row;

        /* With several ports it cannot be told which one was meant then: those stay until they are cleared.
         */
        if (alias.port == 0)
            (void)change_route_port(parent, route_client(old), &alias, true, NULL);
        if (alias.port && !has_route(new, &alias))
            r = put(transaction,
                    row_delete_route(parent->name, route_client(old), alias_identity(&alias, identity), &row),
                    &row, error);
    }
    return r;
}

/* The services that say they are of this document, by looking at all. */
static int withdraw_marked(struct transaction *transaction, const struct model_namespace *parent,
                           const struct stored_document *stored, const struct document *new,
                           struct error *error)
{
    struct service *service, *next;
    int r = 0;

    HASH_ITER (hh, parent->services, service, next) {
        if (r == 0 && service->document && strcmp(service->document, stored->name) == 0 &&
            !publishes_service(new, service->name))
            r = change_remove_service(transaction, parent->name, service, error);
    }
    if (r == 0 && strcmp(stored->name, ROUTES_DOCUMENT) != 0)
        r = withdraw_routes(transaction, parent, stored->name, error);
    return r;
}

static int withdraw_stored(struct transaction *transaction, const struct model_namespace *parent,
                           const struct stored_document *stored, const struct document *new,
                           struct error *error)
{
    _cleanup_(document_list_done) struct document_list old = {0};
    int r = parse_stored(parent, stored, &old);

    if (r == -ENOMEM)
        return error_errno(error, r, "applying a document");
    if (r < 0)
        return withdraw_marked(transaction, parent, stored, new, error);
    for (size_t i = 0; i < old.n && r == 0; i++)
        r = withdraw(transaction, parent, &old.items[i], new, error);
    return r;
}

int apply_removal(struct transaction *transaction, const struct model_namespace *parent,
                  const struct stored_document *document, struct error *error)
{
    struct registry_row row;
    int r = withdraw_stored(transaction, parent, document, NULL, error);

    /* Also those set by hand for this client: it is gone. */
    if (r == 0 && strcmp(document->name, ROUTES_DOCUMENT) != 0)
        r = withdraw_routes(transaction, parent, document->name, error);
    return r < 0 ? r : put(transaction, row_delete_document(parent->name, document->name, &row), &row, error);
}

/* ---- what it publishes now ---- */

struct applying {
    struct transaction *transaction;
    struct findings *findings;
    struct error *error;
    bool is_owned; /* the documents belong to a watched file */
};

static int say(struct applying *applying, enum finding_severity severity, const struct document *document,
               const char *path, const char *value, const char *text)
{
    struct error finding = {0};

    (void)error_input(&finding, path, value, "%s", text);
    if (severity == FINDING_WARNING)
        (void)snprintf(finding.message, sizeof(finding.message), "%s: %s", path, text);
    return findings_add(applying->findings, severity, document->source, &finding);
}

/* The aliases that are free or the service's own. A default name that is taken is left out. */
static int take_aliases(struct applying *applying, const struct document *document,
                        const struct document_service *service, struct client_alias *aliases, size_t *ret_n)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(applying->transaction), document->namespace_name);
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; i < service->n_aliases && r == 0; i++) {
        const struct document_alias *alias = &service->aliases[i];
        char identity[ALIAS_IDENTITY_SIZE];
        char text[384];
        const struct alias_owner *owner =
            parent ? catalog_alias_owner(parent, alias_identity(&alias->alias, identity)) : NULL;

        if (!owner || strcmp(owner->service->name, service->discovery_name) == 0) {
            aliases[n++] = alias->alias;
            continue;
        }
        (void)snprintf(text, sizeof(text),
                       alias->is_default
                           ? "the name %s:%u is service %.128s's already and is not published for this one"
                           : "a dnsName and port (%s:%u) that no other service has; %.128s has it",
                       alias->alias.dns_name, alias->alias.port, owner->service->name);
        r = say(applying, alias->is_default ? FINDING_WARNING : FINDING_ERROR, document, alias->path,
                alias->alias.dns_name, text);
    }
    *ret_n = n;
    return r;
}

static int put_service(struct applying *applying, const struct document *document,
                       const struct document_service *service)
{
    const struct service *known = catalog_service(transaction_catalog(applying->transaction),
                                                  document->namespace_name, service->discovery_name);
    _cleanup_free_ struct client_alias *aliases = calloc(service->n_aliases + 1, sizeof(*aliases));
    struct error finding = {0};
    char text[384];
    struct registry_row row;
    size_t n = 0;
    int r;

    if (!aliases)
        return error_errno(applying->error, ENOMEM, "applying a document");
    if (model_check_service("discoveryName", service->discovery_name, &finding) < 0)
        return say(applying, FINDING_ERROR, document, service->path, service->discovery_name,
                   finding.allowed);
    if (known && known->document && strcmp(known->document, document->name) != 0) {
        (void)snprintf(text, sizeof(text), "a discovery name that no other document publishes; %.128s does",
                       known->document);
        return say(applying, FINDING_ERROR, document, service->path, service->discovery_name, text);
    }
    r = take_aliases(applying, document, service, aliases, &n);
    if (r < 0)
        return r;
    return put(applying->transaction,
               row_for_service(document->namespace_name, service->discovery_name, aliases, n, document->name,
                               &service->settings, known ? known->aws : NULL, &row),
               &row, applying->error);
}

static int name_targets(struct applying *applying, const struct document *document,
                        const struct document_route *route, struct named_target *targets)
{
    const struct catalog *catalog = transaction_catalog(applying->transaction);
    int r = 0;

    for (size_t i = 0; i < route->n_targets && r == 0; i++) {
        const struct document_target *target = &route->targets[i];
        const struct service *known = catalog_service(catalog, document->namespace_name, target->service);

        if (!known || !known->is_declared)
            r = say(applying, FINDING_WARNING, document, target->path, target->service,
                    "nobody has registered this service yet; until then its share goes to the other targets");
        targets[i] = (struct named_target){target->service, target->weight};
    }
    return r;
}

static int put_route(struct applying *applying, const struct document *document,
                     const struct document_route *route)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(applying->transaction), document->namespace_name);
    _cleanup_free_ struct named_target *targets = calloc(route->n_targets + 1, sizeof(*targets));
    struct client_alias alias = route->alias;
    enum canaries_verdict verdict;
    struct registry_row row;
    struct error finding = {0};
    int r;

    if (!targets)
        return error_errno(applying->error, ENOMEM, "applying a document");
    if (alias.port == 0 && change_route_port(parent, route_client(document), &alias, false, &finding) < 0)
        return say(applying, FINDING_ERROR, document, route->path, alias.dns_name, finding.allowed);
    if (alias.port == 0)
        alias.port = DEFAULT_PORT;
    alias.protocol = TCP;
    r = name_targets(applying, document, route, targets);
    if (r < 0)
        return r;
    verdict = canaries_judge_route(parent, route_client(document), &alias, targets, route->n_targets,
                                   route->is_unhealthy_on_empty);
    if (verdict == CANARIES_KEEP)
        return 0;
    if (verdict == CANARIES_REFUSE)
        return say(applying, FINDING_ERROR, document, route->path, alias.dns_name, CANARIES_BUSY);
    return put(applying->transaction,
               row_for_route(document->namespace_name, route_client(document), &alias, targets,
                             route->n_targets, route->is_unhealthy_on_empty, &row),
               &row, applying->error);
}

/* The same text from elsewhere is no change; a watched file takes it over, so that it goes with the file. */
static const char *source_to_store(const struct applying *applying, const struct model_namespace *parent,
                                   const struct document *document)
{
    const struct stored_document *stored = parent ? catalog_document(parent, stored_name(document)) : NULL;

    return stored && !applying->is_owned && strcmp(stored->text, document->text) == 0 ? stored->source
                                                                                      : document->source;
}

static int put_document(struct applying *applying, const struct document *document)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(applying->transaction), document->namespace_name);
    struct registry_row row;
    int r = 0;

    if (!parent || !parent->is_declared)
        r = put(applying->transaction, row_for_namespace(document->namespace_name, NULL, &row), &row,
                applying->error);
    for (size_t i = 0; document->is_enabled && i < document->n_services && r == 0; i++)
        r = put_service(applying, document, &document->services[i]);
    for (size_t i = 0; document->is_enabled && i < document->n_routes && r == 0; i++)
        r = put_route(applying, document, &document->routes[i]);
    if (r < 0)
        return r;
    return put(applying->transaction,
               row_for_document(document->namespace_name, stored_name(document),
                                source_to_store(applying, parent, document), document->text, &row),
               &row, applying->error);
}

/* ---- the whole ---- */

static bool is_among(const struct document_list *list, const char *namespace_name, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].namespace_name, namespace_name) == 0 &&
            strcmp(stored_name(&list->items[i]), name) == 0)
            return true;
    return false;
}

/* Stored documents of the source that it no longer holds. Removal changes the hash walked: one at a time. */
static int remove_others(struct transaction *transaction, const struct apply_request *request,
                         struct error *error)
{
    struct model_namespace *parent, *next_parent;
    struct stored_document *document, *next;

    HASH_ITER (hh, transaction_catalog(transaction)->namespaces, parent, next_parent)
        HASH_ITER (hh, parent->documents, document, next) {
            if (strcmp(document->source, request->owned_source) == 0 &&
                !is_among(request->documents, parent->name, document->name)) {
                int r = apply_removal(transaction, parent, document, error);

                if (r < 0)
                    return r;
            }
        }
    return 0;
}

static bool wants_alias(const struct document_service *service, const struct client_alias *alias)
{
    for (size_t i = 0; i < service->n_aliases; i++)
        if (strcmp(service->aliases[i].alias.dns_name, alias->dns_name) == 0 &&
            service->aliases[i].alias.port == alias->port &&
            service->aliases[i].alias.protocol == alias->protocol)
            return true;
    return false;
}

/* A service that stays gives up the aliases it does not have any more. */
static int give_up_aliases(struct applying *applying, const struct document *document,
                           const struct document_service *service)
{
    const struct service *known = catalog_service(transaction_catalog(applying->transaction),
                                                  document->namespace_name, service->discovery_name);
    _cleanup_free_ struct client_alias *kept = calloc(known ? known->n_aliases + 1 : 1, sizeof(*kept));
    struct registry_row row;
    size_t n = 0;

    if (!kept)
        return error_errno(applying->error, ENOMEM, "applying a document");
    if (!known || !known->document || !document->name || strcmp(known->document, document->name) != 0)
        return 0;
    for (size_t i = 0; i < known->n_aliases; i++)
        if (wants_alias(service, &known->aliases[i]))
            kept[n++] = known->aliases[i];
    if (n == known->n_aliases)
        return 0;
    return put(applying->transaction,
               row_for_service(document->namespace_name, known->name, kept, n, document->name,
                               service_get_settings(known), known->aws, &row),
               &row, applying->error);
}

/* Names are given up before any are taken, so that one may move from a document to another. */
static int put_all(struct applying *applying, const struct apply_request *request)
{
    const struct document_list *list = request->documents;
    int r = request->owned_source ? remove_others(applying->transaction, request, applying->error) : 0;

    for (size_t i = 0; i < list->n && r == 0; i++) {
        const struct model_namespace *parent =
            catalog_namespace(transaction_catalog(applying->transaction), list->items[i].namespace_name);
        const struct stored_document *stored =
            parent ? catalog_document(parent, stored_name(&list->items[i])) : NULL;

        if (stored)
            r = withdraw_stored(applying->transaction, parent, stored, &list->items[i], applying->error);
        for (size_t k = 0; list->items[i].is_enabled && k < list->items[i].n_services && r == 0; k++)
            r = give_up_aliases(applying, &list->items[i], &list->items[i].services[k]);
    }
    for (size_t i = 0; i < list->n && r == 0; i++)
        r = put_document(applying, &list->items[i]);
    return r;
}

/* -EINVAL if there are errors: with the first one, or where none was kept, with the first finding. */
static int refuse_errors(const struct findings *findings, struct error *error)
{
    if (findings->n_errors == 0)
        return 0;
    *error = findings->items[0].error;
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == FINDING_ERROR) {
            *error = findings->items[i].error;
            break;
        }
    return -EINVAL;
}

int apply_in(struct transaction *transaction, const struct apply_request *request, struct findings *findings,
             cJSON **ret_changes, struct error *error)
{
    struct applying applying = {transaction, findings, error, request->owned_source != NULL};
    int r;

    if (request->owned_source)
        transaction_own(transaction);
    r = put_all(&applying, request);
    if (r == 0)
        r = refuse_errors(findings, error);
    if (r == 0 && ret_changes)
        *ret_changes = transaction_describe(transaction);
    return r;
}

int apply_documents(struct engine *engine, const struct apply_request *request, struct findings *findings,
                    cJSON **ret_changes, uint64_t *ret_revision, struct error *error)
{
    struct transaction *transaction = now_begin(engine);
    _cleanup_json_ cJSON *changes = NULL;
    int r = apply_in(transaction, request, findings, ret_changes ? &changes : NULL, error);

    if (r < 0 || request->is_dry_run) {
        now_abort(transaction);
        *ret_revision = engine_figures(engine).revision;
    } else {
        r = now_commit(transaction, ret_revision, error);
    }
    if (r == 0 && ret_changes)
        *ret_changes = TAKE_PTR(changes);
    return r;
}
