/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cloud Map's namespaces. Their type decides what a service may ask for; names resolve the
 * same way in all. */
#include <errno.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/call/calls.h"

#define SOA_TTL 15

static int no_memory(struct aws_call *call)
{
    return aws_fail(call->error, AWS_INTERNAL, "out of memory");
}

/* Properties{DnsProperties{SOA{TTL}}}; *ret_ttl stays as it is where they are left out. */
static int read_soa(const cJSON *object, int64_t *ret_ttl, struct aws_error *error)
{
    const cJSON *properties = NULL;
    const cJSON *dns = NULL;
    const cJSON *soa = NULL;
    int r = aws_get_object(object, "Properties", AWS_OPTIONAL, &properties, error);

    if (r < 0 || !properties)
        return r;
    r = aws_get_object(properties, "DnsProperties", AWS_REQUIRED, &dns, error);
    if (r == 0)
        r = aws_get_object(dns, "SOA", AWS_REQUIRED, &soa, error);
    return r < 0 ? r : aws_get_integer(soa, "TTL", AWS_REQUIRED, 0, INT32_MAX, ret_ttl, error);
}

static void set_soa(cJSON *kept, int64_t ttl)
{
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "SOA");
    (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(kept, "SOA"), "TTL", (double)ttl);
}

struct new_namespace {
    enum cloud_map_type type;
    const char *name;
    const char *creator;
    const char *description;
    const char *vpc;
    const cJSON *tags;
    int64_t ttl;
};

/* Again with the same CreatorRequestId it is the same request; otherwise the name is taken, also for another VPC. */
static int namespaces_already_there(struct aws_call *call, const struct model_namespace *parent,
                                    const struct new_namespace *new)
{
    _cleanup_json_ cJSON *kept = cloud_map_kept(parent->aws);
    const cJSON *known = aws_member(kept, "CreatorRequestId");
    const cJSON *operation = aws_member(kept, "OperationId");
    const cJSON *vpc = aws_member(kept, "Vpc");
    bool is_elsewhere = new->vpc &&vpc &&strcmp(vpc->valuestring, new->vpc) != 0;

    if (new->creator && known &&strcmp(known->valuestring, new->creator) == 0 &&
        operation &&cloud_map_type_of(kept) == new->type && !is_elsewhere) {
        (void)cJSON_AddStringToObject(call->answer, "OperationId", operation->valuestring);
        return 0;
    }
    if (is_elsewhere)
        (void)aws_fail(call->error, "NamespaceAlreadyExists",
                       "The namespace %.300s exists already, for the VPC %.64s: here a name is that of one "
                       "namespace, whatever its VPC.",
                       parent->name, vpc->valuestring);
    else
        (void)aws_fail(call->error, "NamespaceAlreadyExists", "The namespace %.500s exists already.",
                       parent->name);
    aws_error_member(call->error, "CreatorRequestId", known ? known->valuestring : "");
    aws_error_member(call->error, "NamespaceId", parent->id);
    return -EINVAL;
}

static int namespaces_read_new(struct aws_call *call, struct new_namespace *new)
{
    bool is_private = new->type == CLOUD_MAP_DNS_PRIVATE;
    int r = aws_get_text(call->body, "Name", AWS_REQUIRED, 1, 1024, &new->name, call->error);

    if (r == 0)
        r = cloud_map_check_namespace(new->name, new->type, call->error);
    if (r == 0)
        r = aws_get_text(call->body, "CreatorRequestId", AWS_OPTIONAL, 0, 64, &new->creator, call->error);
    if (r == 0)
        r = aws_get_text(call->body, "Description", AWS_OPTIONAL, 0, 1024, &new->description, call->error);
    if (r == 0 && is_private)
        r = aws_get_text(call->body, "Vpc", AWS_REQUIRED, 1, 64, &new->vpc, call->error);
    if (r == 0)
        r = cloud_map_get_tags(call->body, AWS_OPTIONAL, &new->tags, call->error);
    if (r == 0 && new->type != CLOUD_MAP_HTTP)
        r = read_soa(call->body, &new->ttl, call->error);
    return r;
}

