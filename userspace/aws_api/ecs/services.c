/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes of ECS's services: documents that are applied and withdrawn. No container is started. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "apply/apply.h"
#include "aws_api/ecs/ecs.h"
#include "aws_api/call/probed.h"

#define BLOCK "serviceConnectConfiguration"

static void services_replace(cJSON *object, const char *name, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)cJSON_AddItemToObject(object, name, item);
}

/* ---- applying ---- */

/* The first finding that is an error, or else what applying has failed with. */
static int first_error(struct aws_call *call, const struct findings *findings, int r,
                       const struct error *error)
{
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == FINDING_ERROR)
            return aws_invalid(call->error, "%s", findings->items[i].error.message);
    return aws_fail_as(call->error, r, error);
}

/* Has the namespace a service of that name of another cluster, by this API? */
static bool services_is_taken(struct aws_call *call, const char *namespace_name, const char *cluster,
                              const char *name)
{
    const struct model_namespace *parent = aws_namespace_named(call, namespace_name);
    const struct stored_document *stored = parent ? catalog_document(parent, name) : NULL;
    cJSON *document = NULL;
    bool is_own = stored && ecs_is_service(stored, cluster, &document);

    cJSON_Delete(document);
    return stored && !is_own &&
           strncmp(stored->source, APPLY_SOURCE_OF_ECS, strlen(APPLY_SOURCE_OF_ECS)) == 0;
}

/* The services that the document has published, by now. */
static int check_published(struct aws_call *call, const char *namespace_name, const char *document)
{
    const struct model_namespace *parent = aws_namespace_named(call, namespace_name);
    int r = 0;

    for (const struct service *service = parent ? parent->services : NULL; service && r == 0;
         service = service->hh.next)
        if (service->document && strcmp(service->document, document) == 0)
            r = aws_check_probed(call, service);
    return r;
}

/* The source is the service's own, so that a document that moves to another namespace leaves the old one. */
static int apply_document(struct aws_call *call, const char *cluster, const char *name, const cJSON *document,
                          const char *namespace_name)
{
    struct documents_options options = apply_options(namespace_name, SETTINGS_RIGHTS_NONE);
    _cleanup_(document_list_done) struct document_list list = {0};
    _cleanup_(findings_done) struct findings findings = {0};
    _cleanup_free_ char *text = cJSON_PrintUnformatted(document);
    char source[2 * ECS_NAME_MAX + 16];
    struct apply_request request = {.documents = &list, .owned_source = source};
    char stored[ECS_STORED_SIZE];
    struct error error = {0};
    int r = text ? 0 : -ENOMEM;

    (void)snprintf(source, sizeof(source), APPLY_SOURCE_OF_ECS "%s/%s", cluster, name);
    if (r == 0)
        r = documents_parse(source, text, strlen(text), &options, &list, &findings);
    if (r == 0 && services_is_taken(call, namespace_name, cluster, name)) {
        (void)snprintf(stored, sizeof(stored), "%s.%s", cluster, name);
        free(list.items[0].name);
        list.items[0].name = strdup(stored);
        r = list.items[0].name ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = apply_in(call->transaction, &request, &findings, &error);
    return r < 0 ? first_error(call, &findings, r, &error)
                 : check_published(call, namespace_name, list.items[0].name);
}

/* The block as the request has it, with the namespace found; what it is written as stays, and is shown so. */
static int set_block(struct aws_call *call, cJSON *document, const char *cluster, const char **ret_namespace)
{
    const struct model_namespace *parent;
    const cJSON *block = NULL;
    const cJSON *enabled;
    const char *text = NULL;
    int r = aws_get_object(document, BLOCK, AWS_OPTIONAL, &block, call->error);

    parent = ecs_cluster_namespace(call, cluster);
    *ret_namespace = parent               ? parent->name
                     : aws_is_bound(call) ? call->who->namespace_name
                                          : ECS_DEFAULT_NAME;
    if (r < 0 || !block)
        return r;
    enabled = aws_member(block, "enabled");
    if (!cJSON_IsBool(enabled))
        return aws_invalid(call->error, BLOCK ".enabled: required: true or false.");
    r = aws_get_text(block, "namespace", AWS_OPTIONAL, 0, 1024, &text, call->error);
    if (r == 0 && text && *text)
        r = ecs_check_namespace(BLOCK ".namespace", text, call->error);
    if (r < 0 || !text || !*text)
        return r;
    parent = ecs_namespace(call, text);
    if (!parent) {
        r = aws_permit(call, text);
        return r < 0 ? r
                     : aws_fail(call->error, "NamespaceNotFoundException", "There is no namespace %.300s.",
                                text);
    }
    *ret_namespace = parent->name;
    return 0;
}

static bool has_mapping(const cJSON *definition, const char *name)
{
    const cJSON *container;
    const cJSON *mapping;

    cJSON_ArrayForEach (container, aws_member(definition, "containerDefinitions"))
        cJSON_ArrayForEach (mapping, aws_member(container, "portMappings")) {
            const cJSON *own = aws_member(mapping, "name");

            if (cJSON_IsString(own) && strcmp(own->valuestring, name) == 0)
                return true;
        }
    return false;
}

/* Stricter than `apply`, which binds a strange name to the only mapping: ECS does not. */
static int check_port_names(struct aws_call *call, const cJSON *document)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, aws_member(aws_member(document, BLOCK), "services")) {
        const cJSON *name = aws_member(item, "portName");

        if (cJSON_IsString(name) && !has_mapping(aws_member(document, "taskDefinition"), name->valuestring))
            return aws_invalid(call->error,
                               "portName: no port mapping of the task definition has the name \"%.64s\".",
                               name->valuestring);
    }
    return 0;
}

