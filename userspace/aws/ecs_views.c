/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/ecs_views.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_fields.h"
#include "base/number.h"

const char *ecs_arn(const char *region, const char *kind, const char *name, char arn[static ECS_ARN_SIZE])
{
    (void)snprintf(arn, ECS_ARN_SIZE, "arn:aws:ecs:%s:" CLOUD_MAP_ACCOUNT ":%s/%s", region, kind, name);
    return arn;
}

const char *ecs_last_part(const char *text)
{
    const char *slash = strrchr(text, '/');

    return slash ? slash + 1 : text;
}

static bool ecs_views_is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return n >= 1 && n <= ECS_NAME_MAX && name[n] == '\0';
}

int ecs_get_name(const cJSON *body, const char *member, const char *kind, const char *usual,
                 const char **ret_name, struct aws_error *error)
{
    const char *text = NULL;
    const char *name;
    char mark[64];
    int r = aws_get_text(body, member, !usual, 0, ECS_ARN_SIZE, &text, error);

    if (r < 0)
        return r;
    name = text && *text ? text : usual;
    if (!name)
        return aws_invalid(error, "%s: it is empty.", member);
    (void)snprintf(mark, sizeof(mark), ":%s/", kind);
    if (strncmp(name, "arn:", 4) == 0 && strstr(name, mark))
        name = ecs_last_part(name);
    if (!ecs_views_is_name(name))
        return aws_invalid(error,
                           "%s: \"%.100s\" is neither 1 to %d letters, digits, _ and - nor the ARN of a %s.",
                           member, name, ECS_NAME_MAX, kind);
    *ret_name = name;
    return 0;
}

int ecs_get_tags(const cJSON *body, const cJSON **ret_tags, struct aws_error *error)
{
    const cJSON *tags = NULL;
    const cJSON *tag;
    int n = 0;
    int r = aws_get_list(body, "tags", AWS_OPTIONAL, 0, 0, &tags, error);

    cJSON_ArrayForEach (tag, tags) {
        const char *text = NULL;

        if (r == 0 && !cJSON_IsObject(tag))
            r = aws_fail(error, "SerializationException", "tags: a list of objects is wanted.");
        if (r == 0)
            r = aws_get_text(tag, "key", AWS_REQUIRED, 1, 128, &text, error);
        if (r == 0)
            r = aws_get_text(tag, "value", AWS_OPTIONAL, 0, 256, &text, error);
        if (r == 0 && ++n > CLOUD_MAP_MAX_TAGS)
            r = aws_invalid(error, "tags: at most %d are allowed.", CLOUD_MAP_MAX_TAGS);
    }
    if (r == 0)
        *ret_tags = tags;
    return r;
}

int ecs_parse_definition(const char *text, char family[static ECS_NAME_MAX + 1], unsigned *ret_revision)
{
    const char *name = strncmp(text, "arn:", 4) == 0 ? ecs_last_part(text) : text;
    size_t n = strcspn(name, ":");
    uint64_t revision = 0;

    if (n < 1 || n > ECS_NAME_MAX || (name[n] && parse_number(name + n + 1, 1, INT32_MAX, &revision) < 0))
        return -EINVAL;
    memcpy(family, name, n);
    family[n] = '\0';
    *ret_revision = (unsigned)revision;
    return ecs_views_is_name(family) ? 0 : -EINVAL;
}

/* ---- views ---- */

static void copy_or_list(cJSON *to, const cJSON *from, const char *name)
{
    if (aws_member(from, name))
        aws_copy_member(to, from, name);
    else
        (void)cJSON_AddArrayToObject(to, name);
}

cJSON *ecs_cluster_view(const char *name, const cJSON *kept, const char *default_namespace,
                        const struct ecs_counts *counts, const char *region)
{
    cJSON *view = cJSON_CreateObject();
    char arn[ECS_ARN_SIZE];

    (void)cJSON_AddStringToObject(view, "clusterArn", ecs_arn(region, "cluster", name, arn));
    (void)cJSON_AddStringToObject(view, "clusterName", name);
    aws_copy_member(view, kept, "configuration");
    (void)cJSON_AddStringToObject(view, "status", "ACTIVE");
    (void)cJSON_AddNumberToObject(view, "registeredContainerInstancesCount", 0);
    (void)cJSON_AddNumberToObject(view, "runningTasksCount", counts->running);
    (void)cJSON_AddNumberToObject(view, "pendingTasksCount", 0);
    (void)cJSON_AddNumberToObject(view, "activeServicesCount", counts->services);
    (void)cJSON_AddArrayToObject(view, "statistics");
    copy_or_list(view, kept, "tags");
    copy_or_list(view, kept, "settings");
    copy_or_list(view, kept, "capacityProviders");
    copy_or_list(view, kept, "defaultCapacityProviderStrategy");
    if (default_namespace)
        (void)cJSON_AddStringToObject(cJSON_AddObjectToObject(view, "serviceConnectDefaults"), "namespace",
                                      default_namespace);
    return view;
}

