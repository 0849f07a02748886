/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading rows into the catalog. What is written here may come from another host or version: it is checked
 * again. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "model/catalog_aws.h"
#include "model/names.h"
#include "registry/rows.h"
#include "registry/rows_internal.h"

#define MAX_WEIGHT  65535
#define MAX_TARGETS 256 /* of a route; sums of weights are sized for it */

static int rows_apply_read_alias(const cJSON *object, struct client_alias *ret_alias, struct error *error)
{
    struct client_alias alias = {0};
    const char *name = NULL;
    uint64_t port = 0;
    int r = json_get_string(object, "dnsName", true, &name, error);

    if (r == 0)
        r = json_get_integer(object, "port", true, 1, 65535, &port, error);
    if (r == 0)
        r = row_read_protocol(object, &alias.protocol, error);
    if (r < 0)
        return r;
    if (strlen(name) >= sizeof(alias.dns_name))
        return error_input(error, "dnsName", name, "at most %d characters", MODEL_DNS_NAME_MAX);
    strcpy(alias.dns_name, name);
    alias.port = (uint16_t)port;
    r = model_check_stored_dns_name("dnsName", alias.dns_name, error);
    if (r == 0)
        *ret_alias = alias;
    return r;
}

/* A member that must be a list; `is_required` or it may be missing, which reads as an empty one. */
static int get_list(const cJSON *json, const char *name, bool is_required, const cJSON **ret_list,
                    struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, name);

    if (list ? !cJSON_IsArray(list) : is_required)
        return error_input(error, name, list ? "(not a list)" : "(missing)", "a list");
    *ret_list = list;
    return 0;
}

/* The first thing wrong. What a newer version may have added is passed over. */
static void rows_apply_keep_first(enum service_settings_finding finding, const struct error *error,
                                  void *user)
{
    struct error *first = user;

    if (finding == SERVICE_SETTINGS_BAD && !first->number)
        *first = *error;
}

static int read_settings(const cJSON *object, struct service_settings *settings, struct error *error)
{
    struct error first = {0};
    int r;

    if (object && !cJSON_IsObject(object))
        return error_input(error, "settings", "(no object)", "an object");
    r = object ? service_settings_read_all(object, SETTINGS_RIGHTS_STORED, settings, rows_apply_keep_first,
                                           &first)
               : 0;
    if (r == -EINVAL && error) {
        *error = first;
        error_prefix_field(error, "settings");
    }
    return r;
}

static int apply_service(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                         struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_free_ struct client_alias *aliases = NULL;
    _cleanup_free_ char *aws = NULL;
    struct service *service;
    const char *document = NULL;
    const char *id = NULL;
    const cJSON *list = NULL;
    const cJSON *item;
    size_t n = 0;
    int r = get_list(json, "clientAliases", false, &list, error);

    if (r < 0)
        return r;
    aliases = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*aliases));
    if (!aliases)
        return -ENOMEM;
    cJSON_ArrayForEach (item, list) {
        r = rows_apply_read_alias(item, &aliases[n++], error);
        if (r < 0)
            return r;
    }
    r = json_get_string(json, "document", false, &document, error);
    if (r == 0 && document)
        r = model_check_document("document", document, error);
    if (r == 0)
        r = read_settings(cJSON_GetObjectItemCaseSensitive(json, "settings"), &settings, error);
    if (r == 0)
        r = row_read_aws(json, &aws, &id, error);
    if (r < 0)
        return r;
    service = catalog_make_service(catalog, name->namespace_name, name->service);
    if (!service)
        return -ENOMEM;
    r = catalog_set_settings(service, &settings);
    if (r == 0)
        r = catalog_set_service_aws(service, aws, id);
    return r < 0 ? r : catalog_declare_service(catalog, service, aliases, n, document);
}

