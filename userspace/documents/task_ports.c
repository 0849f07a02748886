/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/task_ports.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "documents/document_names.h"
#include "model/names.h"

#define TASK_PORTS_BLOCK "serviceConnectConfiguration"

void task_ports_done(struct task_ports *ports)
{
    for (size_t i = 0; i < ports->n; i++) {
        free(ports->items[i].discovery_name);
        free(ports->items[i].container);
    }
    free(ports->items);
    free(ports->family);
    *ports = (struct task_ports){0};
}

static const cJSON *task_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *task_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(task_member(object, name));
}

/* Of what describe-services prints: the deployment that runs. */
static const cJSON *task_deployment(const cJSON *document)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, task_member(document, "deployments")) {
        const char *status = task_text(item, "status");

        if (status && strcmp(status, "PRIMARY") == 0)
            return item;
    }
    return cJSON_GetArrayItem(task_member(document, "deployments"), 0);
}

/* Where the member stands: in the document, in what runs of it, or in its own task definition. */
static const cJSON *task_find(const cJSON *document, const char *name)
{
    const cJSON *found = task_member(document, name);

    if (!found)
        found = task_member(task_deployment(document), name);
    return found ? found : task_member(task_member(document, "taskDefinition"), name);
}

struct found_mapping {
    const char *container;
    const cJSON *mapping;
};

/* The mapping of that name, else the only one that there is. */
static bool task_find_mapping(const cJSON *definition, const char *name, struct found_mapping *ret_found)
{
    struct found_mapping any = {0};
    const cJSON *container;
    const cJSON *mapping;
    size_t n = 0;

    cJSON_ArrayForEach (container, task_member(definition, "containerDefinitions")) {
        const char *owner = task_text(container, "name");

        cJSON_ArrayForEach (mapping, task_member(container, "portMappings")) {
            const char *own = task_text(mapping, "name");

            if (!owner)
                continue;
            any = (struct found_mapping){owner, mapping};
            n++;
            if (own && strcmp(own, name) == 0) {
                *ret_found = any;
                return true;
            }
        }
    }
    if (n == 1)
        *ret_found = any;
    return n == 1;
}

static int task_take_mapping(const struct found_mapping *found, struct task_port *port)
{
    const cJSON *number = task_member(found->mapping, "containerPort");
    const char *protocol = task_text(found->mapping, "protocol");

    if (!cJSON_IsNumber(number) || number->valuedouble < 1 || number->valuedouble > 65535)
        return -EINVAL;
    port->port = (uint16_t)number->valuedouble;
    port->protocol = protocol && strcmp(protocol, "udp") == 0 ? UDP : TCP;
    port->container = strdup(found->container);
    return port->container ? 0 : -ENOMEM;
}

static int task_add_port(const cJSON *definition, const cJSON *service, struct task_ports *ports)
{
    const char *port_name = task_text(service, "portName");
    const char *name = task_text(service, "discoveryName");
    struct task_port port = {0};
    struct found_mapping found;
    int r = 0;

    if (!name)
        name = port_name;
    if (!port_name || model_check_service("", name, NULL) < 0)
        return 0;
    if (definition && !task_find_mapping(definition, port_name, &found))
        return 0;
    if (definition)
        r = task_take_mapping(&found, &port);
    if (r < 0)
        return r == -EINVAL ? 0 : r;
    port.discovery_name = strdup(name);
    if (!port.discovery_name || ARRAY_MAKE_ROOM(ports->items, ports->n) < 0) {
        free(port.discovery_name);
        free(port.container);
        return -ENOMEM;
    }
    ports->items[ports->n++] = port;
    return 0;
}

static char *task_family(const cJSON *document, const cJSON *given)
{
    const char *name =
        cJSON_IsString(given) ? given->valuestring : task_text(given ? given : document, "family");
    size_t length = 0;

    if (!name)
        name = task_text(document, "serviceName"); /* of a definition that says nothing of itself */
    if (!name)
        return NULL;
    name = document_name_family(name, &length);
    return strndup(name, length);
}

int task_ports_read(const char *text, size_t length, struct task_ports *ret_ports)
{
    _cleanup_(task_ports_done) struct task_ports ports = {0};
    _cleanup_json_ cJSON *document = NULL;
    const cJSON *definition;
    const cJSON *given;
    const cJSON *block;
    const cJSON *item;
    int r = 0;

    if (length > TASK_PORTS_TEXT_MAX)
        return -E2BIG;
    document = cJSON_ParseWithLength(text, length);
    given = task_member(document, "taskDefinition");
    if (!given)
        given = task_member(task_deployment(document), "taskDefinition");
    definition = cJSON_IsObject(given)                           ? given
                 : task_member(document, "containerDefinitions") ? document
                                                                 : NULL;
    if (!given && !definition)
        return -EINVAL;
    ports.family = task_family(document, given);
    if (!ports.family)
        return -EINVAL;
    block = task_find(document, TASK_PORTS_BLOCK);
    if (!cJSON_IsFalse(task_member(block, "enabled")))
        cJSON_ArrayForEach (item, task_member(block, "services"))
            if (r == 0)
                r = task_add_port(definition, item, &ports);
    if (r < 0)
        return r;
    *ret_ports = ports;
    ports = (struct task_ports){0};
    return 0;
}
