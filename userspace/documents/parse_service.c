/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/parse_service.h"

#include <errno.h>
#include <string.h>

#include "documents/default_names.h"
#include "documents/document_names.h"
#include "documents/parse_proxy_fields.h"
#include "documents/parse_routes.h"
#include "documents/parse_settings.h"

/* What the services of one block have in common. */
struct block_context {
    const struct task_definition *definition;
    const char *definition_name;
    const char *namespace_name; /* NULL: a bad one */
    const struct service_settings *settings;
};

/* "http", "admin", ... as much as fits; or that there is none. */
static void list_mapping_names(char *list, size_t size, const struct task_definition *definition)
{
    size_t used = 0;

    (void)snprintf(list, size, "none of the %zu port mappings has one", definition->n_mappings);
    for (size_t i = 0; i < definition->n_named && used < size - DOCUMENT_PORT_MAX - 3; i++)
        used += (size_t)snprintf(list + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 definition->mappings[i].name);
}

/* The port mapping that a service stands for; NULL: not known, or an error that is reported. */
static const struct port_mapping *bind_mapping(struct document_reader *reader,
                                               const struct block_context *context, const char *port_name)
{
    const struct task_definition *definition = context->definition;
    const struct port_mapping *mapping;

    if (!definition) {
        document_warn(reader, "portName", "not checked: the task definition is not in this source");
        return NULL;
    }
    mapping = task_definition_mapping(definition, port_name);
    if (!mapping && definition->n_mappings == 1) {
        mapping = &definition->mappings[0];
        document_warn(reader, "portName", "no portMappings[].name is \"%s\": bound to the only port mapping",
                      port_name);
    }
    if (!mapping) {
        char names[200];

        list_mapping_names(names, sizeof(names), definition);
        document_error(reader, "portName", port_name, "a portMappings[].name of the task definition: %s",
                       names);
    } else if (mapping->is_range) {
        document_error(reader, "portName", port_name, "a port mapping with one containerPort, not a range");
    }
    return mapping;
}

static void parse_alias(struct document_reader *reader, const cJSON *json,
                        const struct block_context *context, struct document_service *service)
{
    static const char *const known[] = {"port", "dnsName", "testTrafficRules", NULL};
    struct client_alias alias = {.port = service->container_port, .protocol = service->protocol};
    uint32_t port;

    if (!document_is_object(reader, json))
        return;
    document_warn_unknown(reader, json, known);
    proxy_fields_check_test_traffic(reader, json);
    if (document_get_integer(reader, json, "port", false, 1, 65535, &port))
        alias.port = (uint16_t)port;
    else if (!document_member(json, "port") && !context->definition)
        document_error(reader, "port", NULL,
                       "a port, because the task definition%s%.60s is not in this source; or that inline as "
                       "taskDefinition",
                       context->definition_name ? " " : "",
                       context->definition_name ? context->definition_name : "");
    if (document_member(json, "dnsName")) {
        if (document_name_dns(reader, json, "dnsName", false, alias.dns_name))
            alias_publish(reader, service, &alias, false, reader->path);
    } else if (service->discovery_name && context->namespace_name) {
        default_names_publish(reader, service, context->namespace_name, &alias, reader->path);
    }
}

/* clientAliases as ECS has it, or the object form; `member` is where it stands. */
static void parse_alias_list(struct document_reader *reader, const cJSON *aliases, const char *member,
                             const struct block_context *context, struct document_service *service)
{
    size_t mark = document_enter(reader, member);
    const cJSON *item;
    size_t i = 0;

    if (cJSON_IsObject(aliases)) {
        parse_alias(reader, aliases, context, service);
    } else if (cJSON_IsArray(aliases)) {
        cJSON_ArrayForEach (item, aliases) {
            size_t element = document_enter_element(reader, i++);

            parse_alias(reader, item, context, service);
            document_leave(reader, element);
        }
    } else {
        document_error(reader, "", "(neither)", "an array of client aliases, or one as an object");
    }
    document_leave(reader, mark);
}