/* The whole definition stands in the document: it stays what it is when the definition is deregistered. */
static int set_definition(struct aws_call *call, cJSON *document, bool is_required)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *record = NULL;
    const char *text = NULL;
    int r = aws_get_text(call->body, "taskDefinition", is_required, 1, ECS_ARN_SIZE, &text, call->error);

    if (r < 0 || !text)
        return r;
    r = ecs_find_definition(call, text, &record, &kept);
    if (r < 0)
        return r;
    if (strcmp(aws_member(kept, "status")->valuestring, "ACTIVE") != 0)
        return aws_fail(call->error, "ClientException", "The task definition %s is inactive.", record->name);
    cJSON_DeleteItemFromObjectCaseSensitive(kept, AWS_OWNER);
    services_replace(document, "taskDefinition", TAKE_PTR(kept));
    return 0;
}

static int check_count(struct aws_call *call)
{
    int64_t n;

    return aws_get_integer(call->body, "desiredCount", AWS_OPTIONAL, 0, INT32_MAX, &n, call->error);
}

static int check_launch(struct aws_call *call)
{
    const cJSON *strategy = aws_member(call->body, "capacityProviderStrategy");

    if (strategy && strategy->child && aws_member(call->body, "launchType"))
        return aws_invalid(call->error, "launchType and capacityProviderStrategy: one of them, not both.");
    return 0;
}

/* What was stored, as the answer. */
static int answer_service(struct aws_call *call, const char *cluster, const char *name)
{
    _cleanup_(ecs_service_done) struct ecs_service service = {0};

    if (ecs_lookup_service(call, cluster, name, &service) < 0)
        return aws_fail(call->error, AWS_INTERNAL, "The service %s is gone.", name);
    (void)cJSON_AddItemToObject(call->answer, "service", ecs_view(call, &service, "ACTIVE", true));
    return 0;
}

static void set_times(struct aws_call *call, cJSON *document, bool is_new)
{
    if (is_new)
        services_replace(document, "createdAt", cJSON_CreateNumber(aws_time(call->now_ms)));
    services_replace(document, "updatedAt", cJSON_CreateNumber(aws_time(call->now_ms)));
}

