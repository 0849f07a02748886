/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/withdrawal.h"
#include "base/cleanup.h"
#include "canaries/canaries.h"
#include "engine/change/edits.h"
#include "model/names.h"
#include "registry/rows.h"

#define DEFAULT_PORT 80

static int publish_say(struct applying *applying, enum finding_severity severity,
                       const struct document *document, const char *path, const char *value, const char *text)
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
        r = publish_say(applying, alias->is_default ? FINDING_WARNING : FINDING_ERROR, document, alias->path,
                        alias->alias.dns_name, text);
    }
    *ret_n = n;
    return r;
}

int publish_service(struct applying *applying, const struct document *document,
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
        return publish_say(applying, FINDING_ERROR, document, service->path, service->discovery_name,
                           finding.allowed);
    if (known && known->document && strcmp(known->document, document->name) != 0) {
        (void)snprintf(text, sizeof(text), "a discovery name that no other document publishes; %.128s does",
                       known->document);
        return publish_say(applying, FINDING_ERROR, document, service->path, service->discovery_name, text);
    }
    r = take_aliases(applying, document, service, aliases, &n);
    if (r < 0)
        return r;
    return put_made(applying->transaction,
                    row_for_service(document->namespace_name, service->discovery_name, aliases, n,
                                    document->name, &service->settings, known ? known->aws : NULL, &row),
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
            r = publish_say(
                applying, FINDING_WARNING, document, target->path, target->service,
                "nobody has registered this service yet; until then its share goes to the other targets");
        targets[i] = (struct named_target){target->service, target->weight};
    }
    return r;
}

int publish_route(struct applying *applying, const struct document *document,
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
    if (alias.port == 0 && change_route_port(parent, document_client(document), &alias, false, &finding) < 0)
        return publish_say(applying, FINDING_ERROR, document, route->path, alias.dns_name, finding.allowed);
    if (alias.port == 0)
        alias.port = DEFAULT_PORT;
    alias.protocol = TCP;
    r = name_targets(applying, document, route, targets);
    if (r < 0)
        return r;
    verdict = canaries_judge_route(parent, document_client(document), &alias, targets, route->n_targets,
                                   route->is_unhealthy_on_empty);
    if (verdict == CANARIES_KEEP)
        return 0;
    if (verdict == CANARIES_REFUSE)
        return publish_say(applying, FINDING_ERROR, document, route->path, alias.dns_name, CANARIES_BUSY);
    return put_made(applying->transaction,
                    row_for_route(document->namespace_name, document_client(document), &alias, targets,
                                  route->n_targets, route->is_unhealthy_on_empty, &row),
                    &row, applying->error);
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
int publish_fewer_aliases(struct applying *applying, const struct document *document,
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
    return put_made(applying->transaction,
                    row_for_service(document->namespace_name, known->name, kept, n, document->name,
                                    service_get_settings(known), known->aws, &row),
                    &row, applying->error);
}
