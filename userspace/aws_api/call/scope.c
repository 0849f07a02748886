/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/call/scope.h"

#include <stdio.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/cloud_map_fields.h"
#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "engine/engine.h"
#include "model/catalog_aws.h"

/* ---- rights ---- */

bool aws_is_bound(const struct aws_call *call)
{
    return call->who->namespace_name[0] != '\0';
}

bool aws_may_see(const struct aws_call *call, const char *namespace_name)
{
    return !aws_is_bound(call) || (namespace_name && strcmp(call->who->namespace_name, namespace_name) == 0);
}

int aws_permit(struct aws_call *call, const char *namespace_name)
{
    call->entered |= AWS_OF_NAMESPACE;
    if (aws_may_see(call, namespace_name))
        return 0;
    return aws_fail(call->error, AWS_ACCESS_DENIED, "The key %.64s (%.64s) is for the namespace %.200s only.",
                    call->who->access_key_id, call->who->name, call->who->namespace_name);
}

int aws_permit_owner(struct aws_call *call, const char *namespace_name)
{
    if (aws_may_see(call, namespace_name))
        return 0;
    return aws_fail(call->error, AWS_ACCESS_DENIED,
                    "The key %.64s (%.64s) may change only what belongs to the namespace %.200s.",
                    call->who->access_key_id, call->who->name, call->who->namespace_name);
}

/* ---- namespaces and Cloud Map's services ---- */

static const struct catalog *scope_catalog(const struct aws_call *call)
{
    return engine_catalog(call->engine);
}

const struct model_namespace *aws_next_namespace_of_all(const struct aws_call *call,
                                                        const struct model_namespace *previous)
{
    return previous ? previous->hh.next : scope_catalog(call)->namespaces;
}

const struct model_namespace *aws_next_namespace(struct aws_call *call,
                                                 const struct model_namespace *previous)
{
    call->entered |= AWS_OF_NAMESPACE;
    if (aws_is_bound(call))
        return previous ? NULL : catalog_namespace(scope_catalog(call), call->who->namespace_name);
    return aws_next_namespace_of_all(call, previous);
}

const struct model_namespace *aws_namespace_named(struct aws_call *call, const char *name)
{
    call->entered |= AWS_OF_NAMESPACE;
    return aws_may_see(call, name) ? catalog_namespace(scope_catalog(call), name) : NULL;
}

const struct model_namespace *aws_namespace_meant(struct aws_call *call, const char *text,
                                                  const char **ret_name)
{
    const struct model_namespace *parent = catalog_find_namespace(scope_catalog(call), text, ret_name);

    call->entered |= AWS_OF_NAMESPACE;
    if (!parent || aws_may_see(call, parent->name))
        return parent;
    if (parent->name != *ret_name || strcmp(text, parent->name) != 0)
        *ret_name = NULL;
    return NULL;
}

bool aws_is_of_here(const struct aws_call *call, const char *member)
{
    const char *text = cJSON_GetStringValue(aws_member(call->body, member));
    char beginning[128];

    (void)snprintf(beginning, sizeof(beginning), ":servicediscovery:%s:" CLOUD_MAP_ACCOUNT ":", call->region);
    return !text || strncmp(text, "arn:", 4) != 0 || strstr(text, beginning);
}

/* Refused for a bound key in one way, be it another's or nobody's. */
static int refuse_or(struct aws_call *call, const char *type, const char *what, const char *id)
{
    int r = aws_permit(call, NULL);

    return r < 0 ? r : aws_fail(call->error, type, "There is no %s %.300s.", what, id);
}

int aws_find_namespace(struct aws_call *call, const char *member, struct model_namespace **ret_parent)
{
    struct model_namespace *parent;
    const char *id = NULL;
    int r = cloud_map_get_id(call->body, member, "namespace", &id, call->error);

    if (r < 0)
        return r;
    parent = catalog_namespace_by_id(scope_catalog(call), id);
    if (!parent || !parent->is_declared || !aws_is_of_here(call, member))
        return refuse_or(call, "NamespaceNotFound", "namespace with the id", id);
    r = aws_permit(call, parent->name);
    if (r == 0)
        *ret_parent = parent;
    return r;
}

