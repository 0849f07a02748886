/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cloud Map's services: those of the registry, with what DNS and health configuration they were given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/call/calls.h"
#include "aws_api/call/probed.h"
#include "model/catalog_aws.h"
#include "engine/change/edits.h"

struct new_service {
    struct model_namespace *parent;
    const char *name;
    const char *creator;
    const char *description;
    const char *type;
    const cJSON *dns;
    const cJSON *check;
    const cJSON *custom;
    const cJSON *tags;
};

/* "NamespaceId", or where it stood earlier, in DnsConfig. */
static int find_parent(struct aws_call *call, struct model_namespace **ret_parent)
{
    const cJSON *dns = aws_member(call->body, "DnsConfig");
    const cJSON *body = call->body;
    int r;

    if (!aws_member(body, "NamespaceId") && aws_member(dns, "NamespaceId"))
        call->body = dns;
    r = aws_find_namespace(call, "NamespaceId", ret_parent);
    call->body = body;
    return r;
}

static int services_read_new(struct aws_call *call, struct new_service *new)
{
    static const char *const types[] = {"HTTP", NULL};
    _cleanup_json_ cJSON *kept = NULL;
    enum cloud_map_type type;
    unsigned records = 0;
    int r = aws_get_text(call->body, "Name", AWS_REQUIRED, 1, 127, &new->name, call->error);

    if (r == 0)
        r = cloud_map_check_service(new->name, call->error);
    if (r == 0)
        r = aws_get_text(call->body, "CreatorRequestId", AWS_OPTIONAL, 0, 64, &new->creator, call->error);
    if (r == 0)
        r = aws_get_text(call->body, "Description", AWS_OPTIONAL, 0, 1024, &new->description, call->error);
    if (r == 0)
        r = aws_get_enum(call->body, "Type", AWS_OPTIONAL, types, &new->type, call->error);
    if (r == 0)
        r = cloud_map_get_tags(call->body, AWS_OPTIONAL, &new->tags, call->error);
    if (r == 0)
        r = find_parent(call, &new->parent);
    if (r < 0)
        return r;
    kept = cloud_map_kept(new->parent->aws);
    type = cloud_map_type_of(kept);
    r = cloud_map_get_dns(call->body, type, &new->dns, &records, call->error);
    if (r == 0)
        r = cloud_map_get_check(call->body, type, records, &new->check, &new->custom, call->error);
    if (r == 0 && new->type && records)
        r = aws_invalid(call->error, "Type: HTTP, and a DnsConfig: one of them, not both.");
    if (r == 0 && !new->type)
        new->type = records ? "DNS_HTTP" : "HTTP";
    return r;
}

/* Names that DNS finds must differ by more than case; those that only the API finds may not. */
static const struct service *find_taken(const struct new_service *new)
{
    const struct service *service;
    bool is_dns = strcmp(new->type, "HTTP") != 0;

    for (service = new->parent->services; service; service = service->hh.next)
        if (service->is_declared &&
            (strcmp(service->name, new->name) == 0 || (is_dns && strcasecmp(service->name, new->name) == 0)))
            return service;
    return NULL;
}

static int services_already_there(struct aws_call *call, const struct new_service *new,
                                  const struct service *service)
{
    _cleanup_json_ cJSON *kept = cloud_map_kept(service->aws);
    const cJSON *known = aws_member(kept, "CreatorRequestId");
    char arn[CLOUD_MAP_ARN_SIZE];

    if (new->creator && known &&strcmp(known->valuestring, new->creator) == 0 &&
        strcmp(service->name, new->name) == 0) {
        (void)cJSON_AddItemToObject(call->answer, "Service",
                                    cloud_map_service_view(service, call->region, false));
        return 0;
    }
    (void)aws_fail(call->error, "ServiceAlreadyExists",
                   "The service %s exists already in the namespace %.500s.", service->name,
                   service->parent->name);
    aws_error_member(call->error, "CreatorRequestId", known ? known->valuestring : "");
    aws_error_member(call->error, "ServiceId", service->id);
    aws_error_member(call->error, "ServiceArn", cloud_map_arn(call->region, "service", service->id, arn));
    return -EINVAL;
}

