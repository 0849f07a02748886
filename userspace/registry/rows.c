/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/rows.h"
#include "registry/rows_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "model/catalog_aws.h"

static const struct {
    const char *prefix;
    enum row_kind kind;
    int parts;          /* after the prefix; the last one may itself hold slashes */
    bool has_namespace; /* the first of them, as in model_namespace_part() */
} kinds[] = {
    {"documents/", ROW_DOCUMENT, 2, true},
    {"namespaces/", ROW_NAMESPACE, 1, true},
    {"services/", ROW_SERVICE, 2, true},
    {"instances/", ROW_INSTANCE, 3, true},
    {"routes/", ROW_ROUTE, 3, true},
    {"host/address/", ROW_HOST_ADDRESS, 1, false},
    {"host/scope/", ROW_HOST_SCOPE, 1, false},
    {"settings/global", ROW_GLOBAL_SETTINGS, 0, false},
    {"canaries/", ROW_CANARY, 3, true},
    {"aws/", ROW_AWS, 2, false},
    {"host/resolved/", ROW_HOST_RESOLVED, 1, false},
};

int row_parse_key(const char *key, struct row_name *ret_name)
{
    char *parts[3] = {NULL, NULL, NULL};
    char *at;
    size_t k;

    if (strlen(key) >= sizeof(ret_name->text))
        return -EINVAL;
    *ret_name = (struct row_name){.kind = ROW_UNKNOWN};
    for (k = 0; k < ARRAY_SIZE(kinds); k++)
        if (kinds[k].parts ? strncmp(key, kinds[k].prefix, strlen(kinds[k].prefix)) == 0
                           : strcmp(key, kinds[k].prefix) == 0)
            break;
    if (k == ARRAY_SIZE(kinds))
        return 0;
    strcpy(ret_name->text, key + strlen(kinds[k].prefix));
    at = ret_name->text;
    for (int part = 0; part < kinds[k].parts; part++) {
        parts[part] = at;
        if (part + 1 == kinds[k].parts)
            break;
        at = strchr(at, '/');
        if (!at)
            return -EINVAL;
        *at++ = '\0';
    }
    ret_name->kind = kinds[k].kind;
    if (kinds[k].has_namespace) {
        if (strchr(parts[0], '/'))
            return -EINVAL; /* it would have two keys */
        model_namespace_from_part(parts[0]);
    }
    switch (kinds[k].kind) {
    case ROW_NAMESPACE:
        ret_name->namespace_name = parts[0];
        break;
    case ROW_SERVICE:
        ret_name->namespace_name = parts[0];
        ret_name->service = parts[1];
        break;
    case ROW_INSTANCE:
        ret_name->namespace_name = parts[0];
        ret_name->service = parts[1];
        ret_name->last = parts[2];
        break;
    case ROW_ROUTE:
    case ROW_CANARY:
        ret_name->namespace_name = parts[0];
        ret_name->client = parts[1];
        ret_name->last = parts[2];
        break;
    case ROW_DOCUMENT:
        ret_name->namespace_name = parts[0];
        ret_name->last = parts[1];
        break;
    case ROW_AWS:
        ret_name->last = parts[1];
        while (ret_name->aws_kind < AWS_RECORD_KINDS &&
               strcmp(aws_record_kind_name(ret_name->aws_kind), parts[0]) != 0)
            ret_name->aws_kind++;
        if (ret_name->aws_kind == AWS_RECORD_KINDS)
            ret_name->kind = ROW_UNKNOWN;
        break;
    default:
        ret_name->last = parts[0];
    }
    return 0;
}

bool row_is_of_host(const char *key)
{
    return strncmp(key, "host/", strlen("host/")) == 0;
}

/* ---- writing ---- */

int row_make_in(struct registry_row *ret_row, cJSON *json, bool is_delete, const char *kind,
                const char *namespace_name, const char *first, const char *second)
{
    char part[MODEL_NAMESPACE_MAX + 1];

    return row_make(ret_row, json, is_delete, "%s/%s%s%s%s%s", kind,
                    model_namespace_part(namespace_name, part), first ? "/" : "", first ? first : "",
                    second ? "/" : "", second ? second : "");
}

int row_make(struct registry_row *ret_row, cJSON *json, bool is_delete, const char *format, ...)
{
    struct registry_row row = {0};
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&row.key, format, arguments);
    va_end(arguments);
    if (length < 0)
        row.key = NULL;
    if (!is_delete && json)
        row.value = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!row.key || (!is_delete && !row.value)) {
        row_done(&row);
        return -ENOMEM;
    }
    *ret_row = row;
    return 0;
}