int aws_find_service(struct aws_call *call, const char *member, struct service **ret_service)
{
    struct service *service;
    const char *id = NULL;
    int r = cloud_map_get_id(call->body, member, "service", &id, call->error);

    if (r < 0)
        return r;
    call->entered |= AWS_OF_SERVICE;
    service = catalog_service_by_id(scope_catalog(call), id);
    if (!service || !service->is_declared || !aws_is_of_here(call, member))
        return refuse_or(call, "ServiceNotFound", "service with the id", id);
    r = aws_permit(call, service->parent->name);
    if (r == 0)
        *ret_service = service;
    return r;
}

int aws_find_instance(struct aws_call *call, struct service **ret_service, struct instance **ret_instance)
{
    struct service *service = NULL;
    struct instance *instance;
    const char *id = NULL;
    int r = aws_get_text(call->body, "InstanceId", AWS_REQUIRED, 1, 64, &id, call->error);

    if (r == 0)
        r = aws_find_service(call, "ServiceId", &service);
    if (r < 0)
        return r;
    instance = cloud_map_instance_of(service, id);
    if (!instance)
        return aws_fail(call->error, "InstanceNotFound", "The service %s has no instance with the id %s.",
                        service->id, id);
    *ret_service = service;
    *ret_instance = instance;
    return 0;
}

int aws_find_discovered(struct aws_call *call, struct service **ret_service)
{
    const struct model_namespace *parent;
    struct service *service;
    const char *namespace_name = NULL;
    const char *found_name = NULL;
    const char *name = NULL;
    int r = aws_get_text(call->body, "NamespaceName", AWS_REQUIRED, 1, 1024, &namespace_name, call->error);

    if (r == 0)
        r = aws_get_text(call->body, "ServiceName", AWS_REQUIRED, 1, 127, &name, call->error);
    if (r < 0)
        return r;
    call->entered |= AWS_OF_SERVICE;
    parent = aws_namespace_meant(call, namespace_name, &found_name);
    r = aws_permit(call, found_name);
    if (r < 0)
        return r;
    if (!parent || !parent->is_declared)
        return aws_fail(call->error, "NamespaceNotFound", "There is no namespace %.500s.", namespace_name);
    service = catalog_service(scope_catalog(call), parent->name, name);
    if (!service || !service->is_declared)
        return aws_fail(call->error, "ServiceNotFound", "The namespace %.500s has no service %s.",
                        namespace_name, name);
    *ret_service = service;
    return 0;
}

int aws_find_resource(struct aws_call *call, const char *arn, struct model_namespace **ret_parent,
                      struct service **ret_service)
{
    const struct catalog *catalog = scope_catalog(call);
    const char *slash = strrchr(arn, '/');
    char beginning[128];
    struct model_namespace *parent = NULL;
    struct service *service = NULL;
    int r;

    call->entered |= AWS_OF_RESOURCE;
    (void)snprintf(beginning, sizeof(beginning), ":servicediscovery:%s:" CLOUD_MAP_ACCOUNT ":", call->region);
    if (slash && strncmp(arn, "arn:", 4) == 0 && strstr(arn, beginning)) {
        parent = catalog_namespace_by_id(catalog, slash + 1);
        service = catalog_service_by_id(catalog, slash + 1);
    }
    if (!(service && service->is_declared) && !(parent && parent->is_declared))
        return refuse_or(call, "ResourceNotFoundException", "resource with the ARN", arn);
    r = aws_permit(call, service ? service->parent->name : parent->name);
    if (r < 0)
        return r;
    *ret_parent = parent;
    *ret_service = service;
    return 0;
}

const struct service *aws_service_with_id(struct aws_call *call, const char *id)
{
    const struct service *service = catalog_service_by_id(scope_catalog(call), id);

    call->entered |= AWS_OF_SERVICE;
    return service && aws_may_see(call, service->parent->name) ? service : NULL;
}

