/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of ECS that carries Service Connect: the table, and finding things. */
#include "aws_api/ecs/ecs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"

const struct aws_operation aws_ecs_operations[] = {
    {"CreateCluster", aws_CreateCluster, false},
    {"UpdateCluster", aws_UpdateCluster, false},
    {"DescribeClusters", aws_DescribeClusters, true},
    {"RegisterTaskDefinition", aws_RegisterTaskDefinition, false},
    {"DeregisterTaskDefinition", aws_DeregisterTaskDefinition, false},
    {"DescribeTaskDefinition", aws_DescribeTaskDefinition, true},
    {"ListTaskDefinitions", aws_ListTaskDefinitions, true},
    {"CreateService", aws_EcsCreateService, false},
    {"UpdateService", aws_EcsUpdateService, false},
    {"DeleteService", aws_EcsDeleteService, false},
    {"DescribeServices", aws_DescribeServices, true},
    {"ListServices", aws_EcsListServices, true},
    {"ListServicesByNamespace", aws_ListServicesByNamespace, true},
    {NULL, NULL, false},
};

int ecs_find_cluster(struct aws_call *call, const char **ret_name)
{
    const char *name = NULL;
    int r = ecs_get_name(call->body, "cluster", "cluster", ECS_DEFAULT_NAME, &name, call->error);

    if (r < 0)
        return r;
    if (!catalog_aws_record(engine_catalog(call->engine), AWS_CLUSTERS, name) &&
        strcmp(name, ECS_DEFAULT_NAME) != 0)
        return aws_fail(call->error, "ClusterNotFoundException", "There is no cluster %s.", name);
    *ret_name = name;
    return 0;
}

const struct model_namespace *ecs_namespace(const struct aws_call *call, const char *text)
{
    const char *name;
    const struct model_namespace *parent = catalog_find_namespace(engine_catalog(call->engine), text, &name);

    return parent && parent->is_declared ? parent : NULL;
}

const struct model_namespace *ecs_cluster_namespace(const struct aws_call *call, const char *cluster)
{
    const struct aws_record *record = catalog_aws_record(engine_catalog(call->engine), AWS_CLUSTERS, cluster);
    _cleanup_json_ cJSON *kept = cloud_map_kept(record ? record->text : NULL);
    const cJSON *name = aws_member(kept, "namespace");

    return cJSON_IsString(name) ? ecs_namespace(call, name->valuestring) : NULL;
}

static bool is_active(const struct aws_record *record)
{
    return strstr(record->text, "\"status\":\"ACTIVE\"") != NULL;
}

static const struct aws_record *latest(const struct catalog *catalog, const char *family)
{
    const struct aws_record *record = catalog->aws_records[AWS_TASK_DEFINITIONS];
    const struct aws_record *found = NULL;
    char name[ECS_NAME_MAX + 1];
    unsigned best = 0;

    for (; record; record = record->hh.next) {
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
    const struct catalog *catalog = engine_catalog(call->engine);
    const struct aws_record *record;
    char family[ECS_NAME_MAX + 1];
    char key[ECS_KEY_SIZE];
    unsigned revision;

    if (ecs_parse_definition(text, family, &revision) < 0)
        return aws_invalid(call->error, "taskDefinition: \"%.200s\" is no FAMILY, FAMILY:REVISION or ARN.",
                           text);
    (void)snprintf(key, sizeof(key), "%s:%u", family, revision);
    record = revision ? catalog_aws_record(catalog, AWS_TASK_DEFINITIONS, key) : latest(catalog, family);
    if (!record)
        return aws_fail(call->error, "ClientException", "There is no task definition %.300s.", text);
    *ret_record = record;
    *ret_kept = cloud_map_kept(record->text);
    return 0;
}

/* ---- services ---- */

void ecs_service_done(struct ecs_service *service)
{
    cJSON_Delete(service->document);
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

int ecs_lookup_service(const struct aws_call *call, const char *cluster, const char *name,
                       struct ecs_service *ret_service)
{
    const struct model_namespace *parent = engine_catalog(call->engine)->namespaces;

    for (; parent; parent = parent->hh.next) {
        const struct stored_document *stored = catalog_document(parent, name);
        cJSON *document = NULL;

        if (!stored || !ecs_is_service(stored, cluster, &document))
            continue;
        *ret_service = (struct ecs_service){parent, stored, document};
        return 0;
    }
    return -ENOENT;
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
