/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/cloud_map_views.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/catalog_aws.h"

const char *cloud_map_arn(const char *region, const char *kind, const char *id,
                          char arn[static CLOUD_MAP_ARN_SIZE])
{
    (void)snprintf(arn, CLOUD_MAP_ARN_SIZE, "arn:aws:servicediscovery:%s:" CLOUD_MAP_ACCOUNT ":%s/%s", region,
                   kind, id);
    return arn;
}

cJSON *cloud_map_kept(const char *aws)
{
    cJSON *json = aws ? cJSON_Parse(aws) : NULL;

    return json ? json : cJSON_CreateObject();
}

enum cloud_map_type cloud_map_type_of(const cJSON *kept)
{
    const cJSON *type = aws_member(kept, "Type");

    if (!cJSON_IsString(type) || strcmp(type->valuestring, "HTTP") == 0)
        return CLOUD_MAP_HTTP;
    return strcmp(type->valuestring, "DNS_PUBLIC") == 0 ? CLOUD_MAP_DNS_PUBLIC : CLOUD_MAP_DNS_PRIVATE;
}

struct cloud_map_wants cloud_map_wants_of(const struct service *service)
{
    _cleanup_json_ cJSON *parent = cloud_map_kept(service->parent->aws);
    _cleanup_json_ cJSON *kept = cloud_map_kept(service->aws);

    return (struct cloud_map_wants){
        .type = cloud_map_type_of(parent),
        .records = cloud_map_dns_records(aws_member(kept, "DnsConfig")),
        .has_check = aws_member(kept, "HealthCheckConfig") != NULL,
        .has_custom_check = !service->aws || aws_member(kept, "HealthCheckCustomConfig"),
    };
}

bool cloud_map_has_check(const struct service *service)
{
    return !service->aws || strstr(service->aws, "\"HealthCheckCustomConfig\":") ||
           strstr(service->aws, "\"HealthCheckConfig\":") ||
           service_get_settings(service)->check.type != HEALTH_CHECK_NONE;
}

const char *cloud_map_health(const struct instance *instance, bool has_check)
{
    switch (instance_health(instance)) {
    case HEALTHY:
        return has_check ? "HEALTHY" : "UNKNOWN";
    case UNKNOWN:
        return "UNKNOWN";
    default:
        return "UNHEALTHY";
    }
}

static int cloud_map_views_count_services(const struct model_namespace *parent)
{
    const struct service *service;
    int n = 0;

    for (service = parent->services; service; service = service->hh.next)
        n += service->is_declared;
    return n;
}

cJSON *cloud_map_namespace_view(const struct model_namespace *parent, const char *region, bool is_summary)
{
    _cleanup_json_ cJSON *kept = cloud_map_kept(parent->aws);
    char arn[CLOUD_MAP_ARN_SIZE];
    enum cloud_map_type type = cloud_map_type_of(kept);
    cJSON *view = cJSON_CreateObject();
    cJSON *properties;
    cJSON *dns;

    (void)cJSON_AddStringToObject(view, "Id", parent->id);
    (void)cJSON_AddStringToObject(view, "Arn", cloud_map_arn(region, "namespace", parent->id, arn));
    (void)cJSON_AddStringToObject(view, "ResourceOwner", CLOUD_MAP_ACCOUNT);
    (void)cJSON_AddStringToObject(view, "Name", parent->name);
    (void)cJSON_AddStringToObject(view, "Type", cloud_map_type_name(type));
    aws_copy_member(view, kept, "Description");
    (void)cJSON_AddNumberToObject(view, "ServiceCount", cloud_map_views_count_services(parent));
    properties = cJSON_AddObjectToObject(view, "Properties");
    dns = cJSON_AddObjectToObject(properties, "DnsProperties");
    if (type == CLOUD_MAP_HTTP) {
        (void)cJSON_AddObjectToObject(dns, "SOA"); /* empty, as AWS answers it */
    } else {
        aws_copy_member(dns, kept, "HostedZoneId");
        aws_copy_member(dns, kept, "SOA");
    }
    (void)cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "HttpProperties"), "HttpName",
                                  parent->name);
    aws_copy_member(view, kept, "CreateDate");
    if (!is_summary)
        aws_copy_member(view, kept, "CreatorRequestId");
    return view;
}