/* AWS's check as one of ours; NULL: none. */
static int set_check(struct aws_call *call, struct service_settings *settings, const cJSON *check)
{
    static const char *const types[][2] = {{"HTTP", "http"}, {"HTTPS", "https"}, {"TCP", "tcp"}};
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    const cJSON *path = aws_member(check, "ResourcePath");
    const cJSON *threshold = aws_member(check, "FailureThreshold");
    struct error error = {0};
    cJSON *ours;

    if (!check) {
        (void)cJSON_AddNullToObject(json, "healthCheck");
    } else {
        ours = cJSON_AddObjectToObject(json, "healthCheck");
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
            if (strcmp(types[i][0], aws_member(check, "Type")->valuestring) == 0)
                (void)cJSON_AddStringToObject(ours, "type", types[i][1]);
        if (cJSON_IsString(path) && *path->valuestring)
            (void)cJSON_AddStringToObject(ours, "path", path->valuestring);
        if (threshold) {
            (void)cJSON_AddNumberToObject(ours, "retries", threshold->valuedouble);
            (void)cJSON_AddNumberToObject(ours, "healthyRetries", threshold->valuedouble);
        }
    }
    return service_settings_read(json, SETTINGS_RIGHTS_NONE, settings, &error) < 0
               ? aws_invalid(call->error, "HealthCheckConfig: %s", error.message)
               : 0;
}

static cJSON *services_new_kept(struct aws_call *call, const struct new_service *new, const char *id)
{
    cJSON *tags = cloud_map_merge_tags(NULL, new->tags, new->name, call->error);
    cJSON *kept;

    if (!tags)
        return NULL;
    kept = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(kept, "id", id);
    (void)cJSON_AddStringToObject(kept, "Type", new->type);
    if (new->description)
        (void)cJSON_AddStringToObject(kept, "Description", new->description);
    if (new->creator)
        (void)cJSON_AddStringToObject(kept, "CreatorRequestId", new->creator);
    aws_copy_member(kept, call->body, "DnsConfig");
    if (new->dns && !aws_member(new->dns, "RoutingPolicy"))
        (void)cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(kept, "DnsConfig"), "RoutingPolicy",
                                      "MULTIVALUE");
    aws_copy_member(kept, call->body, "HealthCheckConfig");
    if (new->custom)
        (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(kept, "HealthCheckCustomConfig"),
                                      "FailureThreshold", 1);
    (void)cJSON_AddNumberToObject(kept, "CreateDate", aws_time(call->now_ms));
    (void)cJSON_AddItemToObject(kept, "Tags", tags);
    return kept;
}

int aws_CreateService(struct aws_call *call)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    struct new_service new = {0};
    _cleanup_json_ cJSON *kept = NULL;
    const struct service *service;
    char id[AWS_NEW_ID_SIZE];
    int r = services_read_new(call, &new);

    if (r == 0 && new.check)
        r = set_check(call, &settings, new.check);
    if (r < 0)
        return r;
    service = find_taken(&new);
    if (service)
        return services_already_there(call, &new, service);
    aws_new_id(call, "srv-", id);
    kept = services_new_kept(call, &new, id);
    if (!kept)
        return -EINVAL;
    r = aws_put_service(call, &(const struct service){.name = (char *)new.name, .parent = new.parent},
                        &settings, kept);
    if (r == 0)
        r = aws_check_probed(call, catalog_service(new.parent->catalog, new.parent->name, new.name));
    if (r == 0)
        (void)cJSON_AddItemToObject(
            call->answer, "Service",
            cloud_map_service_view(catalog_service(new.parent->catalog, new.parent->name, new.name),
                                   call->region, false));
    return r;
}

int aws_GetService(struct aws_call *call)
{
    struct service *service = NULL;
    int r = aws_find_service(call, "Id", &service);

    if (r == 0)
        (void)cJSON_AddItemToObject(call->answer, "Service",
                                    cloud_map_service_view(service, call->region, false));
    return r;
}

/* The namespace of a NAMESPACE_ID filter may be given by its ARN. */
static bool services_passes(const struct aws_call *call, const cJSON *filters, const struct service *service)
{
    char arn[CLOUD_MAP_ARN_SIZE];

    return service->is_declared && cloud_map_passes(filters, "RESOURCE_OWNER", "SELF") &&
           (cloud_map_passes(filters, "NAMESPACE_ID", service->parent->id) ||
            cloud_map_passes(filters, "NAMESPACE_ID",
                             cloud_map_arn(call->region, "namespace", service->parent->id, arn)));
}

int aws_ListServices(struct aws_call *call)
{
    static const struct cloud_map_filter_rule rules[] = {
        {"NAMESPACE_ID", {"EQ", NULL}},
        {"RESOURCE_OWNER", {"EQ", NULL}},
    };
    _cleanup_free_ const char **keys = calloc(aws_count_services(call) + 1, sizeof(*keys));
    const struct model_namespace *parent = NULL;
    const cJSON *filters = NULL;
    struct aws_page page;
    size_t begin, end;
    size_t n = 0;
    cJSON *list;
    int r = aws_begin_list(call, rules, ARRAY_SIZE(rules), &page, &filters);

    if (r == 0 && !keys)
        r = aws_fail(call->error, AWS_INTERNAL, "out of memory");
    if (r < 0)
        return r;
    while ((parent = aws_next_namespace(call, parent)))
        for (const struct service *service = parent->services; service; service = service->hh.next)
            if (services_passes(call, filters, service))
                keys[n++] = service->id;
    list = cJSON_AddArrayToObject(call->answer, "Services");
    aws_page_cut(&page, keys, n, &begin, &end, call->answer, "NextToken");
    for (size_t i = begin; i < end; i++)
        (void)cJSON_AddItemToArray(
            list, cloud_map_service_view(aws_service_with_id(call, keys[i]), call->region, true));
    return 0;
}

