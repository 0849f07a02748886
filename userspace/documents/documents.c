/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One source to documents. Task definitions are read first, so that a service finds the one it names whatever
 * the order; then everything else in order; then what must be unique. Only a source without an error reaches
 * the caller's list.
 */
#include "documents/documents.h"

#include <errno.h>
#include <string.h>

#include "documents/document_names.h"
#include "documents/document_text.h"
#include "documents/parse_routes.h"
#include "documents/parse_service.h"
#include "documents/parse_settings.h"
#include "documents/unique_names.h"

enum element_kind {
    ELEMENT_UNKNOWN,
    ELEMENT_SERVICE,
    ELEMENT_TASK_DEFINITION,
    ELEMENT_ROUTES,
};

struct element {
    const cJSON *json;
    enum element_kind kind;
    struct task_definition definition; /* of that kind */
    bool is_referred_to;
};

struct elements {
    struct element *items;
    size_t n;
    struct element **by_family; /* task definitions, sorted */
    size_t n_families;
};

#define BLOCK "serviceConnectConfiguration"

static void elements_done(struct elements *elements)
{
    for (size_t i = 0; elements->items && i < elements->n; i++)
        task_definition_done(&elements->items[i].definition);
    free(elements->items);
    free(elements->by_family);
}

static enum element_kind kind_of(const cJSON *json)
{
    if (!cJSON_IsObject(json))
        return ELEMENT_UNKNOWN;
    if (document_member(json, "serviceName"))
        return ELEMENT_SERVICE;
    if (document_member(json, "family") || document_member(json, "containerDefinitions"))
        return ELEMENT_TASK_DEFINITION;
    if (document_member(json, BLOCK) || document_member(json, "taskDefinition"))
        return ELEMENT_SERVICE;
    return document_member(json, "routes") ? ELEMENT_ROUTES : ELEMENT_UNKNOWN;
}

static int compare_families(const void *a, const void *b)
{
    const struct element *first = *(const struct element *const *)a;
    const struct element *second = *(const struct element *const *)b;
    int order = strcmp(first->definition.family, second->definition.family);

    return order ? order : (first > second) - (first < second);
}

/* The task definition of this source that a service names; NULL: none. */
static struct element *find_family(const struct elements *elements, const char *task_definition)
{
    size_t length;
    const char *family = document_name_family(task_definition, &length);
    size_t low = 0;
    size_t high = elements->n_families;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *candidate = elements->by_family[middle]->definition.family;
        int order = strncmp(candidate, family, length);