int row_parse_identity(const char *text, struct client_alias *ret_alias)
{
    char canonical[ALIAS_IDENTITY_SIZE];
    struct client_alias alias = {.protocol = TCP};
    const char *slash = strrchr(text, '/');
    const char *colon = strrchr(text, ':');
    char port_text[8];
    uint64_t port;

    if (!slash || !colon || colon > slash || (size_t)(colon - text) >= sizeof(alias.dns_name) ||
        (size_t)(slash - colon) > sizeof(port_text))
        return -EINVAL;
    memcpy(alias.dns_name, text, (size_t)(colon - text));
    memcpy(port_text, colon + 1, (size_t)(slash - colon - 1));
    port_text[slash - colon - 1] = '\0';
    if (parse_number(port_text, 1, 65535, &port) < 0)
        return -EINVAL;
    alias.port = (uint16_t)port;
    if (strcmp(slash, "/udp") == 0)
        alias.protocol = UDP;
    else if (strcmp(slash, "/tcp") != 0)
        return -EINVAL;
    if (model_check_stored_dns_name("dnsName", alias.dns_name, NULL) < 0 ||
        strcmp(alias_identity(&alias, canonical), text) != 0)
        return -EINVAL;
    *ret_alias = alias;
    return 0;
}

struct read_target {
    const char *service;
    uint32_t weight;
};

static int rows_apply_read_targets(const cJSON *list, struct read_target *targets, struct error *error)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        uint64_t weight = 0;
        int r = json_get_string(item, "service", true, &targets->service, error);

        if (r == 0)
            r = model_check_service("service", targets->service, error);
        if (r == 0)
            r = json_get_integer(item, "weight", true, 0, MAX_WEIGHT, &weight, error);
        if (r < 0)
            return r;
        targets++->weight = (uint32_t)weight;
    }
    return 0;
}

/* All targets are read before the first is made: a bad one must leave nothing behind. */
static int apply_route(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                       struct error *error)
{
    _cleanup_free_ struct read_target *wanted = NULL;
    _cleanup_free_ struct route_target *targets = NULL;
    struct model_namespace *parent;
    struct client_alias alias;
    const cJSON *list = NULL;
    const char *on_empty = "refuse";
    size_t n;
    int r = get_list(json, "targets", true, &list, error);

    if (r == 0)
        r = json_get_string(json, "onEmpty", false, &on_empty, error);
    if (r == 0 && strcmp(on_empty, "refuse") != 0 && strcmp(on_empty, "unhealthy") != 0)
        r = error_input(error, "onEmpty", on_empty, "refuse, unhealthy");
    if (r == 0 && cJSON_GetArraySize(list) > MAX_TARGETS)
        r = error_input(error, "targets", "(more)", "at most %d", MAX_TARGETS);
    if (r == 0 && row_parse_identity(name->last, &alias) < 0)
        r = error_input(error, "alias", name->last, "dnsName:port/protocol in lower case");
    if (r < 0)
        return r;
    n = (size_t)cJSON_GetArraySize(list);
    wanted = calloc(n + 1, sizeof(*wanted));
    targets = calloc(n + 1, sizeof(*targets));
    if (!wanted || !targets)
        return -ENOMEM;
    r = rows_apply_read_targets(list, wanted, error);
    if (r < 0)
        return r;
    parent = catalog_make_namespace(catalog, name->namespace_name);
    if (!parent)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        targets[i].service = catalog_make_service(catalog, name->namespace_name, wanted[i].service);
        targets[i].weight = wanted[i].weight;
        if (!targets[i].service)
            return -ENOMEM;
    }
    r = catalog_set_route(parent, name->client, &alias, TAKE_PTR(targets), n);
    if (r == 0)
        row_find_route(parent, name)->is_unhealthy_on_empty = strcmp(on_empty, "unhealthy") == 0;
    return r;
}

/* `json` NULL: back to the defaults. */
static int apply_global_settings(struct catalog *catalog, const cJSON *json, struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    int r = read_settings(json, &settings, error);

    if (r < 0)
        return r;
    catalog->ejection = settings.ejection;
    catalog->connect_timeout_ms = settings.connect_timeout_ms;
    return 0;
}