/* ---- changing ---- */

/* Records keep the types they have; without them they go. */
static int update_dns(struct aws_call *call, const cJSON *change, cJSON *kept)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(kept, "DnsConfig");
    const cJSON *dns = NULL;
    int r = aws_get_object(change, "DnsConfig", AWS_OPTIONAL, &dns, call->error);

    if (r == 0 && dns && !old)
        r = aws_invalid(call->error, "DnsConfig: the service has no DNS records to change.");
    if (r == 0 && dns)
        r = cloud_map_check_dns_update(dns, cloud_map_dns_records(old), call->error);
    if (r < 0 || !old)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(old, "DnsRecords");
    if (dns)
        aws_copy_member(old, dns, "DnsRecords");
    else
        (void)cJSON_AddArrayToObject(old, "DnsRecords");
    return 0;
}

static int update_check(struct aws_call *call, const struct service *service, const cJSON *change,
                        cJSON *kept, struct service_settings *settings)
{
    struct cloud_map_wants wants = cloud_map_wants_of(service);
    bool had_check = aws_member(kept, "HealthCheckConfig") != NULL;
    bool is_of_host;
    const cJSON *check = NULL;
    int r = cloud_map_get_check(change, wants.type, wants.records, &check, NULL, call->error);

    if (r == 0 && check && wants.has_custom_check)
        r = aws_invalid(call->error, "HealthCheckConfig: the service has a HealthCheckCustomConfig.");
    if (r < 0 || (!check && !had_check))
        return r;
    is_of_host = cJSON_IsTrue(aws_member(kept, CATALOG_CHECK_OF_HOST));
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "HealthCheckConfig");
    cJSON_DeleteItemFromObjectCaseSensitive(kept, CATALOG_CHECK_OF_HOST);
    aws_copy_member(kept, change, "HealthCheckConfig");
    if (is_of_host && !check)
        return 0; /* its own has gone already */
    return set_check(call, settings, check);
}

int aws_UpdateService(struct aws_call *call)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    struct service *service = NULL;
    _cleanup_json_ cJSON *kept = NULL;
    const cJSON *change = NULL;
    const char *description = NULL;
    int r = aws_get_object(call->body, "Service", AWS_REQUIRED, &change, call->error);

    if (r == 0)
        r = aws_get_text(change, "Description", AWS_OPTIONAL, 0, 1024, &description, call->error);
    if (r == 0)
        r = aws_find_service(call, "Id", &service);
    if (r == 0 && service_settings_copy(service_get_settings(service), &settings) < 0)
        r = aws_fail(call->error, AWS_INTERNAL, "out of memory");
    if (r < 0)
        return r;
    kept = aws_service_kept(service);
    r = update_dns(call, change, kept);
    if (r == 0)
        r = update_check(call, service, change, kept, &settings);
    if (r < 0)
        return r;
    if (description) {
        cJSON_DeleteItemFromObjectCaseSensitive(kept, "Description");
        (void)cJSON_AddStringToObject(kept, "Description", description);
    }
    r = aws_put_operation(call, "UPDATE_SERVICE", service->parent->name,
                          (const struct aws_target[2]){{"SERVICE", service->id}});
    if (r == 0)
        r = aws_put_service(call, service, &settings, kept);
    return r < 0 ? r : aws_check_probed(call, service);
}

int aws_DeleteService(struct aws_call *call)
{
    struct service *service = NULL;
    struct error error = {0};
    int r = aws_find_service(call, "Id", &service);

    if (r < 0)
        return r;
    if (cloud_map_count(service) > 0)
        return aws_fail(call->error, "ResourceInUse", "The service %s still has instances.", service->id);
    if (service->document)
        return aws_fail(call->error, "ResourceInUse", "The service %s belongs to the ECS service %s.",
                        service->id, service->document);
    if (service->n_routes > 0)
        return aws_fail(call->error, "ResourceInUse", "The route of %s leads to the service %s.",
                        service->routes[0]->identity, service->id);
    r = change_remove_service(call->transaction, service->parent->name, service->name, UINT64_MAX, &error);
    return r < 0 ? aws_fail_as(call->error, r, &error) : 0;
}