        if (order == 0 && candidate[length] == '\0')
            return elements->by_family[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The place of an element: "" for a source that is no array. */
static size_t enter_element(struct document_reader *reader, const cJSON *json, size_t i)
{
    return cJSON_IsArray(json) ? document_enter_element(reader, i) : strlen(reader->path);
}

static void read_task_definitions(struct document_reader *reader, const cJSON *json,
                                  struct elements *elements)
{
    for (size_t i = 0; i < elements->n; i++) {
        struct element *element = &elements->items[i];
        size_t mark;

        if (element->kind != ELEMENT_TASK_DEFINITION)
            continue;
        mark = enter_element(reader, json, i);
        task_definition_parse(reader, element->json, true, &element->definition);
        document_leave(reader, mark);
        if (element->definition.family)
            elements->by_family[elements->n_families++] = element;
    }
    qsort(elements->by_family, elements->n_families, sizeof(struct element *), compare_families);
    for (size_t i = 1; i < elements->n_families; i++) {
        const struct element *element = elements->by_family[i];
        size_t mark;

        if (strcmp(element->definition.family, elements->by_family[i - 1]->definition.family) != 0)
            continue;
        mark = enter_element(reader, json, (size_t)(element - elements->items));
        document_error(reader, "family", element->definition.family, "each family once in a source");
        document_leave(reader, mark);
    }
}

static void read_elements(struct document_reader *reader, const cJSON *json, struct elements *elements)
{
    size_t n = cJSON_IsArray(json) ? document_count(json) : 1;
    const cJSON *item = cJSON_IsArray(json) ? json->child : json;

    elements->items = document_allocate(reader, n, sizeof(elements->items[0]));
    elements->by_family = document_allocate(reader, n, sizeof(struct element *));
    if (!elements->items || !elements->by_family)
        return;
    for (; elements->n < n && item; item = item->next, elements->n++)
        elements->items[elements->n] = (struct element){.json = item, .kind = kind_of(item)};
    read_task_definitions(reader, json, elements);
}

/* A service that has no block: part of no namespace, and says so. */
static void without_block(struct document_reader *reader, struct document *document)
{
    document_warn(reader, BLOCK, "missing: nothing is published");
    document->namespace_name = document_copy(reader, reader->options->default_namespace);
}

/* The service's own block, or the one in its inline task definition: DESIGN's lenient form. */
static void parse_service_block(struct document_reader *reader, const cJSON *json,
                                const struct task_definition *definition, const char *definition_name,
                                const struct service_settings *settings, struct document *document)
{
    const cJSON *inlined = document_member(json, "taskDefinition");
    const cJSON *in_definition = document_member(inlined, BLOCK);
    size_t mark = strlen(reader->path);
    const cJSON *block;

    if (in_definition && document_member(json, BLOCK)) {
        document_warn(reader, "taskDefinition." BLOCK, "ignored: the service's own stands");
    } else if (in_definition) {
        document_warn(reader, "taskDefinition." BLOCK, "belongs into the service in ECS: taken from here");
        (void)document_enter(reader, "taskDefinition");
        json = inlined;
    }
    if (document_member(json, BLOCK)) {
        block = document_get_object(reader, json, BLOCK, true);
        (void)document_enter(reader, BLOCK);
        if (block)
            service_parse_block(reader, block, definition, definition_name, settings, document);
    } else {
        without_block(reader, document);
    }
    document_leave(reader, mark);
}

static void parse_service_element(struct document_reader *reader, const cJSON *json,
                                  const struct elements *elements, struct document *document)
{
    static const char *const known[] = {"serviceName",
                                        "taskDefinition",
                                        BLOCK,
                                        "cluster",
                                        "desiredCount",
                                        "launchType",
                                        "loadBalancers",
                                        "serviceRegistries",
                                        "networkConfiguration",
                                        "capacityProviderStrategy",
                                        "clientToken",
                                        "platformVersion",
                                        "role",
                                        "deploymentConfiguration",
                                        "deploymentController",
                                        "placementConstraints",
                                        "placementStrategy",
                                        "healthCheckGracePeriodSeconds",
                                        "schedulingStrategy",
                                        "tags",
                                        "enableECSManagedTags",
                                        "enableExecuteCommand",
                                        "propagateTags",
                                        "availabilityZoneRebalancing",
                                        "volumeConfigurations",
                                        "vpcLatticeConfigurations",
                                        NULL};
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_(task_definition_done) struct task_definition inlined = {0};
    const cJSON *given = document_member(json, "taskDefinition");
    const char *name = document_name_service(reader, json, "serviceName", true);
    const struct task_definition *definition = NULL;
    const char *definition_name = NULL;

    settings_warn_unknown(reader, json, known);
    document->name = name ? document_copy(reader, name) : NULL;
    if (cJSON_IsObject(given)) {
        size_t mark = document_enter(reader, "taskDefinition");

        task_definition_parse(reader, given, false, &inlined);
        document_leave(reader, mark);
        definition = &inlined;
    } else if (given && !cJSON_IsString(given)) {
        document_error(reader, "taskDefinition", "(neither)", "a name, an ARN, or the object itself");
    } else if (given) {
        struct element *found = find_family(elements, given->valuestring);

        definition_name = given->valuestring;
        if (found) {
            found->is_referred_to = true;
            definition = &found->definition;
        }
    }
    settings_parse(reader, json, &settings);
    parse_service_block(reader, json, definition, definition_name, &settings, document);
}

static void parse_definition_element(struct document_reader *reader, const struct element *element,
                                     struct document *document)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    const cJSON *block = document_get_object(reader, element->json, BLOCK, true);
    size_t mark;

    if (!block)
        return;
    document_warn(reader, BLOCK,
                  "belongs into the service in ECS: taken as a service named after the family");
    if (element->definition.family)
        document->name = document_copy(reader, element->definition.family);
    settings_parse(reader, element->json, &settings);
    mark = document_enter(reader, BLOCK);
    service_parse_block(reader, block, &element->definition, NULL, &settings, document);
    document_leave(reader, mark);
}

static void parse_routes_element(struct document_reader *reader, const cJSON *json, struct document *document)
{
    static const char *const known[] = {"namespace", "routes", NULL};
    const char *namespace_name = document_name_namespace(reader, json, "namespace");

    document_warn_unknown(reader, json, known);
    document->is_enabled = true;
    if (namespace_name)
        document->namespace_name = document_copy(reader, namespace_name);
    routes_parse(reader, json, document);
}

/* Appends the element's document to the list, in which there is room; a task definition may have none. */
static void parse_element(struct document_reader *reader, const struct elements *elements, size_t i,
                          struct document_list *list)
{
    const struct element *element = &elements->items[i];
    struct document *document;