size_t aws_count_namespaces(const struct aws_call *call)
{
    return HASH_COUNT(scope_catalog(call)->namespaces);
}

size_t aws_count_services(const struct aws_call *call)
{
    return HASH_CNT(hh_id, scope_catalog(call)->services_by_id);
}

/* ---- records ---- */

/* Which kind of object it is, and the member that says whose. A new kind does not compile without. */
static enum aws_scope scope_of_kind(enum aws_record_kind kind, const char **ret_member)
{
    switch (kind) {
    case AWS_OPERATIONS:
        *ret_member = "Namespace";
        return AWS_OF_OPERATION;
    case AWS_CLUSTERS:
        *ret_member = "namespace";
        return AWS_OF_CLUSTER;
    case AWS_TASK_DEFINITIONS:
        *ret_member = NULL;
        return AWS_OF_DEFINITION;
    case AWS_ENDED_SERVICES:
    case AWS_HISTORIES:
        *ret_member = "namespace";
        return AWS_OF_ECS_SERVICE;
    case AWS_LEFT_OUT: /* no object of an API */
    case AWS_RECORD_KINDS:
        break;
    }
    *ret_member = NULL;
    return 0;
}

/* Nobody's but those who see everything: "default" too, whatever its default namespace is. */
static bool is_owned(const struct aws_call *call, enum aws_record_kind kind, const struct aws_record *record)
{
    _cleanup_json_ cJSON *kept = NULL;
    const char *owner, *member;

    (void)scope_of_kind(kind, &member);
    if (!member && strncmp(record->text, "{\"" AWS_OWNER "\":", strlen("{\"" AWS_OWNER "\":")) != 0)
        return false; /* most are told without parsing */
    if (kind == AWS_CLUSTERS && strcmp(record->name, "default") == 0)
        return false;
    kept = cJSON_Parse(record->text);
    owner = cJSON_GetStringValue(aws_member(kept, AWS_OWNER));
    if (!owner && member)
        owner = cJSON_GetStringValue(aws_member(kept, member));
    return owner && aws_may_see(call, owner);
}

static bool is_visible(const struct aws_call *call, enum aws_record_kind kind,
                       const struct aws_record *record)
{
    return !aws_is_bound(call) || is_owned(call, kind, record);
}

const struct aws_record *aws_record_of_all(const struct aws_call *call, enum aws_record_kind kind,
                                           const char *name)
{
    return catalog_aws_record(scope_catalog(call), kind, name);
}

const struct aws_record *aws_next_of_all(const struct aws_call *call, enum aws_record_kind kind,
                                         const struct aws_record *previous)
{
    return previous ? previous->hh.next : scope_catalog(call)->aws_records[kind];
}

const struct aws_record *aws_record(struct aws_call *call, enum aws_record_kind kind, const char *name)
{
    const struct aws_record *record = aws_record_of_all(call, kind, name);
    const char *member;

    call->entered |= scope_of_kind(kind, &member);
    return record && is_visible(call, kind, record) ? record : NULL;
}

const struct aws_record *aws_next_record(struct aws_call *call, enum aws_record_kind kind,
                                         const struct aws_record *previous)
{
    const struct aws_record *record = previous;
    const char *member;

    call->entered |= scope_of_kind(kind, &member);
    do {
        record = aws_next_of_all(call, kind, record);
    } while (record && !is_visible(call, kind, record));
    return record;
}

size_t aws_count_records(const struct aws_call *call, enum aws_record_kind kind)
{
    return HASH_COUNT(scope_catalog(call)->aws_records[kind]);
}

void aws_set_owner(const struct aws_call *call, cJSON *kept, const struct aws_record *as)
{
    _cleanup_json_ cJSON *other = as ? cJSON_Parse(as->text) : NULL;

    if (as)
        aws_copy_member(kept, other, AWS_OWNER);
    else if (aws_is_bound(call))
        (void)cJSON_AddStringToObject(kept, AWS_OWNER, call->who->namespace_name);
}
