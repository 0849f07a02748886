/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tags of namespaces and services, and the attributes that a service itself may have. */
#include <errno.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/call/calls.h"
#include "model/catalog_aws.h"

/* What an ARN names: one of the two. */
struct resource {
    struct model_namespace *parent;
    struct service *service;
    const char *arn;
    cJSON *kept;
};

static void resource_done(struct resource *resource)
{
    cJSON_Delete(resource->kept);
}

static int find_resource(struct aws_call *call, struct resource *ret)
{
    int r = aws_get_text(call->body, "ResourceARN", AWS_REQUIRED, 1, 1011, &ret->arn, call->error);

    if (r < 0)
        return r;
    r = aws_find_resource(call, ret->arn, &ret->parent, &ret->service);
    if (r < 0)
        return r;
    ret->kept = ret->service ? aws_service_kept(ret->service) : cloud_map_kept(ret->parent->aws);
    if (!aws_member(ret->kept, "id"))
        (void)cJSON_AddStringToObject(ret->kept, "id", ret->service ? ret->service->id : ret->parent->id);
    return 0;
}

static int put_resource(struct aws_call *call, const struct resource *resource)
{
    return resource->service ? aws_put_service(call, resource->service,
                                               service_get_settings(resource->service), resource->kept)
                             : aws_put_namespace(call, resource->parent->name, resource->kept);
}

static void tags_replace(cJSON *object, const char *name, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)cJSON_AddItemToObject(object, name, item);
}

int aws_TagResource(struct aws_call *call)
{
    _cleanup_(resource_done) struct resource resource = {0};
    const cJSON *tags = NULL;
    cJSON *merged;
    int r = cloud_map_get_tags(call->body, AWS_REQUIRED, &tags, call->error);

    if (r == 0)
        r = find_resource(call, &resource);
    if (r < 0)
        return r;
    merged = cloud_map_merge_tags(aws_member(resource.kept, "Tags"), tags, resource.arn, call->error);
    if (!merged)
        return -EINVAL;
    tags_replace(resource.kept, "Tags", merged);
    return put_resource(call, &resource);
}

static bool tags_is_in(const cJSON *list, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list)
        if (strcmp(item->valuestring, text) == 0)
            return true;
    return false;
}

int aws_UntagResource(struct aws_call *call)
{
    _cleanup_(resource_done) struct resource resource = {0};
    const cJSON *keys = NULL;
    const cJSON *tag;
    cJSON *left;
    int r = aws_get_list(call->body, "TagKeys", AWS_REQUIRED, 200, 128, &keys, call->error);

    if (r == 0)
        r = find_resource(call, &resource);
    if (r < 0)
        return r;
    left = cJSON_CreateArray();
    cJSON_ArrayForEach (tag, aws_member(resource.kept, "Tags"))
        if (!tags_is_in(keys, aws_member(tag, "Key")->valuestring))
            (void)cJSON_AddItemToArray(left, cJSON_Duplicate(tag, true));
    tags_replace(resource.kept, "Tags", left);
    return put_resource(call, &resource);
}

int aws_ListTagsForResource(struct aws_call *call)
{
    _cleanup_(resource_done) struct resource resource = {0};
    int r = find_resource(call, &resource);

    if (r < 0)
        return r;
    aws_copy_member(call->answer, resource.kept, "Tags");
    if (!aws_member(call->answer, "Tags"))
        (void)cJSON_AddArrayToObject(call->answer, "Tags");
    return 0;
}

/* ---- a service's own attributes ---- */

int aws_GetServiceAttributes(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    struct service *service = NULL;
    char arn[CLOUD_MAP_ARN_SIZE];
    cJSON *view;
    int r = aws_find_service(call, "ServiceId", &service);

    if (r < 0)
        return r;
    kept = cloud_map_kept(service->aws);
    view = cJSON_AddObjectToObject(call->answer, "ServiceAttributes");
    (void)cJSON_AddStringToObject(view, "ServiceArn",
                                  cloud_map_arn(call->region, "service", service->id, arn));
    (void)cJSON_AddStringToObject(view, "ResourceOwner", CLOUD_MAP_ACCOUNT);
    aws_copy_member(view, kept, "Attributes");
    if (!aws_member(view, "Attributes"))
        (void)cJSON_AddObjectToObject(view, "Attributes");
    return 0;
}

/* The service with its attributes ready to be changed. */
static int begin_attributes(struct aws_call *call, struct resource *resource, cJSON **ret_attributes)
{
    int r = aws_find_service(call, "ServiceId", &resource->service);

    if (r < 0)
        return r;
    resource->kept = aws_service_kept(resource->service);
    if (!aws_member(resource->kept, "Attributes"))
        (void)cJSON_AddObjectToObject(resource->kept, "Attributes");
    *ret_attributes = cJSON_GetObjectItemCaseSensitive(resource->kept, "Attributes");
    return 0;
}

int aws_UpdateServiceAttributes(struct aws_call *call)
{
    _cleanup_(resource_done) struct resource resource = {0};
    const cJSON *change = NULL;
    const cJSON *item;
    cJSON *attributes = NULL;
    int r = aws_get_object(call->body, "Attributes", AWS_REQUIRED, &change, call->error);

    if (r == 0)
        r = cloud_map_check_service_attributes(change, call->error);
    if (r == 0)
        r = begin_attributes(call, &resource, &attributes);
    if (r < 0)
        return r;
    cJSON_ArrayForEach (item, change)
        tags_replace(attributes, item->string, cJSON_CreateString(item->valuestring));
    r = cloud_map_check_service_attributes(attributes, call->error);
    return r < 0 ? r : put_resource(call, &resource);
}

int aws_DeleteServiceAttributes(struct aws_call *call)
{
    _cleanup_(resource_done) struct resource resource = {0};
    const cJSON *keys = NULL;
    const cJSON *item;
    cJSON *attributes = NULL;
    int r = aws_get_list(call->body, "Attributes", AWS_REQUIRED, 30, 255, &keys, call->error);

    if (r == 0)
        r = begin_attributes(call, &resource, &attributes);
    if (r < 0)
        return r;
    cJSON_ArrayForEach (item, keys)
        cJSON_DeleteItemFromObjectCaseSensitive(attributes, item->valuestring);
    return put_resource(call, &resource);
}
