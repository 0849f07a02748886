/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tags of what ECS has here: clusters, services and task definitions, by their ARNs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_fields.h"
#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"

/* What an ARN names, and the object that has its tags. */
struct tagged {
    enum aws_record_kind kind; /* of a record */
    const char *record;        /* its name; NULL: a service */
    struct ecs_service service;
    cJSON *kept; /* owned, of a record */
};

static void tagged_done(struct tagged *tagged)
{
    ecs_service_done(&tagged->service);
    cJSON_Delete(tagged->kept);
}

static cJSON *object_of(const struct tagged *tagged)
{
    return tagged->record ? tagged->kept : tagged->service.document;
}

/* Of a key for one namespace an ARN is judged before anybody looks: nobody's is refused as another's is. */
static int tags_refuse(struct aws_call *call, const char *what)
{
    int r = aws_permit(call, NULL);

    return r < 0 ? r
                 : aws_fail(call->error, "ResourceNotFoundException", "The resource %.300s is not there.",
                            what);
}

static int find_record(struct aws_call *call, enum aws_record_kind kind, const char *name,
                       struct tagged *tagged)
{
    const struct aws_record *record = aws_record(call, kind, name);

    if (!record)
        return tags_refuse(call, name);
    tagged->kind = kind;
    tagged->record = record->name;
    tagged->kept = cloud_map_kept(record->text);
    return 0;
}

static int tags_find_service(struct aws_call *call, const char *arn, struct tagged *tagged)
{
    char cluster[ECS_ARN_SIZE];
    const char *path = strstr(arn, ":service/") + strlen(":service/");
    const char *slash = strchr(path, '/');

    (void)snprintf(cluster, sizeof(cluster), "%.*s", slash ? (int)(slash - path) : 0, path);
    if (ecs_lookup_service(call, slash ? cluster : ECS_DEFAULT_NAME, ecs_last_part(arn), &tagged->service) <
        0)
        return tags_refuse(call, arn);
    return 0;
}

static int tags_find(struct aws_call *call, struct tagged *tagged)
{
    const char *arn = NULL;
    int r = aws_get_text(call->body, "resourceArn", AWS_REQUIRED, 1, ECS_ARN_SIZE, &arn, call->error);

    if (r < 0)
        return r;
    call->entered |= AWS_OF_RESOURCE;
    if (strstr(arn, ":service/") && strncmp(arn, "arn:", 4) == 0) {
        r = ecs_check_arn(call, arn, "service", NULL);
        return r < 0 ? r : tags_find_service(call, arn, tagged);
    }
    if (strncmp(arn, "arn:", 4) == 0 && strstr(arn, ":cluster/")) {
        r = ecs_check_arn(call, arn, "cluster", NULL);
        return r < 0 ? r : find_record(call, AWS_CLUSTERS, ecs_last_part(arn), tagged);
    }
    if (strncmp(arn, "arn:", 4) == 0 && strstr(arn, ":task-definition/")) {
        r = ecs_check_arn(call, arn, "task-definition", NULL);
        return r < 0 ? r : find_record(call, AWS_TASK_DEFINITIONS, ecs_last_part(arn), tagged);
    }
    return aws_invalid(
        call->error, "resourceArn: \"%.200s\" is no ARN of a cluster, a service or a task definition.", arn);
}

static int tags_put(struct aws_call *call, const struct tagged *tagged)
{
    _cleanup_free_ char *text = NULL;
    const struct stored_document *stored = tagged->service.stored;
    struct registry_row row;

    if (tagged->record)
        return aws_put_record(call, tagged->kind, tagged->record, tagged->kept);
    text = cJSON_PrintUnformatted(tagged->service.document);
    if (!text)
        return aws_fail(call->error, AWS_INTERNAL, "out of memory");
    return aws_put(
        call, row_for_document(tagged->service.parent->name, stored->name, stored->source, text, &row), &row);
}

/* The list, made if there is none. */
static cJSON *tags_of(const struct tagged *tagged)
{
    cJSON *object = object_of(tagged);
    cJSON *tags = cJSON_GetObjectItemCaseSensitive(object, "tags");

    return tags ? tags : cJSON_AddArrayToObject(object, "tags");
}

static void remove_key(cJSON *tags, const char *key)
{
    for (int i = cJSON_GetArraySize(tags) - 1; i >= 0; i--) {
        const char *own = cJSON_GetStringValue(aws_member(cJSON_GetArrayItem(tags, i), "key"));

        if (own && strcmp(own, key) == 0)
            cJSON_DeleteItemFromArray(tags, i);
    }
}

int aws_EcsTagResource(struct aws_call *call)
{
    _cleanup_(tagged_done) struct tagged tagged = {0};
    const cJSON *given = NULL;
    const cJSON *tag;
    cJSON *tags;
    int r = ecs_get_tags(call->body, &given, call->error);

    if (r == 0 && !given)
        r = aws_invalid(call->error, "tags: required, and missing.");
    if (r == 0)
        r = tags_find(call, &tagged);
    if (r < 0)
        return r;
    tags = tags_of(&tagged);
    cJSON_ArrayForEach (tag, given) {
        remove_key(tags, aws_member(tag, "key")->valuestring);
        (void)cJSON_AddItemToArray(tags, cJSON_Duplicate(tag, true));
    }
    if (cJSON_GetArraySize(tags) > CLOUD_MAP_MAX_TAGS)
        return aws_invalid(call->error, "tags: at most %d are allowed.", CLOUD_MAP_MAX_TAGS);
    return tags_put(call, &tagged);
}

int aws_EcsUntagResource(struct aws_call *call)
{
    _cleanup_(tagged_done) struct tagged tagged = {0};
    const cJSON *keys = NULL;
    const cJSON *key;
    int r = aws_get_list(call->body, "tagKeys", AWS_REQUIRED, 200, 128, &keys, call->error);

    if (r == 0)
        r = tags_find(call, &tagged);
    if (r < 0)
        return r;
    cJSON_ArrayForEach (key, keys)
        remove_key(tags_of(&tagged), key->valuestring);
    return tags_put(call, &tagged);
}

int aws_EcsListTagsForResource(struct aws_call *call)
{
    _cleanup_(tagged_done) struct tagged tagged = {0};
    int r = tags_find(call, &tagged);

    if (r < 0)
        return r;
    (void)tags_of(&tagged);
    aws_copy_member(call->answer, object_of(&tagged), "tags");
    return 0;
}