static cJSON *namespaces_new_kept(struct aws_call *call, const struct new_namespace *new, const char *id)
{
    cJSON *tags = cloud_map_merge_tags(NULL, new->tags, new->name, call->error);
    char zone[AWS_NEW_ID_SIZE];
    cJSON *kept;

    if (!tags)
        return NULL;
    kept = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(kept, "id", id);
    (void)cJSON_AddStringToObject(kept, "Type", cloud_map_type_name(new->type));
    if (new->description)
        (void)cJSON_AddStringToObject(kept, "Description", new->description);
    if (new->creator)
        (void)cJSON_AddStringToObject(kept, "CreatorRequestId", new->creator);
    if (new->vpc)
        (void)cJSON_AddStringToObject(kept, "Vpc", new->vpc);
    if (new->type != CLOUD_MAP_HTTP) {
        aws_new_id(call, "Z", zone);
        (void)cJSON_AddStringToObject(kept, "HostedZoneId", zone);
        set_soa(kept, new->ttl);
    }
    (void)cJSON_AddNumberToObject(kept, "CreateDate", aws_time(call->now_ms));
    (void)cJSON_AddItemToObject(kept, "Tags", tags);
    aws_copy_member(kept, call->answer, "OperationId");
    return kept;
}

static int create(struct aws_call *call, enum cloud_map_type type)
{
    struct new_namespace new = {.type = type, .ttl = SOA_TTL};
    _cleanup_json_ cJSON *kept = NULL;
    const struct model_namespace *parent;
    char id[AWS_NEW_ID_SIZE];
    int r = namespaces_read_new(call, &new);

    if (r == 0)
        r = aws_permit(call, new.name);
    if (r < 0)
        return r;
    parent = aws_namespace_named(call, new.name);
    if (parent && parent->is_declared)
        return namespaces_already_there(call, parent, &new);
    aws_new_id(call, "ns-", id);
    r = aws_put_operation(call, "CREATE_NAMESPACE", new.name,
                          (const struct aws_target[2]){{"NAMESPACE", id}});
    kept = r == 0 ? namespaces_new_kept(call, &new, id) : NULL;
    return kept ? aws_put_namespace(call, new.name, kept) : -EINVAL;
}

int aws_CreateHttpNamespace(struct aws_call *call)
{
    return create(call, CLOUD_MAP_HTTP);
}

int aws_CreatePrivateDnsNamespace(struct aws_call *call)
{
    return create(call, CLOUD_MAP_DNS_PRIVATE);
}

int aws_CreatePublicDnsNamespace(struct aws_call *call)
{
    return create(call, CLOUD_MAP_DNS_PUBLIC);
}

int aws_GetNamespace(struct aws_call *call)
{
    struct model_namespace *parent = NULL;
    int r = aws_find_namespace(call, "Id", &parent);

    if (r == 0)
        (void)cJSON_AddItemToObject(call->answer, "Namespace",
                                    cloud_map_namespace_view(parent, call->region, false));
    return r;
}

static bool namespaces_passes(const cJSON *filters, const struct model_namespace *parent)
{
    _cleanup_json_ cJSON *kept = NULL;

    if (!parent->is_declared)
        return false;
    if (!filters)
        return true;
    kept = cloud_map_kept(parent->aws);
    return cloud_map_passes(filters, "TYPE", cloud_map_type_name(cloud_map_type_of(kept))) &&
           cloud_map_passes(filters, "NAME", parent->name) &&
           cloud_map_passes(filters, "HTTP_NAME", parent->name) &&
           cloud_map_passes(filters, "RESOURCE_OWNER", "SELF");
}