/* Summary and whole differ in two members. */
cJSON *cloud_map_service_view(const struct service *service, const char *region, bool is_summary)
{
    _cleanup_json_ cJSON *kept = cloud_map_kept(service->aws);
    char arn[CLOUD_MAP_ARN_SIZE];
    cJSON *view = cJSON_CreateObject();
    cJSON *dns;

    (void)cJSON_AddStringToObject(view, "Id", service->id);
    (void)cJSON_AddStringToObject(view, "Arn", cloud_map_arn(region, "service", service->id, arn));
    (void)cJSON_AddStringToObject(view, "ResourceOwner", CLOUD_MAP_ACCOUNT);
    (void)cJSON_AddStringToObject(view, "Name", service->name);
    if (!is_summary)
        (void)cJSON_AddStringToObject(view, "NamespaceId", service->parent->id);
    aws_copy_member(view, kept, "Description");
    (void)cJSON_AddNumberToObject(view, "InstanceCount", (double)cloud_map_count(service));
    aws_copy_member(view, kept, "DnsConfig");
    dns = cJSON_GetObjectItemCaseSensitive(view, "DnsConfig");
    if (dns) {
        cJSON_DeleteItemFromObjectCaseSensitive(dns, "NamespaceId");
        (void)cJSON_AddStringToObject(dns, "NamespaceId", service->parent->id);
    }
    if (aws_member(kept, "Type"))
        aws_copy_member(view, kept, "Type");
    else
        (void)cJSON_AddStringToObject(view, "Type", "HTTP");
    aws_copy_member(view, kept, "HealthCheckConfig");
    if (service->aws)
        aws_copy_member(view, kept, "HealthCheckCustomConfig");
    else
        (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(view, "HealthCheckCustomConfig"),
                                      "FailureThreshold", 1);
    aws_copy_member(view, kept, "CreateDate");
    if (!is_summary)
        aws_copy_member(view, kept, "CreatorRequestId");
    (void)cJSON_AddStringToObject(view, "CreatedByAccount", CLOUD_MAP_ACCOUNT);
    return view;
}

const char *cloud_map_attributes_text(const struct instance *instance,
                                      char buffer[static CLOUD_MAP_ATTRIBUTES_SIZE])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    if (instance->attributes)
        return instance->attributes;
    if (instance->host) {
        (void)snprintf(buffer, CLOUD_MAP_ATTRIBUTES_SIZE,
                       "{\"AWS_INSTANCE_CNAME\":\"%s\",\"AWS_INSTANCE_PORT\":\"%u\",\"" CLOUD_MAP_WEIGHT
                       "\":\"%u\"}",
                       instance->host, instance->port, instance->weight);
        return buffer;
    }
    (void)snprintf(buffer, CLOUD_MAP_ATTRIBUTES_SIZE,
                   "{\"AWS_INSTANCE_%s\":\"%s\",\"AWS_INSTANCE_PORT\":\"%u\",\"" CLOUD_MAP_WEIGHT
                   "\":\"%u\"}",
                   ip_address_is_v4(&instance->address) ? "IPV4" : "IPV6",
                   ip_address_format(&instance->address, address), instance->port, instance->weight);
    return buffer;
}

cJSON *cloud_map_attributes_view(const struct instance *instance)
{
    char buffer[CLOUD_MAP_ATTRIBUTES_SIZE];

    return cJSON_CreateRaw(cloud_map_attributes_text(instance, buffer));
}

struct instance *cloud_map_instance_of(const struct service *service, const char *id)
{
    struct instance *instance = catalog_instance(service, id);

    if (!instance)
        instance = catalog_record(service, id);
    return instance && !instance->drain_until && !instance->external ? instance : NULL;
}

size_t cloud_map_count(const struct service *service)
{
    const struct instance *instance;
    size_t n = 0;

    for (instance = service->records; instance; instance = instance->hh.next)
        n += instance->drain_until == 0;
    for (instance = service->instances; instance; instance = instance->hh.next)
        n += instance->drain_until == 0 && !instance->external;
    return n;
}
