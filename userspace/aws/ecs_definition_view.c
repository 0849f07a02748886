/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A task definition as ECS shows it: what was registered, without members that the model does not have, and
 * with what ECS fills in where nothing was said. What is kept stays as it was given.
 */
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/ecs_shapes.h"
#include "aws/ecs_views.h"

static bool is_text(const cJSON *object, const char *name, const char *text)
{
    const char *found = cJSON_GetStringValue(aws_member(object, name));

    return found && strcmp(found, text) == 0;
}

static void fill_list(cJSON *object, const char *name)
{
    if (!aws_member(object, name)) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, name);
        (void)cJSON_AddArrayToObject(object, name);
    }
}

/* On a network of the task's own, or the host's, a port is what it is; else one is drawn for it. */
static void fill_mapping(cJSON *mapping, bool is_direct)
{
    const cJSON *port = aws_member(mapping, "containerPort");

    if (port && !aws_member(mapping, "hostPort"))
        (void)cJSON_AddNumberToObject(mapping, "hostPort", is_direct ? port->valuedouble : 0);
    if (!aws_member(mapping, "protocol"))
        (void)cJSON_AddStringToObject(mapping, "protocol", "tcp");
}

static void fill_container(cJSON *container, bool is_direct)
{
    static const char *const lists[] = {"portMappings", "environment",    "mountPoints",
                                        "volumesFrom",  "systemControls", NULL};
    cJSON *mapping;

    if (!aws_member(container, "cpu"))
        (void)cJSON_AddNumberToObject(container, "cpu", 0);
    if (!aws_member(container, "essential"))
        (void)cJSON_AddTrueToObject(container, "essential");
    for (size_t i = 0; lists[i]; i++)
        fill_list(container, lists[i]);
    cJSON_ArrayForEach (mapping, cJSON_GetObjectItemCaseSensitive(container, "portMappings"))
        fill_mapping(mapping, is_direct);
}

static bool requires(const cJSON *view, const char *what)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, aws_member(view, "requiresCompatibilities"))
        if (strcmp(item->valuestring, what) == 0)
            return true;
    return false;
}

/* What it could run on: Fargate wants a network of its own and both sizes. */
static void add_compatibilities(cJSON *view)
{
    static const char *const others[] = {"EXTERNAL", "MANAGED_INSTANCES"};
    cJSON *list = cJSON_AddArrayToObject(view, "compatibilities");

    (void)cJSON_AddItemToArray(list, cJSON_CreateString("EC2"));
    if (is_text(view, "networkMode", "awsvpc") &&
        (requires(view, "FARGATE") || (aws_member(view, "cpu") && aws_member(view, "memory"))))
        (void)cJSON_AddItemToArray(list, cJSON_CreateString("FARGATE"));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (requires(view, others[i]))
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(others[i]));
}

cJSON *ecs_definition_view(const char *name, const cJSON *kept, const char *region)
{
    static const char *const own[] = {"revision",       "status",       "registeredAt",
                                      "deregisteredAt", "registeredBy", "deleteRequestedAt"};
    cJSON *view = aws_shape_copy(kept, ecs_register_task_definition);
    bool is_direct = is_text(view, "networkMode", "awsvpc") || is_text(view, "networkMode", "host");
    char arn[ECS_ARN_SIZE];
    cJSON *container;

    cJSON_DeleteItemFromObjectCaseSensitive(view, "tags");
    (void)cJSON_AddStringToObject(view, "taskDefinitionArn", ecs_arn(region, "task-definition", name, arn));
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        aws_copy_member(view, kept, own[i]);
    fill_list(view, "volumes");
    fill_list(view, "placementConstraints");
    cJSON_ArrayForEach (container, cJSON_GetObjectItemCaseSensitive(view, "containerDefinitions"))
        fill_container(container, is_direct);
    add_compatibilities(view);
    (void)cJSON_AddArrayToObject(view, "requiresAttributes");
    return view;
}
