/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes of routes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "api/change/changes.h"
#include "engine/change/edits.h"
#include "model/names.h"
#include "model/near_names.h"
#include "registry/rows.h"
#include "routing/table.h"

#define DEFAULT_PORT 80
#define MAX_TARGETS  256

static struct route *routes_find_route(const struct model_namespace *parent, const struct client *client,
                                       const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];

    return catalog_route(parent, client, alias_identity(alias, identity));
}

static const struct client *find_client(const struct engine *engine, const struct route_name *name)
{
    const struct model_namespace *parent = catalog_namespace(engine_catalog(engine), name->namespace_name);

    return parent && *name->client ? catalog_client(parent, name->client) : NULL;
}

static int routes_read_alias(const struct engine *engine, const cJSON *body, bool only_routes,
                             struct route_name *ret_name, struct error *error)
{
    struct route_name name = {.client = ""};
    struct client_alias alias = {.protocol = TCP};
    const char *dns_name = NULL;
    uint64_t port = 0;
    int r = change_namespace(engine, body, &name.namespace_name, error);

    if (r == 0)
        r = json_get_string(body, "client", false, &name.client, error);
    if (r == 0 && *name.client)
        r = model_check_document("client", name.client, error);

    if (r == 0)
        r = json_get_string(body, "dnsName", true, &dns_name, error);
    if (r == 0)
        r = json_get_integer(body, "port", false, 1, 65535, &port, error);
    if (r == 0)
        r = change_protocol(body, &alias.protocol, error);
    if (r < 0)
        return r;
    if (strlen(dns_name) >= sizeof(alias.dns_name))
        return error_input(error, "dnsName", dns_name, "a DNS name of at most %d characters",
                           MODEL_DNS_NAME_MAX);
    strcpy(alias.dns_name, dns_name);
    r = only_routes ? model_check_stored_dns_name("dnsName", alias.dns_name, error)
                    : model_check_dns_name("dnsName", alias.dns_name, error);
    alias.port = (uint16_t)port;
    if (r == 0 && !port)
        r = change_route_port(catalog_namespace(engine_catalog(engine), name.namespace_name), name.client,
                              &alias, only_routes, error);
    if (r == 0) {
        name.alias = alias;
        *ret_name = name;
    }
    return r;
}

int change_route_name(const struct engine *engine, const cJSON *body, struct route_name *ret_name,
                      struct error *error)
{
    return routes_read_alias(engine, body, false, ret_name, error);
}

static int read_target(const struct transaction *transaction, const char *namespace_name, const cJSON *item,
                       struct named_target *ret_target, struct error *error)
{
    static const char *const known[] = {"service", "weight", NULL};
    const char *name = NULL;
    uint64_t weight = 0;
    const struct service *service;
    int r = json_check_members(item, known, error);

    if (r == 0)
        r = json_get_string(item, "service", true, &name, error);
    if (r == 0)
        r = json_get_integer(item, "weight", true, 0, TABLE_MAX_WEIGHT, &weight, error);
    if (r < 0)
        return r;
    service = catalog_service(transaction_catalog(transaction), namespace_name, name);
    /* A target nobody has registered is a typing error more often than a plan; it would refuse its share. */
    if (!service || !service->is_declared)
        return change_no_service(transaction_engine(transaction), "service", namespace_name, name, error);
    *ret_target = (struct named_target){.service = name, .weight = (uint32_t)weight};
    return 0;
}

static int routes_check_targets(const struct named_target *targets, size_t n, struct error *error)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum |= targets[i].weight;
        for (size_t j = 0; j < i; j++)
            if (strcmp(targets[j].service, targets[i].service) == 0) {
                char field[40];

                (void)snprintf(field, sizeof(field), "targets[%zu].service", i);
                return error_input(error, field, targets[i].service, "each service once");
            }
    }
    if (sum == 0)
        return error_input(error, "targets", "every weight is 0", "at least one weight above 0");
    return 0;
}