    if (element->kind == ELEMENT_UNKNOWN) {
        if (document_is_object(reader, element->json))
            document_error(reader, "", "(an object of another kind)",
                           "a service (serviceName, " BLOCK "), a task definition (family, "
                           "containerDefinitions, " BLOCK "), or {namespace, routes}");
        return;
    }
    if (element->kind == ELEMENT_TASK_DEFINITION && !document_member(element->json, BLOCK))
        return;
    document = &list->items[list->n++];
    memcpy(document->path, reader->path, sizeof(document->path));
    document->source = document_copy(reader, reader->source);
    if (element->kind == ELEMENT_SERVICE)
        parse_service_element(reader, element->json, elements, document);
    else if (element->kind == ELEMENT_TASK_DEFINITION)
        parse_definition_element(reader, element, document);
    else
        parse_routes_element(reader, element->json, document);
    document->text = cJSON_PrintUnformatted(element->json);
    if (!document->text)
        reader->status = -ENOMEM;
}

static void parse_elements(struct document_reader *reader, const cJSON *json, const struct elements *elements,
                           struct document_list *list)
{
    list->items = document_allocate(reader, elements->n, sizeof(list->items[0]));
    for (size_t i = 0; list->items && i < elements->n; i++) {
        size_t mark = enter_element(reader, json, i);

        parse_element(reader, elements, i, list);
        document_leave(reader, mark);
    }
    for (size_t i = 0; i < elements->n; i++) {
        const struct element *element = &elements->items[i];
        size_t mark = enter_element(reader, json, i);

        if (element->kind == ELEMENT_TASK_DEFINITION && !element->is_referred_to &&
            !document_member(element->json, BLOCK))
            document_warn(reader, "",
                          "a task definition without " BLOCK
                          " that no service of this source names: nothing is published");
        document_leave(reader, mark);
    }
    if (elements->n == 0)
        document_warn(reader, "", "an empty array: nothing is published");
}

/* Moves what `from` has to the end of `list`. */
static int move(struct document_list *list, struct document_list *from)
{
    struct document *items;

    if (from->n == 0)
        return 0;
    items = reallocarray(list->items, list->n + from->n, sizeof(*items));
    if (!items)
        return -ENOMEM;
    memcpy(&items[list->n], from->items, from->n * sizeof(*items));
    list->items = items;
    list->n += from->n;
    from->n = 0;
    return 0;
}

int documents_parse(const char *source, const char *text, size_t length,
                    const struct documents_options *options, struct document_list *list,
                    struct findings *findings)
{
    struct documents_options complete = options ? *options : (struct documents_options){0};
    struct document_reader reader = {.source = source, .options = &complete, .findings = findings};
    _cleanup_(document_list_done) struct document_list parsed = {0};
    _cleanup_(elements_done) struct elements elements = {0};
    _cleanup_json_ cJSON *json = NULL;

    if (!complete.default_namespace)
        complete.default_namespace = "default";
    json = document_text_parse(&reader, text, length);
    if (json) {
        read_elements(&reader, json, &elements);
        parse_elements(&reader, json, &elements, &parsed);
        if (reader.status == 0)
            unique_names_check(&reader, &parsed);
    }
    if (reader.status < 0)
        return reader.status;
    return reader.n_errors > 0 ? -EINVAL : move(list, &parsed);
}

static void document_done(struct document *document)
{
    services_done(document);
    routes_done(document);
    free(document->source);
    free(document->name);
    free(document->namespace_name);
    free(document->text);
}

void document_list_done(struct document_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        document_done(&list->items[i]);
    free(list->items);
    *list = (struct document_list){0};
}