/* Again with the same clientToken it is the same request. */
static int aws_api_services_already_there(struct aws_call *call, const struct ecs_service *service)
{
    const cJSON *known = aws_member(service->document, "clientToken");
    const cJSON *given = aws_member(call->body, "clientToken");

    if (!cJSON_IsString(known) || !cJSON_IsString(given) ||
        strcmp(known->valuestring, given->valuestring) != 0)
        return aws_invalid(call->error,
                           "Creation of service was not idempotent: there is a service %s already.",
                           service->stored->name);
    (void)cJSON_AddItemToObject(call->answer, "service", ecs_view(call, service, "ACTIVE", true));
    return 0;
}

/* Documents are by name in a namespace; one of another cluster, or that `apply` brought, is not replaced. */
static int check_free(struct aws_call *call, const char *namespace_name, const char *cluster,
                      const char *name)
{
    const struct model_namespace *parent = aws_namespace_named(call, namespace_name);
    const struct stored_document *stored = parent ? catalog_document(parent, name) : NULL;
    cJSON *document = NULL;

    if (!stored || (services_is_taken(call, namespace_name, cluster, name) &&
                    strlen(cluster) + strlen(name) < ECS_NAME_MAX))
        return 0;
    if (ecs_is_service(stored, cluster, &document)) {
        cJSON_Delete(document);
        return 0;
    }
    return aws_invalid(call->error, "serviceName: the namespace %.300s has a service %s of another cluster.",
                       namespace_name, name);
}

int aws_EcsCreateService(struct aws_call *call)
{
    _cleanup_(ecs_service_done) struct ecs_service known = {0};
    _cleanup_json_ cJSON *document = NULL;
    const char *cluster = NULL;
    const char *name = NULL;
    const char *namespace_name = NULL;
    const cJSON *tags = NULL;
    int r = ecs_get_name(call->body, "serviceName", "service", NULL, &name, call->error);

    if (r == 0)
        r = ecs_find_cluster(call, &cluster);
    if (r == 0)
        r = check_count(call);
    if (r == 0)
        r = check_launch(call);
    if (r == 0)
        r = ecs_get_tags(call->body, &tags, call->error);
    if (r < 0)
        return r;
    if (ecs_lookup_service(call, cluster, name, &known) == 0)
        return aws_api_services_already_there(call, &known);
    if (ecs_is_anothers(call, cluster, name))
        return aws_fail(call->error, AWS_ACCESS_DENIED,
                        "The key %.64s (%.64s) may not have a service %s in the cluster %s: choose another "
                        "name.",
                        call->who->access_key_id, call->who->name, name, cluster);
    document = cJSON_Duplicate(call->body, true);
    services_replace(document, "cluster", cJSON_CreateString(cluster));
    r = set_definition(call, document, AWS_REQUIRED);
    if (r == 0)
        r = check_port_names(call, document);
    if (r == 0)
        r = set_block(call, document, cluster, &namespace_name);
    if (r == 0)
        r = aws_permit(call, namespace_name);
    if (r == 0)
        r = check_free(call, namespace_name, cluster, name);
    if (r < 0)
        return r;
    set_times(call, document, true);
    r = ecs_forget_ended(call, cluster, name);
    if (r == 0)
        r = ecs_note_deployment(call, cluster, namespace_name, NULL, document);
    if (r == 0)
        r = apply_document(call, cluster, name, document, namespace_name);
    return r < 0 ? r : answer_service(call, cluster, name);
}

