/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ECS's services as they are shown and listed. What runs of one is what has been registered for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"
#include "aws_api/ecs/happenings.h"
#include "aws_api/ecs/rollout.h"

#define MAX_NAMED  10 /* of a DescribeServices */
#define USUAL_PAGE 10

/* {discoveryName, discoveryArn} of what the document publishes. */
static cJSON *resources_of(const struct aws_call *call, const struct model_namespace *parent,
                           const char *name)
{
    cJSON *list = cJSON_CreateArray();
    char arn[CLOUD_MAP_ARN_SIZE];

    for (const struct service *service = parent->services; service; service = service->hh.next) {
        cJSON *item;

        if (!service->document || strcmp(service->document, name) != 0)
            continue;
        item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "discoveryName", service->name);
        (void)cJSON_AddStringToObject(item, "discoveryArn",
                                      cloud_map_arn(call->region, "service", service->id, arn));
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

/* Of the latest deployment, the first that is shown. */
static void show_rollout(const struct ecs_service *service, cJSON *view)
{
    cJSON *latest = cJSON_GetObjectItemCaseSensitive(view, "deployments")->child;
    const cJSON *created = aws_member(latest, "createdAt");
    struct rollout rollout;

    rollout_find(service->parent, service->stored->name, cJSON_IsNumber(created) ? created->valuedouble : 0,
                 &rollout);
    rollout_show(&rollout, latest);
}

cJSON *ecs_view(struct aws_call *call, const struct ecs_service *service, const char *status, bool with_tags)
{
    const cJSON *cluster = aws_member(service->document, "cluster");
    cJSON *view =
        ecs_service_view(service->document, status, ecs_running(service->parent, service->stored->name),
                         resources_of(call, service->parent, service->stored->name), with_tags, call->region);

    ecs_show_history(call, cJSON_IsString(cluster) ? ecs_last_part(cluster->valuestring) : ECS_DEFAULT_NAME,
                     service->parent->name, service->document, view);
    show_rollout(service, view);
    ecs_happenings_show(call->happenings, service->parent->name, service->stored->name,
                        ecs_service_name(service), cJSON_GetObjectItemCaseSensitive(view, "events"));
    return view;
}

int aws_DescribeServices(struct aws_call *call)
{
    const cJSON *names = NULL;
    const cJSON *include = NULL;
    const cJSON *item;
    const char *cluster = NULL;
    cJSON *services, *failures;
    int r = aws_get_list(call->body, "services", AWS_REQUIRED, MAX_NAMED, ECS_ARN_SIZE, &names, call->error);

    if (r == 0)
        r = aws_get_list(call->body, "include", AWS_OPTIONAL, 10, 32, &include, call->error);
    if (r == 0)
        r = ecs_find_cluster(call, &cluster);
    if (r == 0 && !names->child)
        r = aws_invalid(call->error, "services: at least one is wanted.");
    if (r < 0)
        return r;
    services = cJSON_AddArrayToObject(call->answer, "services");
    failures = cJSON_AddArrayToObject(call->answer, "failures");
    cJSON_ArrayForEach (item, names) {
        _cleanup_(ecs_service_done) struct ecs_service service = {0};
        char path[2 * ECS_NAME_MAX + 2];
        _cleanup_json_ cJSON *ended = NULL;
        char arn[ECS_ARN_SIZE];
        cJSON *failure;

        r = ecs_check_arn(call, item->valuestring, "service", cluster);
        if (r < 0)
            return r;
        if (ecs_lookup_service(call, cluster, ecs_last_part(item->valuestring), &service) == 0) {
            (void)cJSON_AddItemToArray(services,
                                       ecs_view(call, &service, "ACTIVE", ecs_is_included(include, "TAGS")));
            continue;
        }
        ended = ecs_ended_service(call, cluster, ecs_last_part(item->valuestring));
        if (ended) {
            (void)cJSON_AddItemToArray(services,
                                       ecs_ended_view(call, ended, ecs_is_included(include, "TAGS")));
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%.*s", cluster, ECS_NAME_MAX,
                       ecs_last_part(item->valuestring));
        failure = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(failure, "arn", ecs_arn(call->region, "service", path, arn));
        (void)cJSON_AddStringToObject(failure, "reason", "MISSING");
        (void)cJSON_AddItemToArray(failures, failure);
    }
    return 0;
}

/* Keys "CLUSTER/NAME" of the services of one namespace that are of the cluster (NULL: of any) and fit. */
static int service_views_collect(struct aws_call *call, const struct model_namespace *parent,
                                 const char *cluster, char ***keys, size_t *n)
{
    const cJSON *launch = aws_member(call->body, "launchType");
    const cJSON *scheduling = aws_member(call->body, "schedulingStrategy");

    for (const struct stored_document *stored = parent->documents; stored; stored = stored->hh.next) {
        _cleanup_json_ cJSON *document = NULL;
        const cJSON *own;
        const char *cluster_name;
        char **larger;

        if (!ecs_is_service(stored, cluster, &document))
            continue;
        own = aws_member(document, "launchType");
        if (cJSON_IsString(launch) &&
            strcmp(launch->valuestring, cJSON_IsString(own) ? own->valuestring : "EC2") != 0)
            continue;
        own = aws_member(document, "schedulingStrategy");
        if (cJSON_IsString(scheduling) &&
            strcmp(scheduling->valuestring, cJSON_IsString(own) ? own->valuestring : "REPLICA") != 0)
            continue;
        own = aws_member(document, "cluster");
        cluster_name = cJSON_IsString(own) ? ecs_last_part(own->valuestring) : ECS_DEFAULT_NAME;
        larger = reallocarray(*keys, *n + 1, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        *keys = larger;
        if (asprintf(&larger[*n], "%s/%s", cluster_name, aws_member(document, "serviceName")->valuestring) <
            0)
            return -ENOMEM;
        (*n)++;
    }
    return 0;
}

static int list_services(struct aws_call *call, const struct model_namespace *only, const char *cluster,
                         const struct aws_page *page)
{
    const struct model_namespace *parent = only;
    cJSON *arns = cJSON_AddArrayToObject(call->answer, "serviceArns");
    char **keys = NULL;
    size_t begin = 0, end = 0;
    size_t n = 0;
    int r = 0;

    call->entered |= AWS_OF_ECS_SERVICE;
    while (r == 0 && (parent = only ? only : aws_next_namespace(call, parent))) {
        r = service_views_collect(call, parent, cluster, &keys, &n);
        if (only)
            break;
    }
    if (n > 0)
        aws_page_cut(page, (const char **)keys, n, &begin, &end, call->answer, "nextToken");
    for (size_t i = begin; i < end; i++) {
        char arn[ECS_ARN_SIZE];

        (void)cJSON_AddItemToArray(arns, cJSON_CreateString(ecs_arn(call->region, "service", keys[i], arn)));
    }
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    free(keys);
    return r < 0 ? aws_fail(call->error, AWS_INTERNAL, "out of memory") : 0;
}

int aws_EcsListServices(struct aws_call *call)
{
    struct aws_page page;
    const char *cluster = NULL;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, USUAL_PAGE, &page);

    if (r == 0)
        r = ecs_find_cluster(call, &cluster);
    return r < 0 ? r : list_services(call, NULL, cluster, &page);
}

int aws_ListServicesByNamespace(struct aws_call *call)
{
    const struct model_namespace *parent;
    struct aws_page page;
    const char *text = NULL;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, USUAL_PAGE, &page);

    if (r == 0)
        r = aws_get_text(call->body, "namespace", AWS_REQUIRED, 1, 1024, &text, call->error);
    if (r < 0)
        return r;
    parent = ecs_namespace(call, text);
    if (!parent) {
        r = aws_permit(call, text);
        return r < 0 ? r
                     : aws_fail(call->error, "NamespaceNotFoundException", "There is no namespace %.300s.",
                                text);
    }
    return list_services(call, parent, NULL, &page);
}
