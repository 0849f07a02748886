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
#include "documents/elements.h"
#include "documents/parse_routes.h"
#include "documents/parse_service.h"
#include "documents/parse_settings.h"
#include "documents/unique_names.h"

#define BLOCK DOCUMENT_BLOCK

/* A service that has no block: part of no namespace, and says so. */
static void without_block(struct document_reader *reader, struct document *document)
{
    document_warn(reader, BLOCK, "missing: nothing is published");
    document->namespace_name = document_copy(reader, reader->options->default_namespace);
}

/* What runs of a service as describe-services shows it: its block stands there and not in the service. */
static const cJSON *primary_deployment(const cJSON *json, size_t *ret_index)
{
    const cJSON *deployments = document_member(json, "deployments");
    const cJSON *first = cJSON_IsArray(deployments) ? deployments->child : NULL;
    const cJSON *item;
    size_t i = 0;

    *ret_index = 0;
    if (!first)
        return NULL;
    cJSON_ArrayForEach (item, deployments) {
        const char *status = cJSON_GetStringValue(document_member(item, "status"));

        *ret_index = i++;
        if (status && strcmp(status, "PRIMARY") == 0)
            return item;
    }
    *ret_index = 0;
    return first;
}

/* The service's own block, the one in its inline task definition (DESIGN's lenient form), or what runs of
 * it. */
static void parse_service_block(struct document_reader *reader, const cJSON *json,
                                const struct task_definition *definition, const char *definition_name,
                                const struct service_settings *settings, struct document *document)
{
    const cJSON *inlined = document_member(json, "taskDefinition");
    const cJSON *in_definition = document_member(inlined, BLOCK);
    size_t mark = strlen(reader->path);
    const cJSON *deployment;
    const cJSON *block;
    size_t index;

    if (in_definition && document_member(json, BLOCK)) {
        document_warn(reader, "taskDefinition." BLOCK, "ignored: the service's own stands");
    } else if (in_definition) {
        document_warn(reader, "taskDefinition." BLOCK, "belongs into the service in ECS: taken from here");
        (void)document_enter(reader, "taskDefinition");
        json = inlined;
    } else if (!document_member(json, BLOCK) && (deployment = primary_deployment(json, &index))) {
        (void)document_enter(reader, "deployments");
        (void)document_enter_element(reader, index);
        json = deployment;
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

/* serviceName; of a service revision the end of serviceArn, of what update-service takes `service`. */
static char *service_name(struct document_reader *reader, const cJSON *json)
{
    const char *member = document_member(json, "serviceArn") ? "serviceArn" : "service";
    const char *arn = cJSON_GetStringValue(document_member(json, member));
    const char *slash = arn ? strrchr(arn, '/') : NULL;
    const char *name = slash ? slash + 1 : arn;

    if (document_member(json, "serviceName") || !name) {
        name = document_name_service(reader, json, "serviceName", true);
        return name ? document_copy(reader, name) : NULL;
    }
    if (document_name_is_service(name))
        return document_copy(reader, name);
    document_error(reader, member, arn, "the name of a service, or an ARN that ends with it");
    return NULL;
}

static void parse_service_element(struct document_reader *reader, const cJSON *json,
                                  const struct elements *elements, struct document *document)
{
    static const char *const known[] = {
        "serviceName", "taskDefinition", BLOCK, "cluster", "desiredCount", "launchType", "loadBalancers",
        "serviceRegistries", "networkConfiguration", "capacityProviderStrategy", "clientToken",
        "platformVersion", "role", "deploymentConfiguration", "deploymentController", "placementConstraints",
        "placementStrategy", "healthCheckGracePeriodSeconds", "schedulingStrategy", "tags",
        "enableECSManagedTags", "enableExecuteCommand", "propagateTags", "availabilityZoneRebalancing",
        "volumeConfigurations", "vpcLatticeConfigurations", "service", "forceNewDeployment",
        /* of what describe-services and describe-service-revisions print */
        "serviceArn", "clusterArn", "status", "runningCount", "pendingCount", "platformFamily", "taskSets",
        "deployments", "roleArn", "events", "createdAt", "updatedAt", "createdBy", "currentServiceDeployment",
        "currentServiceRevisions", "resourceManagementType", "serviceRevisionArn", "containerImages",
        "guardDutyEnabled", "fargateEphemeralStorage", "resolvedConfiguration", "ecsManagedResources", NULL};
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_(task_definition_done) struct task_definition inlined = {0};
    const cJSON *given = document_member(json, "taskDefinition");
    const struct task_definition *definition = NULL;
    const char *definition_name = NULL;
    bool is_other;
    size_t index;

    document->name = service_name(reader, json);
    settings_warn_unknown(reader, json, known);
    if (!given)
        given = document_member(primary_deployment(json, &index), "taskDefinition");
    if (cJSON_IsObject(given)) {
        size_t mark = document_enter(reader, "taskDefinition");

        task_definition_parse(reader, given, false, &inlined);
        document_leave(reader, mark);
        definition = &inlined;
    } else if (given && !cJSON_IsString(given)) {
        document_error(reader, "taskDefinition", "(neither)", "a name, an ARN, or the object itself");
    } else if (given) {
        struct element *found = elements_find_family(elements, given->valuestring, &is_other);

        if (found && is_other)
            document_warn(reader, "taskDefinition",
                          "\"%.80s\" is not in this source: its revision %u is taken", given->valuestring,
                          found->definition.revision);
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
                           "containerDefinitions, " BLOCK "), {namespace, routes}, or what describe-services "
                           "and describe-task-definition print");
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

static void parse_elements(struct document_reader *reader, const struct elements *elements,
                           struct document_list *list)
{
    list->items = document_allocate(reader, elements->n, sizeof(list->items[0]));
    for (size_t i = 0; list->items && i < elements->n; i++) {
        size_t mark = element_enter(reader, elements, &elements->items[i]);

        parse_element(reader, elements, i, list);
        document_leave(reader, mark);
    }
    for (size_t i = 0; i < elements->n; i++) {
        const struct element *element = &elements->items[i];
        size_t mark = element_enter(reader, elements, element);

        if (element->kind == ELEMENT_TASK_DEFINITION && !element->is_referred_to &&
            !document_member(element->json, BLOCK))
            document_warn(reader, "",
                          "a task definition without " BLOCK
                          " that no service of this source names: nothing is published");
        document_leave(reader, mark);
    }
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
        elements_read(&reader, json, &elements);
        parse_elements(&reader, &elements, &parsed);
        if (reader.status == 0)
            unique_names_check(&reader, &parsed);
    }
    if (reader.status < 0)
        return reader.status;
    return reader.n_errors > 0 ? -EINVAL : move(list, &parsed);
}

void document_namespaces_done(struct document_namespaces *namespaces)
{
    for (size_t i = 0; i < namespaces->n; i++) {
        free(namespaces->items[i].reference);
        free(namespaces->items[i].name);
    }
    free(namespaces->items);
    *namespaces = (struct document_namespaces){0};
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