void row_done(struct registry_row *row)
{
    free(row->key);
    free(row->value);
    *row = (struct registry_row){0};
}

/* `text` is JSON already, written by us and checked when it was read. */
static void add_raw(cJSON *json, const char *name, const char *text)
{
    if (text)
        (void)cJSON_AddRawToObject(json, name, text);
}

int row_for_namespace(const char *namespace_name, const char *aws, struct registry_row *ret_row)
{
    cJSON *json = cJSON_CreateObject();

    add_raw(json, "aws", aws);
    return row_make_in(ret_row, json, false, "namespaces", namespace_name, NULL, NULL);
}

int row_delete_namespace(const char *namespace_name, struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "namespaces", namespace_name, NULL, NULL);
}

int row_for_aws(enum aws_record_kind kind, const char *name, const char *text, struct registry_row *ret_row)
{
    return row_make(ret_row, text ? cJSON_CreateRaw(text) : NULL, !text, "aws/%s/%s",
                    aws_record_kind_name(kind), name);
}

int row_for_service(const char *namespace_name, const char *service, const struct client_alias *aliases,
                    size_t n_aliases, const char *document, const struct service_settings *settings,
                    const char *aws, struct registry_row *ret_row)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "clientAliases");
    cJSON *own = service_settings_write(settings);

    if (!own) {
        cJSON_Delete(json);
        return -ENOMEM;
    }

    for (size_t i = 0; i < n_aliases; i++) {
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "dnsName", aliases[i].dns_name);
        (void)cJSON_AddNumberToObject(item, "port", aliases[i].port);
        (void)cJSON_AddStringToObject(item, "protocol", protocol_name(aliases[i].protocol));
        (void)cJSON_AddItemToArray(list, item);
    }
    if (document)
        (void)cJSON_AddStringToObject(json, "document", document);
    if (own->child)
        (void)cJSON_AddItemToObject(json, "settings", own);
    else
        cJSON_Delete(own);
    add_raw(json, "aws", aws);
    return row_make_in(ret_row, json, false, "services", namespace_name, service, NULL);
}

int row_for_instance(const char *namespace_name, const char *service, const struct instance *instance,
                     struct registry_row *ret_row)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    cJSON *json = cJSON_CreateObject();

    if (instance->host)
        (void)cJSON_AddStringToObject(json, "host", instance->host);
    else if (!instance->is_record)
        (void)cJSON_AddStringToObject(json, "address", ip_address_format(&instance->address, address));
    if (instance->host || !instance->is_record) {
        (void)cJSON_AddNumberToObject(json, "port", instance->port);
        (void)cJSON_AddStringToObject(json, "protocol", protocol_name(instance->protocol));
        (void)cJSON_AddNumberToObject(json, "weight", instance->weight);
    }
    (void)cJSON_AddStringToObject(json, "health", health_name(instance->health));
    if (instance->drain_until) {
        cJSON *draining = cJSON_AddObjectToObject(json, "draining");

        (void)cJSON_AddNumberToObject(draining, "until", (double)instance->drain_until);
        if (instance->drain_for_s)
            (void)cJSON_AddNumberToObject(draining, "for", instance->drain_for_s);
        (void)cJSON_AddBoolToObject(draining, "kill", instance->is_drain_kill);
        if (instance->is_drain_by_hand)
            (void)cJSON_AddTrueToObject(draining, "byHand");
    }
    if (instance->health_by_hand)
        (void)cJSON_AddStringToObject(json, "healthByHand",
                                      instance->health_by_hand == WORD_HEALTHY ? "HEALTHY" : "UNHEALTHY");
    add_raw(json, "attributes", instance->attributes);
    if (instance->creator)
        (void)cJSON_AddStringToObject(json, "creatorRequestId", instance->creator);
    return row_make_in(ret_row, json, false, "instances", namespace_name, service, instance->id);
}

int row_for_route(const char *namespace_name, const char *client, const struct client_alias *alias,
                  const struct named_target *targets, size_t n_targets, bool is_unhealthy_on_empty,
                  struct registry_row *ret_row)
{
    char identity[ALIAS_IDENTITY_SIZE];
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "targets");

    for (size_t i = 0; i < n_targets; i++) {
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "service", targets[i].service);
        (void)cJSON_AddNumberToObject(item, "weight", targets[i].weight);
        (void)cJSON_AddItemToArray(list, item);
    }
    if (is_unhealthy_on_empty)
        (void)cJSON_AddStringToObject(json, "onEmpty", "unhealthy");
    return row_make_in(ret_row, json, false, "routes", namespace_name, client,
                       alias_identity(alias, identity));
}