static int routes_read_targets(const struct transaction *transaction, const char *namespace_name,
                               const cJSON *body, struct named_target **ret_targets, size_t *ret_n,
                               struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "targets");
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    _cleanup_free_ struct named_target *targets = NULL;
    const cJSON *item;
    int i = 0;
    int r;

    if (n < 1 || n > MAX_TARGETS)
        return error_input(error, "targets",
                           n      ? "too many"
                           : list ? "(not such a list)"
                                  : "(missing)",
                           "a list of 1 to %d objects with service and weight", MAX_TARGETS);
    targets = calloc((size_t)n, sizeof(*targets));
    if (!targets)
        return error_errno(error, ENOMEM, "setting the route");
    cJSON_ArrayForEach (item, list) {
        r = read_target(transaction, namespace_name, item, &targets[i], error);
        if (r < 0) {
            char prefix[32];

            (void)snprintf(prefix, sizeof(prefix), "targets[%d]", i);
            error_prefix_field(error, prefix);
            return r;
        }
        i++;
    }
    r = routes_check_targets(targets, (size_t)n, error);
    if (r < 0)
        return r;
    *ret_targets = TAKE_PTR(targets);
    *ret_n = (size_t)n;
    return 0;
}

static int read_on_empty(const cJSON *body, bool *ret_is_unhealthy, struct error *error)
{
    const char *text = "refuse";
    int r = json_get_string(body, "onEmpty", false, &text, error);

    if (r == 0 && strcmp(text, "refuse") != 0 && strcmp(text, "unhealthy") != 0)
        r = error_input(error, "onEmpty", text, "refuse, unhealthy");
    if (r == 0)
        *ret_is_unhealthy = strcmp(text, "unhealthy") == 0;
    return r;
}

static void routes_add_name(cJSON *answer, const struct route_name *name)
{
    (void)cJSON_AddStringToObject(answer, "dnsName", name->alias.dns_name);
    (void)cJSON_AddNumberToObject(answer, "port", name->alias.port);
    (void)cJSON_AddStringToObject(answer, "protocol", protocol_name(name->alias.protocol));
    (void)cJSON_AddStringToObject(answer, "client", name->client);
}

int change_set_route(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"dnsName",   "port",   "protocol", "targets",
                                        "namespace", "client", "onEmpty",  NULL};
    bool is_unhealthy_on_empty = false;
    _cleanup_free_ struct named_target *targets = NULL;
    struct route_name name;
    struct registry_row row;
    size_t n = 0;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = routes_read_alias(transaction_engine(transaction), body, false, &name, error);
    if (r == 0)
        r = routes_read_targets(transaction, name.namespace_name, body, &targets, &n, error);
    if (r == 0)
        r = read_on_empty(body, &is_unhealthy_on_empty, error);
    if (r < 0)
        return r;
    if (!name.alias.port)
        name.alias.port = DEFAULT_PORT;
    routes_add_name(answer, &name);
    r = row_for_route(name.namespace_name, name.client, &name.alias, targets, n, is_unhealthy_on_empty, &row);
    return r < 0 ? error_errno(error, r, "setting the route") : transaction_put(transaction, row, error);
}

int change_clear_route(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"dnsName", "port", "protocol", "namespace", "client", NULL};
    const struct model_namespace *parent;
    const struct client *client;
    char identity[ALIAS_IDENTITY_SIZE];
    struct route_name name;
    struct registry_row row;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = routes_read_alias(transaction_engine(transaction), body, true, &name, error);
    if (r < 0)
        return r;
    parent = catalog_namespace(transaction_catalog(transaction), name.namespace_name);
    client = find_client(transaction_engine(transaction), &name);
    if (!parent || (*name.client && !client) || !routes_find_route(parent, client, &name.alias)) {
        (void)error_refused(error, ENOENT, "dnsName", name.alias.dns_name,
                            "a client alias with a route in namespace %s (svcconnect route show lists them)",
                            name.namespace_name);
        return error_meant(error, near_alias(parent, name.alias.dns_name));
    }
    routes_add_name(answer, &name);
    r = row_delete_route(name.namespace_name, name.client, alias_identity(&name.alias, identity), &row);
    return r < 0 ? error_errno(error, r, "clearing the route") : transaction_put(transaction, row, error);
}