static void apply_deletion(struct catalog *catalog, const struct row_name *name)
{
    struct model_namespace *parent = catalog_namespace(catalog, name->namespace_name);
    struct service *service =
        parent && name->service ? catalog_service(catalog, parent->name, name->service) : NULL;
    struct stored_document *document;
    struct instance *instance;
    struct catalog_canary *canary;
    struct route *route;

    if (!parent)
        return;
    switch (name->kind) {
    case ROW_SERVICE:
        if (service)
            catalog_undeclare_service(catalog, service);
        break;
    case ROW_INSTANCE:
        if (service)
            catalog_bump_instances(service);
        instance = service ? catalog_instance(service, name->last) : NULL;
        if (instance)
            catalog_remove_instance(catalog, instance);
        else if (service && catalog_record(service, name->last))
            catalog_remove_record(catalog_record(service, name->last));
        break;
    case ROW_ROUTE:
        route = row_find_route(parent, name);
        if (route)
            catalog_remove_route(parent, name->client, route);
        break;
    case ROW_DOCUMENT:
        document = catalog_document(parent, name->last);
        if (document)
            catalog_remove_document(catalog, parent, document);
        break;
    case ROW_CANARY:
        canary = catalog_canary(parent, name->client, name->last);
        if (canary)
            catalog_remove_canary(parent, canary);
        break;
    case ROW_NAMESPACE:
        parent->is_declared = false;
        (void)catalog_set_namespace_aws(parent, NULL, NULL);
        break;
    default:
        break;
    }
}

int row_check_names(const struct row_name *name, struct error *error)
{
    int r = model_check_namespace("namespace", name->namespace_name, error);

    if (r == 0 && name->service)
        r = model_check_service("service", name->service, error);
    if (r == 0 && name->kind == ROW_INSTANCE)
        r = model_check_instance_id("id", name->last, error);
    if (r == 0 && name->client && *name->client)
        r = model_check_document("client", name->client, error);
    if (r == 0 && name->kind == ROW_DOCUMENT)
        r = model_check_document("document", name->last, error);
    return r;
}

static int apply_put(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error)
{
    _cleanup_free_ char *aws = NULL;
    struct model_namespace *parent;
    const char *id = NULL;
    int r;

    switch (name->kind) {
    case ROW_SERVICE:
        return apply_service(catalog, name, json, error);
    case ROW_INSTANCE:
        return cJSON_HasObjectItem(json, "address") || cJSON_HasObjectItem(json, "host") ||
                       !cJSON_HasObjectItem(json, "attributes")
                   ? row_apply_instance(catalog, name, json, error)
                   : row_apply_record(catalog, name, json, error);
    case ROW_ROUTE:
        return apply_route(catalog, name, json, error);
    case ROW_DOCUMENT:
        return row_apply_stored_document(catalog, name, json, error);
    case ROW_CANARY:
        return row_apply_canary(catalog, name, json, error);
    default:
        r = row_read_aws(json, &aws, &id, error);
        if (r < 0)
            return r;
        parent = catalog_make_namespace(catalog, name->namespace_name);
        if (!parent)
            return -ENOMEM;
        parent->is_declared = true;
        return catalog_set_namespace_aws(parent, aws, id);
    }
}

int row_parse_value(const char *key, const char *value, cJSON **ret_json, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    int r = json_parse(key, value, strlen(value), &json, error);

    if (r == 0 && !cJSON_IsObject(json))
        r = error_set(error, EINVAL, "registry row %.200s: an object is wanted", key);
    if (r == 0)
        *ret_json = TAKE_PTR(json);
    return r;
}

int row_apply(struct catalog *catalog, const char *key, const char *value, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    struct row_name name;
    int r = row_parse_key(key, &name);

    if (r < 0)
        return error_set(error, EINVAL, "registry row %.200s: not a key this version writes", key);
    if (name.kind == ROW_GLOBAL_SETTINGS && !value)
        return apply_global_settings(catalog, NULL, error);
    if (!name.namespace_name && name.kind != ROW_GLOBAL_SETTINGS && name.kind != ROW_AWS)
        return 0;
    if (!value && name.kind == ROW_AWS)
        return row_apply_aws(catalog, &name, NULL, error);
    if (!value) {
        apply_deletion(catalog, &name);
        return 0;
    }
    r = row_parse_value(key, value, &json, error);
    if (r == 0 && name.kind == ROW_GLOBAL_SETTINGS)
        return apply_global_settings(catalog, json, error);
    if (r == 0 && name.kind == ROW_AWS)
        return row_apply_aws(catalog, &name, json, error);
    if (r == 0)
        r = row_check_names(&name, error);
    return r < 0 ? r : apply_put(catalog, &name, json, error);
}