int aws_ListNamespaces(struct aws_call *call)
{
    static const struct cloud_map_filter_rule rules[] = {
        {"TYPE", {"EQ", "BEGINS_WITH", NULL}},
        {"NAME", {"EQ", "BEGINS_WITH", NULL}},
        {"HTTP_NAME", {"EQ", "BEGINS_WITH", NULL}},
        {"RESOURCE_OWNER", {"EQ", NULL}},
    };
    _cleanup_free_ const char **keys = calloc(aws_count_namespaces(call) + 1, sizeof(*keys));
    const struct model_namespace *parent = NULL;
    const cJSON *filters = NULL;
    struct aws_page page;
    size_t begin, end;
    size_t n = 0;
    cJSON *list;
    int r = aws_begin_list(call, rules, ARRAY_SIZE(rules), &page, &filters);

    if (r == 0 && !keys)
        r = no_memory(call);
    if (r < 0)
        return r;
    while ((parent = aws_next_namespace(call, parent)))
        if (namespaces_passes(filters, parent))
            keys[n++] = parent->name;
    list = cJSON_AddArrayToObject(call->answer, "Namespaces");
    aws_page_cut(&page, keys, n, &begin, &end, call->answer, "NextToken");
    for (size_t i = begin; i < end; i++)
        (void)cJSON_AddItemToArray(
            list, cloud_map_namespace_view(aws_namespace_named(call, keys[i]), call->region, true));
    return 0;
}

/* What would be lost with it. ECS services that publish nothing there stay, as in AWS. */
static const char *what_uses(const struct model_namespace *parent)
{
    const struct service *service;

    for (service = parent->services; service; service = service->hh.next)
        if (service->is_declared)
            return "services";
    return parent->routes || parent->clients || parent->canaries ? "routes" : NULL;
}

int aws_DeleteNamespace(struct aws_call *call)
{
    struct model_namespace *parent = NULL;
    struct registry_row row;
    const char *uses;
    int r = aws_find_namespace(call, "Id", &parent);

    if (r < 0)
        return r;
    uses = what_uses(parent);
    if (uses)
        return aws_fail(call->error, "ResourceInUse", "The namespace %.500s still has %s.", parent->name,
                        uses);
    r = aws_put_operation(call, "DELETE_NAMESPACE", parent->name,
                          (const struct aws_target[2]){{"NAMESPACE", parent->id}});
    return r < 0 ? r : aws_put(call, row_delete_namespace(parent->name, &row), &row);
}

static int update(struct aws_call *call, enum cloud_map_type type)
{
    struct model_namespace *parent = NULL;
    _cleanup_json_ cJSON *kept = NULL;
    const cJSON *change = NULL;
    const char *description = NULL;
    int64_t ttl = -1;
    int r = aws_get_object(call->body, "Namespace", AWS_REQUIRED, &change, call->error);

    if (r == 0)
        r = aws_get_text(change, "Description", type == CLOUD_MAP_HTTP, 0, 1024, &description, call->error);
    if (r == 0 && type != CLOUD_MAP_HTTP)
        r = read_soa(change, &ttl, call->error);
    if (r == 0)
        r = aws_find_namespace(call, "Id", &parent);
    if (r < 0)
        return r;
    kept = cloud_map_kept(parent->aws);
    if (cloud_map_type_of(kept) != type)
        return aws_invalid(call->error, "Id: the namespace %s is of the type %s, not %s.", parent->id,
                           cloud_map_type_name(cloud_map_type_of(kept)), cloud_map_type_name(type));
    if (!aws_member(kept, "id"))
        (void)cJSON_AddStringToObject(kept, "id", parent->id);
    if (description) {
        cJSON_DeleteItemFromObjectCaseSensitive(kept, "Description");
        (void)cJSON_AddStringToObject(kept, "Description", description);
    }
    if (ttl >= 0)
        set_soa(kept, ttl);
    r = aws_put_operation(call, "UPDATE_NAMESPACE", parent->name,
                          (const struct aws_target[2]){{"NAMESPACE", parent->id}});
    return r < 0 ? r : aws_put_namespace(call, parent->name, kept);
}

int aws_UpdateHttpNamespace(struct aws_call *call)
{
    return update(call, CLOUD_MAP_HTTP);
}

int aws_UpdatePrivateDnsNamespace(struct aws_call *call)
{
    return update(call, CLOUD_MAP_DNS_PRIVATE);
}

int aws_UpdatePublicDnsNamespace(struct aws_call *call)
{
    return update(call, CLOUD_MAP_DNS_PUBLIC);
}