/* The row of a route that the catalog has. */
static int route_row(const struct model_namespace *parent, const char *client, const struct route *route,
                     struct registry_row *ret_row)
{
    _cleanup_free_ struct named_target *targets = calloc(route->n_targets + 1, sizeof(*targets));

    if (!targets)
        return -ENOMEM;
    for (size_t i = 0; i < route->n_targets; i++)
        targets[i] = (struct named_target){route->targets[i].service->name, route->targets[i].weight};
    return row_for_route(parent->name, client, &route->alias, targets, route->n_targets,
                         route->is_unhealthy_on_empty, ret_row);
}

int row_for_global_settings(const struct ejection_policy *ejection, uint32_t connect_timeout_ms,
                            struct registry_row *ret_row)
{
    const struct catalog wanted = {.ejection = *ejection, .connect_timeout_ms = connect_timeout_ms};
    bool has_any = catalog_has_global_settings(&wanted);

    return row_make(ret_row, has_any ? service_settings_write_global(ejection, connect_timeout_ms) : NULL,
                    !has_any, "settings/global");
}

int row_for_host_number(enum row_kind kind, const char *name, uint32_t number, struct registry_row *ret_row)
{
    return row_make(ret_row, cJSON_CreateNumber(number), false, "host/%s/%s",
                    kind == ROW_HOST_ADDRESS ? "address" : "scope", name);
}

int row_delete_service(const char *namespace_name, const char *service, struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "services", namespace_name, service, NULL);
}

int row_delete_instance(const char *namespace_name, const char *service, const char *id,
                        struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "instances", namespace_name, service, id);
}

int row_delete_route(const char *namespace_name, const char *client, const char *identity,
                     struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "routes", namespace_name, client, identity);
}

int row_delete_document(const char *namespace_name, const char *name, struct registry_row *ret_row)
{
    return row_make_in(ret_row, NULL, true, "documents", namespace_name, name, NULL);
}

static int deletion_of(const char *key, struct registry_row *ret_row)
{
    return row_make(ret_row, NULL, true, "%s", key);
}

struct route *row_find_route(const struct model_namespace *parent, const struct row_name *name)
{
    const struct client *client = *name->client ? catalog_client(parent, name->client) : NULL;

    return *name->client && !client ? NULL : catalog_route(parent, client, name->last);
}

int row_of_catalog(const struct catalog *catalog, const char *key, struct registry_row *ret_row)
{
    struct row_name name;
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;
    const struct route *route;
    const struct stored_document *document;
    const struct catalog_canary *canary;
    const struct aws_record *record;
    int r = row_parse_key(key, &name);

    if (r < 0)
        return r;
    if (name.kind == ROW_AWS) {
        record = catalog_aws_record(catalog, name.aws_kind, name.last);
        return row_for_aws(name.aws_kind, name.last, record ? record->text : NULL, ret_row);
    }
    if (name.kind == ROW_GLOBAL_SETTINGS)
        return row_for_global_settings(&catalog->ejection, catalog->connect_timeout_ms, ret_row);
    parent = name.namespace_name ? catalog_namespace(catalog, name.namespace_name) : NULL;
    if (!parent)
        return deletion_of(key, ret_row);
    switch (name.kind) {
    case ROW_NAMESPACE:
        if (parent->is_declared)
            return row_for_namespace(parent->name, parent->aws, ret_row);
        break;
    case ROW_SERVICE:
        service = catalog_service(catalog, name.namespace_name, name.service);
        if (service && service->is_declared)
            return row_for_service(parent->name, service->name, service->aliases, service->n_aliases,
                                   service->document, service_get_settings(service), service->aws, ret_row);
        break;
    case ROW_INSTANCE:
        service = catalog_service(catalog, name.namespace_name, name.service);
        instance = service ? catalog_instance(service, name.last) : NULL;
        if (service && !instance)
            instance = catalog_record(service, name.last);
        if (instance)
            return row_for_instance(parent->name, service->name, instance, ret_row);
        break;
    case ROW_ROUTE:
        route = row_find_route(parent, &name);
        if (route)
            return route_row(parent, name.client, route, ret_row);
        break;
    case ROW_DOCUMENT:
        document = catalog_document(parent, name.last);
        if (document)
            return row_for_document(parent->name, document->name, document->source, document->text, ret_row);
        break;
    case ROW_CANARY:
        canary = catalog_canary(parent, name.client, name.last);
        if (canary)
            return row_for_canary(parent->name, canary, ret_row);
        break;
    default:
        break;
    }
    return deletion_of(key, ret_row);
}
