/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of ECS that carries Service Connect: the table, and finding things. */
#include "aws_api/ecs/ecs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "model/catalog_aws.h"
#include "model/names.h"

const struct aws_operation aws_ecs_operations[] = {AWS_ECS_TABLE(AWS_ROW){NULL, NULL, false, 0}};

/* The next part, up to a colon; NULL: there is none. */
static char *ecs_next_part(char **rest)
{
    char *part = *rest;
    char *colon = part ? strchr(part, ':') : NULL;

    if (!colon)
        return NULL;
    *colon = '\0';
    *rest = colon + 1;
    return part;
}

int ecs_check_arn(struct aws_call *call, const char *text, const char *kind, const char *cluster)
{
    char copy[ECS_ARN_SIZE];
    char *rest = copy;
    const char *service, *region, *account;
    size_t length = strlen(text);
    char *slash;

    if (strncmp(text, "arn:", 4) != 0)
        return 0;
    if (length >= sizeof(copy))
        return aws_invalid(call->error, "Invalid identifier: \"%.200s\" is no ARN of a %s.", text, kind);
    memcpy(copy, text, length + 1);
    (void)ecs_next_part(&rest);
    (void)ecs_next_part(&rest);
    service = ecs_next_part(&rest);
    region = ecs_next_part(&rest);
    account = ecs_next_part(&rest);
    if (!account || strcmp(service, "ecs") != 0 || strncmp(rest, kind, strlen(kind)) != 0 ||
        rest[strlen(kind)] != '/')
        return aws_invalid(call->error, "Invalid identifier: \"%.200s\" is no ARN of a %s.", text, kind);
    if (strcmp(region, call->region) != 0)
        return aws_invalid(call->error, "Identifier is for region %.64s. Your region is %s", region,
                           call->region);
    /* Terraform's provider that was not to ask for its account leaves it empty, which means no other one. */
    if (*account && strcmp(account, CLOUD_MAP_ACCOUNT) != 0)
        return aws_invalid(call->error, "Identifier is for account %.64s. Your account is %s", account,
                           CLOUD_MAP_ACCOUNT);
    rest += strlen(kind) + 1;
    slash = strchr(rest, '/');
    if (cluster && slash) { /* the old form has no cluster */
        *slash = '\0';
        if (strcmp(rest, cluster) != 0)
            return aws_invalid(call->error, "Identifier is for cluster %.255s. Your cluster is %s", rest,
                               cluster);
    }
    return 0;
}

/* The member, if it is an ARN, checked; what is no text is told of by whoever reads it. */
static int check_member(struct aws_call *call, const char *member, const char *kind, const char *cluster)
{
    const char *text = cJSON_GetStringValue(aws_member(call->body, member));

    return text ? ecs_check_arn(call, text, kind, cluster) : 0;
}

int ecs_get_service(struct aws_call *call, const char *cluster, const char **ret_name)
{
    int r = ecs_get_name(call->body, "service", "service", NULL, ret_name, call->error);

    return r < 0 ? r : check_member(call, "service", "service", cluster);
}

/* Has a namespace of the key's a service in it? */
static bool has_service_in(struct aws_call *call, const char *cluster)
{
    const struct model_namespace *parent = NULL;

    while ((parent = aws_next_namespace(call, parent)))
        for (const struct stored_document *stored = parent->documents; stored; stored = stored->hh.next) {
            cJSON *document = NULL;
            bool is_in = ecs_is_service(stored, cluster, &document);

            cJSON_Delete(document);
            if (is_in)
                return true;
        }
    return false;
}

bool ecs_sees_cluster(struct aws_call *call, const char *name)
{
    return aws_record(call, AWS_CLUSTERS, name) || strcmp(name, ECS_DEFAULT_NAME) == 0 ||
           (aws_is_bound(call) && aws_record_of_all(call, AWS_CLUSTERS, name) && has_service_in(call, name));
}

int ecs_find_cluster(struct aws_call *call, const char **ret_name)
{
    const char *name = NULL;
    int r = ecs_get_name(call->body, "cluster", "cluster", ECS_DEFAULT_NAME, &name, call->error);

    if (r == 0)
        r = check_member(call, "cluster", "cluster", NULL);
    if (r < 0)
        return r;
    if (!ecs_sees_cluster(call, name))
        return aws_fail(call->error, "ClusterNotFoundException", "There is no cluster %s.", name);
    *ret_name = name;
    return 0;
}

int ecs_check_namespace(const char *member, const char *text, struct aws_error *error)
{
    struct error ours = {0};

    if (catalog_is_namespace_reference(text) || model_check_ecs_namespace(member, text, &ours) == 0)
        return 0;
    return aws_invalid(error, "%s", ours.message);
}

const struct model_namespace *ecs_namespace(struct aws_call *call, const char *text)
{
    const char *name;
    const struct model_namespace *parent = aws_namespace_meant(call, text, &name);

    if (strncmp(text, "arn:", 4) == 0) { /* of here, whatever its id */
        char beginning[128];

        (void)snprintf(beginning, sizeof(beginning), ":servicediscovery:%s:" CLOUD_MAP_ACCOUNT ":",
                       call->region);
        if (!strstr(text, beginning))
            return NULL;
    }
    return parent && parent->is_declared ? parent : NULL;
}