/* The definition stands in the document whole, or is named there. */
static void add_definition(cJSON *view, const cJSON *document, const char *region)
{
    const cJSON *definition = aws_member(document, "taskDefinition");
    const cJSON *family = aws_member(definition, "family");
    const cJSON *revision = aws_member(definition, "revision");
    char name[ECS_KEY_SIZE];
    char arn[ECS_ARN_SIZE];

    if (cJSON_IsString(definition)) {
        (void)snprintf(name, sizeof(name), "%s", ecs_last_part(definition->valuestring));
    } else if (cJSON_IsString(family)) {
        (void)snprintf(name, sizeof(name), "%.*s:%.0f", ECS_NAME_MAX, family->valuestring,
                       cJSON_IsNumber(revision) ? revision->valuedouble : 1);
    } else {
        return;
    }
    (void)cJSON_AddStringToObject(view, "taskDefinition", ecs_arn(region, "task-definition", name, arn));
}

static void add_number(cJSON *view, const cJSON *document, const char *name, double usual)
{
    const cJSON *item = aws_member(document, name);

    (void)cJSON_AddNumberToObject(view, name, cJSON_IsNumber(item) ? item->valuedouble : usual);
}

static void add_text(cJSON *view, const cJSON *document, const char *name, const char *usual)
{
    const cJSON *item = aws_member(document, name);

    if (cJSON_IsString(item) || usual)
        (void)cJSON_AddStringToObject(view, name, cJSON_IsString(item) ? item->valuestring : usual);
}

/* A strategy takes the launch type's place. */
static void add_launch(cJSON *view, const cJSON *document)
{
    const cJSON *strategy = aws_member(document, "capacityProviderStrategy");

    if (strategy && strategy->child)
        aws_copy_member(view, document, "capacityProviderStrategy");
    else
        add_text(view, document, "launchType", "EC2");
}

static cJSON *deployment_view(const cJSON *document, unsigned running, cJSON *resources, const char *region)
{
    cJSON *view = cJSON_CreateObject();

    const cJSON *id = aws_member(document, "deploymentId");

    (void)cJSON_AddStringToObject(view, "id", cJSON_IsString(id) ? id->valuestring : "ecs-svc/0");
    (void)cJSON_AddStringToObject(view, "status", "PRIMARY");
    add_definition(view, document, region);
    add_number(view, document, "desiredCount", 1);
    (void)cJSON_AddNumberToObject(view, "pendingCount", 0);
    (void)cJSON_AddNumberToObject(view, "runningCount", running);
    (void)cJSON_AddNumberToObject(view, "failedTasks", 0);
    aws_copy_member(view, document, "createdAt");
    aws_copy_member(view, document, "updatedAt");
    add_launch(view, document);
    aws_copy_member(view, document, "networkConfiguration");
    (void)cJSON_AddStringToObject(view, "rolloutState", "COMPLETED");
    aws_copy_member(view, document, "serviceConnectConfiguration");
    (void)cJSON_AddItemToObject(view, "serviceConnectResources", resources);
    return view;
}

cJSON *ecs_service_view(const cJSON *document, const char *status, unsigned running, cJSON *resources,
                        bool with_tags, const char *region)
{
    static const char *const lists[] = {"loadBalancers", "serviceRegistries", "placementConstraints",
                                        "placementStrategy", NULL};
    const cJSON *name = aws_member(document, "serviceName");
    const cJSON *cluster = aws_member(document, "cluster");
    const char *cluster_name =
        cJSON_IsString(cluster) ? ecs_last_part(cluster->valuestring) : ECS_DEFAULT_NAME;
    cJSON *view = cJSON_CreateObject();
    char path[2 * ECS_NAME_MAX + 2];
    char arn[ECS_ARN_SIZE];

    (void)snprintf(path, sizeof(path), "%.*s/%.*s", ECS_NAME_MAX, cluster_name, ECS_NAME_MAX,
                   name->valuestring);
    (void)cJSON_AddStringToObject(view, "serviceArn", ecs_arn(region, "service", path, arn));
    (void)cJSON_AddStringToObject(view, "serviceName", name->valuestring);
    (void)cJSON_AddStringToObject(view, "clusterArn", ecs_arn(region, "cluster", cluster_name, arn));
    (void)cJSON_AddStringToObject(view, "status", status);
    add_number(view, document, "desiredCount", 1);
    (void)cJSON_AddNumberToObject(view, "runningCount", running);
    (void)cJSON_AddNumberToObject(view, "pendingCount", 0);
    add_launch(view, document);
    add_definition(view, document, region);
    for (size_t i = 0; lists[i]; i++)
        copy_or_list(view, document, lists[i]);
    (void)cJSON_AddItemToArray(cJSON_AddArrayToObject(view, "deployments"),
                               deployment_view(document, running, resources, region));
    (void)cJSON_AddArrayToObject(view, "events");
    aws_copy_member(view, document, "createdAt");
    aws_copy_member(view, document, "platformVersion");
    aws_copy_member(view, document, "deploymentConfiguration");
    aws_copy_member(view, document, "networkConfiguration");
    aws_copy_member(view, document, "healthCheckGracePeriodSeconds");
    add_text(view, document, "schedulingStrategy", "REPLICA");
    aws_copy_member(view, document, "deploymentController");
    aws_copy_member(view, document, "availabilityZoneRebalancing");
    (void)cJSON_AddBoolToObject(view, "enableECSManagedTags",
                                cJSON_IsTrue(aws_member(document, "enableECSManagedTags")));
    (void)cJSON_AddBoolToObject(view, "enableExecuteCommand",
                                cJSON_IsTrue(aws_member(document, "enableExecuteCommand")));
    add_text(view, document, "propagateTags", "NONE");
    if (with_tags)
        copy_or_list(view, document, "tags");
    return view;
}
