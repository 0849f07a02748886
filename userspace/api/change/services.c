/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes of services: they come into being with their first instance, and are deleted with all they have. */
#include "api/change/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "apply/apply.h"
#include "engine/change/edits.h"
#include "model/names.h"
#include "model/near_names.h"
#include "registry/rows.h"

/* How long the removal of a service puts rows before it gives the loop to others. */
#define REMOVAL_PIECE_NS 2000000

int change_service_name(const cJSON *body, const char **ret_name, struct error *error)
{
    const char *name = NULL;
    int r = json_get_string(body, "service", true, &name, error);

    if (r == 0)
        r = model_check_service("service", name, error);
    if (r == 0)
        *ret_name = name;
    return r;
}

int change_no_service(const struct engine *engine, const char *field, const char *namespace_name,
                      const char *name, struct error *error)
{
    const struct catalog *catalog = engine_catalog(engine);
    const struct model_namespace *parent = catalog_namespace(catalog, namespace_name);

    if (!parent || !parent->is_declared) {
        const char *near = near_namespace(catalog, namespace_name);

        return error_refused(error, ENOENT, field, name,
                             "a service of namespace %.128s, which does not exist%s%.64s%s", namespace_name,
                             near ? "; there is \"" : "", near ? near : "", near ? "\"" : "");
    }
    (void)error_refused(error, ENOENT, field, name,
                        "a service of namespace %s (svcconnect services lists them)", namespace_name);
    return error_meant(error, near_service(parent, name));
}

/* Has a service that no document defines an alias of the protocol? A document says itself what
 * it publishes. */
static bool has_alias(const struct service *service, enum svc_protocol protocol)
{
    if (!service || !service->is_declared)
        return false;
    for (size_t i = 0; i < service->n_aliases; i++)
        if (service->aliases[i].protocol == protocol)
            return true;
    return service->document != NULL;
}

int change_declare_service(struct transaction *transaction, const char *namespace_name, const char *name,
                           const struct instance *instance, struct error *error)
{
    const struct catalog *catalog = transaction_catalog(transaction);
    const struct service *service = catalog_service(catalog, namespace_name, name);
    const struct model_namespace *parent = catalog_namespace(catalog, namespace_name);
    _cleanup_free_ struct client_alias *aliases = NULL;
    size_t n = service && service->is_declared ? service->n_aliases : 0;
    struct client_alias alias = {.port = instance->port, .protocol = instance->protocol};
    char identity[ALIAS_IDENTITY_SIZE];
    struct registry_row row;
    int r;

    if (has_alias(service, instance->protocol))
        return 0;
    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", name);
    r = model_check_dns_name("service", alias.dns_name, error);
    if (r < 0)
        return r;
    if (parent && catalog_alias_owner(parent, alias_identity(&alias, identity))) {
        (void)error_refused(error, EEXIST, "service", name,
                            "a name whose client alias %s no other service has", identity);
        return -EEXIST;
    }
    if (!parent || !parent->is_declared) {
        r = row_for_namespace(namespace_name, NULL, &row);
        if (r == 0)
            r = transaction_put(transaction, row, error);
        if (r < 0)
            return r;
    }
    aliases = calloc(n + 1, sizeof(*aliases));
    if (!aliases)
        return error_errno(error, ENOMEM, "registering");
    if (n)
        memcpy(aliases, service->aliases, n * sizeof(*aliases));
    aliases[n] = alias;
    r = row_for_service(namespace_name, name, aliases, n + 1, NULL,
                        n ? service_get_settings(service) : &service_settings_default,
                        service ? service->aws : NULL, &row);
    return r < 0 ? error_errno(error, r, "registering") : transaction_put(transaction, row, error);
}

int change_declare(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"service", "namespace", "port", "protocol", NULL};
    struct instance instance = {.protocol = TCP};
    const char *namespace_name = NULL;
    const char *name = NULL;
    uint64_t port = 0;
    int r = json_check_members(body, known, error);

    (void)answer;
    if (r == 0)
        r = change_namespace(transaction_engine(transaction), body, &namespace_name, error);
    if (r == 0)
        r = change_service_name(body, &name, error);
    if (r == 0)
        r = json_get_integer(body, "port", true, 1, UINT16_MAX, &port, error);
    if (r == 0)
        r = change_protocol(body, &instance.protocol, error);
    if (r < 0)
        return r;
    instance.port = (uint16_t)port;
    return change_declare_service(transaction, namespace_name, name, &instance, error);
}

int change_delete_service(struct transaction *transaction, const cJSON *body, cJSON *answer,
                          struct error *error)
{
    static const char *const known[] = {"service", "namespace", NULL};
    const struct model_namespace *parent;
    const struct service *service;
    const char *namespace_name = NULL;
    const char *name = NULL;
    int r = json_check_members(body, known, error);

    (void)answer;
    if (r == 0)
        r = change_namespace(transaction_engine(transaction), body, &namespace_name, error);
    if (r == 0)
        r = json_get_string(body, "service", true, &name, error);
    if (r == 0)
        r = model_check_document("service", name, error);
    if (r < 0)
        return r;
    parent = catalog_namespace(transaction_catalog(transaction), namespace_name);
    if (parent && catalog_document(parent, name))
        return apply_removal(transaction, parent, catalog_document(parent, name), error);
    service = catalog_service(transaction_catalog(transaction), namespace_name, name);
    if (!service || !service->is_declared)
        return change_no_service(transaction_engine(transaction), "service", namespace_name, name, error);
    if (service->document) {
        (void)error_refused(error, EBUSY, "service", name,
                            "the name of its document, %.128s, with all that publishes", service->document);
        return -EBUSY;
    }
    if (service->n_routes > 0) {
        (void)error_refused(error, EBUSY, "service", name,
                            "a service that no route targets; clear the route of %s first",
                            service->routes[0]->identity);
        return -EBUSY;
    }
    /* The next piece finds the service with fewer instances. */
    return change_remove_service(transaction, namespace_name, name, clock_monotonic_ns() + REMOVAL_PIECE_NS,
                                 error);
}
