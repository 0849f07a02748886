/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The many members that say how a container runs are none of our business and pass unseen; what stands in
 * portMappings is checked also where no service refers to it, as ECS does when it registers the definition.
 */
#include "documents/parse_task_definition.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "documents/document_names.h"

static const char *const protocols[] = {"tcp", "udp", NULL};
static const char *const app_protocols[] = {"http", "http2", "grpc", NULL};

/* "FIRST-LAST" */
static void check_port_range(struct document_reader *reader, const cJSON *json)
{
    const char *range = document_get_string(reader, json, "containerPortRange", false);
    char first[8];
    const char *dash = range ? strchr(range, '-') : NULL;
    uint64_t low = 0;
    uint64_t high = 0;

    if (!range)
        return;
    if (dash && dash - range < (ptrdiff_t)sizeof(first)) {
        (void)snprintf(first, sizeof(first), "%.*s", (int)(dash - range), range);
        if (parse_number(first, 1, 65535, &low) == 0 && parse_number(dash + 1, 1, 65535, &high) == 0 &&
            low <= high)
            return;
    }
    document_error(reader, "containerPortRange", range, "two ports from 1 to 65535, \"FIRST-LAST\"");
}

static void parse_mapping(struct document_reader *reader, const cJSON *json, struct port_mapping *mapping)
{
    const char *protocol;
    uint32_t host_port;

    mapping->protocol = TCP;
    if (!document_is_object(reader, json))
        return;
    mapping->name = document_name_port(reader, json, "name", false);
    mapping->is_range =
        !document_member(json, "containerPort") && document_member(json, "containerPortRange");
    (void)document_get_integer(reader, json, "containerPort", !mapping->is_range, 1, 65535,
                               &mapping->container_port);
    (void)document_get_integer(reader, json, "hostPort", false, 0, 65535, &host_port);
    check_port_range(reader, json);
    protocol = document_get_enum(reader, json, "protocol", false, protocols);
    if (protocol && strcmp(protocol, "udp") == 0)
        mapping->protocol = UDP;
    mapping->app_protocol = document_get_enum(reader, json, "appProtocol", false, app_protocols);
}

/* Appends the mappings of one container; there is room. */
static void parse_container(struct document_reader *reader, const cJSON *json,
                            struct task_definition *definition)
{
    const cJSON *mappings;
    const cJSON *item;
    size_t mark;
    size_t i = 0;

    if (!document_is_object(reader, json))
        return;
    mappings = document_get_array(reader, json, "portMappings", false);
    mark = document_enter(reader, "portMappings");
    cJSON_ArrayForEach (item, mappings) {
        size_t element = document_enter_element(reader, i++);

        parse_mapping(reader, item, &definition->mappings[definition->n_mappings++]);
        document_leave(reader, element);
    }
    document_leave(reader, mark);
}

static int compare_mappings(const void *a, const void *b)
{
    const struct port_mapping *first = a;
    const struct port_mapping *second = b;

    if (!first->name || !second->name)
        return (first->name == NULL) - (second->name == NULL);
    return strcmp(first->name, second->name);
}

/* Sorted, so that however many services look for however many names, it stays n log n. */
static void sort_mappings(struct document_reader *reader, struct task_definition *definition)
{
    struct port_mapping *mappings = definition->mappings;

    qsort(mappings, definition->n_mappings, sizeof(mappings[0]), compare_mappings);
    while (definition->n_named < definition->n_mappings && mappings[definition->n_named].name)
        definition->n_named++;
    for (size_t i = 1; i < definition->n_named; i++)
        if (strcmp(mappings[i].name, mappings[i - 1].name) == 0)
            document_error(reader, "containerDefinitions", mappings[i].name,
                           "each portMappings[].name once in the task definition");
}

static size_t count_mappings(const cJSON *containers)
{
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, containers) {
        const cJSON *mappings = document_member(item, "portMappings");

        n += cJSON_IsArray(mappings) ? document_count(mappings) : 0;
    }
    return n;
}

void task_definition_parse(struct document_reader *reader, const cJSON *json, bool is_family_required,
                           struct task_definition *ret_definition)
{
    struct task_definition definition = {.json = json};
    const cJSON *containers;
    const cJSON *item;
    size_t i = 0;
    size_t mark;

    definition.family = document_name_service(reader, json, "family", is_family_required);
    (void)document_get_integer(reader, json, "revision", false, 0, UINT32_MAX, &definition.revision);
    definition.network_mode = document_get_string(reader, json, "networkMode", false);
    containers = document_get_array(reader, json, "containerDefinitions", true);
    definition.mappings = document_allocate(reader, count_mappings(containers), sizeof(struct port_mapping));
    mark = document_enter(reader, "containerDefinitions");
    cJSON_ArrayForEach (item, containers) {
        size_t element = document_enter_element(reader, i++);

        if (definition.mappings)
            parse_container(reader, item, &definition);
        document_leave(reader, element);
    }
    document_leave(reader, mark);
    if (definition.mappings)
        sort_mappings(reader, &definition);
    *ret_definition = definition;
}

void task_definition_done(struct task_definition *definition)
{
    free(definition->mappings);
    *definition = (struct task_definition){0};
}

const struct port_mapping *task_definition_mapping(const struct task_definition *definition, const char *name)
{
    struct port_mapping wanted = {.name = name};

    return bsearch(&wanted, definition->mappings, definition->n_named, sizeof(wanted), compare_mappings);
}