const struct model_namespace *ecs_cluster_namespace(struct aws_call *call, const char *cluster)
{
    const struct aws_record *record = aws_record(call, AWS_CLUSTERS, cluster);
    _cleanup_json_ cJSON *kept = cloud_map_kept(record ? record->text : NULL);
    const cJSON *name = aws_member(kept, "namespace");

    return cJSON_IsString(name) ? ecs_namespace(call, name->valuestring) : NULL;
}

static bool is_active(const struct aws_record *record)
{
    return strstr(record->text, "\"status\":\"ACTIVE\"") != NULL;
}

static const struct aws_record *latest(struct aws_call *call, const char *family)
{
    const struct aws_record *record = NULL;
    const struct aws_record *found = NULL;
    char name[ECS_NAME_MAX + 1];
    unsigned best = 0;

    while ((record = aws_next_record(call, AWS_TASK_DEFINITIONS, record))) {
        unsigned revision;

        if (ecs_parse_definition(record->name, name, &revision) == 0 && strcmp(name, family) == 0 &&
            revision > best && is_active(record)) {
            best = revision;
            found = record;
        }
    }
    return found;
}

int ecs_find_definition(struct aws_call *call, const char *text, const struct aws_record **ret_record,
                        cJSON **ret_kept)
{
    const struct aws_record *record;
    char family[ECS_NAME_MAX + 1];
    char key[ECS_KEY_SIZE];
    unsigned revision;

    if (ecs_check_arn(call, text, "task-definition", NULL) < 0)
        return -EINVAL;
    if (ecs_parse_definition(text, family, &revision) < 0)
        return aws_invalid(call->error, "taskDefinition: \"%.200s\" is no FAMILY, FAMILY:REVISION or ARN.",
                           text);
    (void)snprintf(key, sizeof(key), "%s:%u", family, revision);
    record = revision ? aws_record(call, AWS_TASK_DEFINITIONS, key) : latest(call, family);
    if (!record)
        return aws_fail(call->error, "ClientException", "There is no task definition %.300s.", text);
    *ret_record = record;
    *ret_kept = cloud_map_kept(record->text);
    return 0;
}

bool ecs_is_included(const cJSON *include, const char *word)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, include)
        if (cJSON_IsString(item) && strcmp(item->valuestring, word) == 0)
            return true;
    return false;
}

/* ---- services ---- */

void ecs_service_done(struct ecs_service *service)
{
    cJSON_Delete(service->document);
}

const char *ecs_service_name(const struct ecs_service *service)
{
    return aws_member(service->document, "serviceName")->valuestring;
}

bool ecs_is_service(const struct stored_document *stored, const char *cluster, cJSON **ret_document)
{
    _cleanup_json_ cJSON *document = NULL;
    const cJSON *item;

    /* Most are of no cluster or of another: told without parsing. */
    if (cluster && strcmp(cluster, ECS_DEFAULT_NAME) != 0 && !strstr(stored->text, "\"cluster"))
        return false;
    document = cJSON_Parse(stored->text);
    item = aws_member(document, "serviceName");
    if (!cJSON_IsString(item))
        return false;
    item = aws_member(document, "cluster");
    if (!item) /* as describe-services prints it */
        item = aws_member(document, "clusterArn");
    if (cluster &&
        strcmp(cJSON_IsString(item) ? ecs_last_part(item->valuestring) : ECS_DEFAULT_NAME, cluster) != 0)
        return false;
    *ret_document = TAKE_PTR(document);
    return true;
}

/* The namespace's service of that cluster and name, whatever the document is stored as. */
static bool find_in(const struct model_namespace *parent, const char *cluster, const char *name,
                    struct ecs_service *ret_service)
{
    const struct stored_document *stored = catalog_document(parent, name);
    char other[ECS_STORED_SIZE];
    cJSON *document = NULL;

    (void)snprintf(other, sizeof(other), "%s.%s", cluster, name);
    if (!stored || !ecs_is_service(stored, cluster, &document))
        stored = catalog_document(parent, other);
    if (!stored || (!document && !ecs_is_service(stored, cluster, &document)))
        return false;
    *ret_service = (struct ecs_service){parent, stored, document};
    return true;
}

int ecs_lookup_service(struct aws_call *call, const char *cluster, const char *name,
                       struct ecs_service *ret_service)
{
    const struct model_namespace *parent = NULL;

    call->entered |= AWS_OF_ECS_SERVICE;
    while ((parent = aws_next_namespace(call, parent)))
        if (find_in(parent, cluster, name, ret_service))
            return 0;
    return -ENOENT;
}

bool ecs_is_anothers(struct aws_call *call, const char *cluster, const char *name)
{
    const struct model_namespace *parent = NULL;

    while ((parent = aws_next_namespace_of_all(call, parent))) {
        _cleanup_(ecs_service_done) struct ecs_service found = {0};

        if (!aws_may_see(call, parent->name) && find_in(parent, cluster, name, &found))
            return true;
    }
    return false;
}

unsigned ecs_running(const struct model_namespace *parent, const char *document_name)
{
    const struct service *service;
    size_t n = 0;

    for (service = parent->services; service; service = service->hh.next)
        if (service->document && strcmp(service->document, document_name) == 0)
            n += cloud_map_count(service);
    return (unsigned)n;
}