static void parse_aliases(struct document_reader *reader, const cJSON *json,
                          const struct block_context *context, struct document_service *service)
{
    const cJSON *aliases = document_member(json, "clientAliases");
    const cJSON *single = document_member(json, "clientAlias");
    const char *member = single ? "clientAlias" : "clientAliases";

    if (aliases && single) {
        document_error(reader, "clientAlias", "(set)", "one of clientAliases and clientAlias");
        return;
    }
    if (single)
        aliases = single;
    if (single || cJSON_IsObject(aliases))
        document_warn(reader, member, "taken as clientAliases, which is an array in ECS");
    if (aliases && !(cJSON_IsArray(aliases) && document_count(aliases) == 0)) {
        parse_alias_list(reader, aliases, member, context, service);
        return;
    }
    if (aliases)
        document_warn(reader, member, "empty: the default names are published");
    if (!context->definition) {
        document_error(
            reader, member, NULL,
            "a client alias with a port, because the task definition%s%.60s is not in this source; "
            "or that inline as taskDefinition",
            context->definition_name ? " " : "", context->definition_name ? context->definition_name : "");
    } else if (service->discovery_name && context->namespace_name) {
        struct client_alias alias = {.port = service->container_port, .protocol = service->protocol};

        default_names_publish(reader, service, context->namespace_name, &alias, reader->path);
    }
}

static void parse_service(struct document_reader *reader, const cJSON *json,
                          const struct block_context *context, struct document_service *service)
{
    static const char *const known[] = {
        "portName", "discoveryName", "clientAliases", "timeout", "ingressPortOverride", "tls", "clientAlias",
        NULL};
    const struct port_mapping *mapping = NULL;
    const char *port_name;
    const char *discovery_name;

    memcpy(service->path, reader->path, sizeof(service->path));
    service->protocol = TCP;
    service->settings = service_settings_default;
    if (!document_is_object(reader, json))
        return;
    settings_warn_unknown(reader, json, known);
    port_name = document_name_port(reader, json, "portName", true);
    discovery_name = document_member(json, "discoveryName")
                         ? document_name_port(reader, json, "discoveryName", false)
                         : port_name;
    service->port_name = port_name ? document_copy(reader, port_name) : NULL;
    service->discovery_name = discovery_name ? document_copy(reader, discovery_name) : NULL;
    if (port_name)
        mapping = bind_mapping(reader, context, port_name);
    if (mapping) {
        service->container_port = (uint16_t)mapping->container_port;
        service->protocol = mapping->protocol;
    }
    proxy_fields_check_ingress_port(reader, json);
    proxy_fields_check_timeout(reader, json, mapping && !mapping->app_protocol);
    proxy_fields_check_tls(reader, json, context->definition ? context->definition->network_mode : NULL);
    if (service_settings_copy(context->settings, &service->settings) < 0)
        reader->status = -ENOMEM;
    settings_parse(reader, json, &service->settings);
    parse_aliases(reader, json, context, service);
}

static void parse_services(struct document_reader *reader, const cJSON *block,
                           const struct block_context *context, struct document *document)
{
    const cJSON *services = document_get_array(reader, block, "services", false);
    const cJSON *item;
    size_t mark;

    if (!services)
        return;
    document->services = document_allocate(reader, document_count(services), sizeof(document->services[0]));
    if (!document->services)
        return;
    mark = document_enter(reader, "services");
    cJSON_ArrayForEach (item, services) {
        size_t element = document_enter_element(reader, document->n_services);

        parse_service(reader, item, context, &document->services[document->n_services++]);
        document_leave(reader, element);
    }
    document_leave(reader, mark);
}

void service_parse_block(struct document_reader *reader, const cJSON *block,
                         const struct task_definition *definition, const char *definition_name,
                         const struct service_settings *settings, struct document *document)
{
    static const char *const known[] = {
        "enabled",   "namespace", "services", "logConfiguration", "accessLogConfiguration",
        "logDriver", "routes",    NULL};
    struct block_context context = {
        .definition = definition, .definition_name = definition_name, .settings = settings};

    document_warn_unknown(reader, block, known);
    if (!document_member(block, "enabled"))
        document_warn(reader, "enabled", "missing: taken as true");
    document->is_enabled = document_get_bool(reader, block, "enabled", true);
    context.namespace_name = document_name_namespace(reader, block, "namespace");
    if (context.namespace_name)
        document->namespace_name = document_copy(reader, context.namespace_name);
    proxy_fields_check_logging(reader, block);
    parse_services(reader, block, &context, document);
    routes_parse(reader, block, document);
    if (!document->is_enabled) {
        services_done(document);
        routes_done(document);
    }
}

void services_done(struct document *document)
{
    for (size_t i = 0; i < document->n_services; i++) {
        free(document->services[i].discovery_name);
        free(document->services[i].port_name);
        free(document->services[i].aliases);
        service_settings_done(&document->services[i].settings);
    }
    free(document->services);
    document->services = NULL;
    document->n_services = 0;
}