/* By "cluster" and "service". */
static int services_find(struct aws_call *call, const char **ret_cluster, struct ecs_service *ret_service)
{
    _cleanup_json_ cJSON *ended = NULL;
    const char *name = NULL;
    int r = ecs_find_cluster(call, ret_cluster);

    if (r == 0)
        r = ecs_get_service(call, *ret_cluster, &name);
    if (r < 0)
        return r;
    if (ecs_lookup_service(call, *ret_cluster, name, ret_service) < 0 &&
        (ended = ecs_ended_service(call, *ret_cluster, name)))
        return aws_fail(call->error, "ServiceNotActiveException", "The service %s is INACTIVE.", name);
    if (!ret_service->document)
        return aws_fail(call->error, "ServiceNotFoundException", "The cluster %s has no service %s.",
                        *ret_cluster, name);
    return 0;
}

int aws_EcsUpdateService(struct aws_call *call)
{
    static const char *const members[] = {"desiredCount",
                                          "capacityProviderStrategy",
                                          "deploymentConfiguration",
                                          "availabilityZoneRebalancing",
                                          "networkConfiguration",
                                          "placementConstraints",
                                          "placementStrategy",
                                          "platformVersion",
                                          "healthCheckGracePeriodSeconds",
                                          "deploymentController",
                                          "enableExecuteCommand",
                                          "enableECSManagedTags",
                                          "loadBalancers",
                                          "propagateTags",
                                          "serviceRegistries",
                                          BLOCK,
                                          "volumeConfigurations",
                                          "vpcLatticeConfigurations"};
    _cleanup_(ecs_service_done) struct ecs_service known = {0};
    _cleanup_(ecs_service_done) struct ecs_service service = {0};
    _cleanup_free_ char *name = NULL;
    const char *cluster = NULL;
    const char *namespace_name = NULL;
    int r = check_count(call);

    if (r == 0)
        r = services_find(call, &cluster, &service);
    if (r == 0)
        known = (struct ecs_service){service.parent, service.stored, cJSON_Duplicate(service.document, true)};
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
        if (aws_member(call->body, members[i]))
            services_replace(service.document, members[i],
                             cJSON_Duplicate(aws_member(call->body, members[i]), true));
    if (r == 0)
        r = set_definition(call, service.document, AWS_OPTIONAL);
    if (r == 0)
        r = check_port_names(call, service.document);
    if (r == 0)
        r = set_block(call, service.document, cluster, &namespace_name);
    if (r == 0)
        r = aws_permit(call, namespace_name);
    if (r == 0)
        r = check_free(call, namespace_name, cluster, ecs_service_name(&service));
    if (r < 0)
        return r;
    set_times(call, service.document, false);
    r = ecs_note_deployment(call, cluster, namespace_name, &known, service.document);
    if (r < 0)
        return r;
    name = strdup(ecs_service_name(&service)); /* what is stored is about to be replaced */
    r = name ? apply_document(call, cluster, name, service.document, namespace_name)
             : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    return r < 0 ? r : answer_service(call, cluster, name);
}

int aws_EcsDeleteService(struct aws_call *call)
{
    _cleanup_(ecs_service_done) struct ecs_service service = {0};
    const cJSON *desired;
    const char *cluster = NULL;
    bool is_forced = false;
    struct error error = {0};
    int r = aws_get_bool(call->body, "force", &is_forced, call->error);

    if (r == 0)
        r = services_find(call, &cluster, &service);
    if (r < 0)
        return r;
    desired = aws_member(service.document, "desiredCount");
    if (!is_forced && (cJSON_IsNumber(desired) ? desired->valuedouble : 1) > 0)
        return aws_invalid(
            call->error, "The service %s cannot be deleted while its desiredCount is above 0, unless forced.",
            service.stored->name);
    (void)cJSON_AddItemToObject(call->answer, "service", ecs_view(call, &service, "DRAINING", true));
    r = ecs_end_service(call, cluster, &service);
    if (r == 0)
        r = ecs_note_event(call, cluster, &service, "was deleted: its names are withdrawn.");
    if (r < 0)
        return r;
    r = apply_removal(call->transaction, service.parent, service.stored, &error);
    return r < 0 ? aws_fail_as(call->error, r, &error) : 0;
}
