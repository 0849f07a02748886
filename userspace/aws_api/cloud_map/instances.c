/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cloud Map's instances are the registry's: endpoints as soon as they have an address and a port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cloud_map_discover.h"
#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "apply/apply.h"
#include "aws_api/call/calls.h"
#include "aws_api/call/probed.h"
#include "engine/change/edits.h"
#include "model/catalog_aws.h"
#include "model/names.h"

#define MAX_NAMES 16

/* ---- names that the first instance brings ---- */

/* Adds "NAME.SUFFIX", if that is a name and nobody has it on this port. */
static void instances_add_name(const struct service *service, const char *suffix, uint16_t port,
                               struct client_alias *aliases, size_t *n)
{
    struct client_alias alias = {.port = port, .protocol = TCP};
    char identity[ALIAS_IDENTITY_SIZE];

    if (snprintf(alias.dns_name, sizeof(alias.dns_name), "%s%s%s", service->name, *suffix ? "." : "",
                 suffix) >= (int)sizeof(alias.dns_name) ||
        *n == MAX_NAMES || model_check_dns_name("", alias.dns_name, NULL) < 0 ||
        catalog_alias_owner(service->parent, alias_identity(&alias, identity)))
        return;
    for (size_t i = 0; i < *n; i++)
        if (strcmp(aliases[i].dns_name, alias.dns_name) == 0)
            return;
    aliases[(*n)++] = alias;
}

/* A service without a client alias gets the names that a document without one would publish, on this port. */
static int publish_names(struct aws_call *call, struct service *service, uint16_t port)
{
    struct documents_options options = apply_options(service->parent->name, SETTINGS_RIGHTS_NONE);
    struct client_alias aliases[MAX_NAMES];
    char suffix[MODEL_NAMESPACE_MAX + 32];
    struct registry_row row;
    size_t n = 0;

    if (service->n_aliases > 0 || service->document)
        return 0;
    instances_add_name(service, service->parent->name, port, aliases, &n);
    (void)snprintf(suffix, sizeof(suffix), "%s.svc.cluster.local", service->parent->name);
    instances_add_name(service, suffix, port, aliases, &n);
    for (size_t i = 0; options.suffixes[i]; i++)
        instances_add_name(service, options.suffixes[i], port, aliases, &n);
    instances_add_name(service, "", port, aliases, &n);
    if (n == 0)
        return 0;
    return aws_put(call,
                   row_for_service(service->parent->name, service->name, aliases, n, NULL,
                                   service_get_settings(service), service->aws, &row),
                   &row);
}

/* ---- registering ---- */

static int check_reachable(struct aws_call *call, const struct ip_address *address)
{
    const struct alias_range *range = engine_alias_range(call->engine);

    return alias_range_holds(range, address)
               ? aws_invalid(call->error,
                             "Attributes: AWS_INSTANCE_IPV4: an address outside the range %s, which is for "
                             "names.",
                             range->text)
               : 0;
}

static int put_instance(struct aws_call *call, struct service *service, struct instance *instance,
                        const struct cloud_map_instance *wanted)
{
    uint16_t port = wanted->port ? wanted->port : service->n_aliases > 0 ? service->aliases[0].port : 0;
    struct registry_row row;
    int r = 0;

    instance->is_record = !wanted->has_address || !port;
    instance->host = !wanted->has_address && port && *wanted->host ? (char *)wanted->host : NULL;
    if (!instance->is_record || instance->host) {
        instance->address = wanted->address;
        instance->port = port;
        instance->protocol = TCP;
        instance->weight = wanted->weight;
        r = publish_names(call, service, port);
    }
    return r < 0
               ? r
               : aws_put(call, row_for_instance(service->parent->name, service->name, instance, &row), &row);
}

static int register_instance(struct aws_call *call, struct service *service, struct instance *instance,
                             const struct cloud_map_instance *wanted)
{
    int r;

    instance->health = wanted->is_unhealthy ? UNHEALTHY : HEALTHY;
    r = aws_put_operation(call, "REGISTER_INSTANCE", service->parent->name,
                          (const struct aws_target[2]){{"INSTANCE", instance->id}, {"SERVICE", service->id}});
    return r < 0 ? r : put_instance(call, service, instance, wanted);
}

int aws_RegisterInstance(struct aws_call *call)
{
    struct instance instance = {0};
    struct cloud_map_instance wanted;
    struct cloud_map_wants wants;
    const cJSON *attributes = NULL;
    struct service *service = NULL;
    const char *id = NULL;
    const char *creator = NULL;
    int r = aws_get_text(call->body, "InstanceId", AWS_REQUIRED, 1, 64, &id, call->error);

    if (r == 0)
        r = cloud_map_check_instance(id, call->error);
    if (r == 0)
        r = aws_get_text(call->body, "CreatorRequestId", AWS_OPTIONAL, 0, 64, &creator, call->error);
    /* By that name an instance is one of a container, and goes with it. */
    if (r == 0 && creator && strncmp(creator, INSTANCE_OF_CONTAINER, strlen(INSTANCE_OF_CONTAINER)) == 0)
        r = aws_invalid(call->error, "CreatorRequestId: \"" INSTANCE_OF_CONTAINER
                                     "\" begins the ids of container runtimes; choose another id.");
    if (r == 0)
        r = aws_get_object(call->body, "Attributes", AWS_REQUIRED, &attributes, call->error);
    if (r == 0)
        r = aws_find_service(call, "ServiceId", &service);
    if (r < 0)
        return r;
    wants = cloud_map_wants_of(service);
    r = cloud_map_check_attributes(attributes, &wants, &wanted, call->error);
    if (r == 0 && wanted.has_address)
        r = check_reachable(call, &wanted.address);
    if (r == 0 && wanted.has_address)
        r = aws_check_probed_address(call, service, id, &wanted.address);
    if (r < 0)
        return r;
    instance.id = (char *)id;
    instance.creator = (char *)creator;
    instance.attributes = cJSON_PrintUnformatted(attributes);
    r = instance.attributes ? register_instance(call, service, &instance, &wanted)
                            : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    free(instance.attributes);
    return r;
}

int aws_DeregisterInstance(struct aws_call *call)
{
    struct service *service = NULL;
    struct instance *instance = NULL;
    struct error error = {0};
    int r = aws_find_instance(call, &service, &instance);

    if (r < 0)
        return r;
    r = aws_put_operation(call, "DEREGISTER_INSTANCE", service->parent->name,
                          (const struct aws_target[2]){{"INSTANCE", instance->id}, {"SERVICE", service->id}});
    if (r < 0)
        return r;
    r = change_remove_instance(call->transaction, instance, &error);
    return r < 0 ? aws_fail_as(call->error, r, &error) : 0;
}

int aws_UpdateInstanceCustomHealthStatus(struct aws_call *call)
{
    static const char *const statuses[] = {"HEALTHY", "UNHEALTHY", NULL};
    struct service *service = NULL;
    struct instance *instance = NULL;
    struct registry_row row;
    struct instance changed;
    const char *status = NULL;
    int r = aws_get_enum(call->body, "Status", AWS_REQUIRED, statuses, &status, call->error);

    if (r == 0)
        r = aws_find_instance(call, &service, &instance);
    if (r < 0)
        return r;
    if (!cloud_map_wants_of(service).has_custom_check)
        return aws_fail(call->error, "CustomHealthNotFound", "The service %s has no HealthCheckCustomConfig.",
                        service->id);
    changed = *instance;
    instance_say_health(&changed, status[0] == 'U' ? UNHEALTHY : HEALTHY);
    return aws_put(call, row_for_instance(service->parent->name, service->name, &changed, &row), &row);
}

/* ---- reading ---- */

int aws_GetInstance(struct aws_call *call)
{
    struct service *service = NULL;
    struct instance *instance = NULL;
    cJSON *view;
    int r = aws_find_instance(call, &service, &instance);

    if (r < 0)
        return r;
    (void)cJSON_AddStringToObject(call->answer, "ResourceOwner", CLOUD_MAP_ACCOUNT);
    view = cJSON_AddObjectToObject(call->answer, "Instance");
    (void)cJSON_AddStringToObject(view, "Id", instance->id);
    if (instance->creator)
        (void)cJSON_AddStringToObject(view, "CreatorRequestId", instance->creator);
    (void)cJSON_AddItemToObject(view, "Attributes", cloud_map_attributes_view(instance));
    (void)cJSON_AddStringToObject(view, "CreatedByAccount", CLOUD_MAP_ACCOUNT);
    return 0;
}

/* The ids of all instances, which the caller frees; NULL: no memory. */
static const char **list_ids(const struct service *service, size_t *ret_n)
{
    const char **keys =
        calloc(HASH_COUNT(service->instances) + HASH_COUNT(service->records) + 1u, sizeof(*keys));
    const struct instance *instance;
    size_t n = 0;

    for (instance = service->instances; keys && instance; instance = instance->hh.next)
        if (!instance->drain_until && !instance->external)
            keys[n++] = instance->id;
    for (instance = service->records; keys && instance; instance = instance->hh.next)
        if (!instance->drain_until)
            keys[n++] = instance->id;
    *ret_n = n;
    return keys;
}

int aws_ListInstances(struct aws_call *call)
{
    _cleanup_free_ const char **keys = NULL;
    struct service *service = NULL;
    struct aws_page page;
    size_t begin, end;
    size_t n = 0;
    cJSON *list;
    int r = aws_begin_page(call, "NextToken", "MaxResults", 100, 100, &page);

    if (r == 0)
        r = aws_find_service(call, "ServiceId", &service);
    if (r < 0)
        return r;
    keys = list_ids(service, &n);
    if (!keys)
        return aws_fail(call->error, AWS_INTERNAL, "out of memory");
    (void)cJSON_AddStringToObject(call->answer, "ResourceOwner", CLOUD_MAP_ACCOUNT);
    list = cJSON_AddArrayToObject(call->answer, "Instances");
    aws_page_cut(&page, keys, n, &begin, &end, call->answer, "NextToken");
    for (size_t i = begin; i < end; i++) {
        const struct instance *instance = cloud_map_instance_of(service, keys[i]);
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "Id", instance->id);
        (void)cJSON_AddItemToObject(item, "Attributes", cloud_map_attributes_view(instance));
        (void)cJSON_AddStringToObject(item, "CreatedByAccount", CLOUD_MAP_ACCOUNT);
        (void)cJSON_AddItemToArray(list, item);
    }
    return 0;
}

/* Those that the request names, each of which must be there. */
static const char **named_ids(struct aws_call *call, const struct service *service, const cJSON *names,
                              size_t *ret_n)
{
    const char **keys = calloc((size_t)cJSON_GetArraySize(names) + 1, sizeof(*keys));
    const cJSON *item;
    size_t n = 0;

    if (!keys)
        return NULL;
    cJSON_ArrayForEach (item, names) {
        if (!cloud_map_instance_of(service, item->valuestring)) {
            (void)aws_fail(call->error, "InstanceNotFound", "The service %s has no instance with the id %s.",
                           service->id, item->valuestring);
            free(keys);
            return NULL;
        }
        keys[n++] = item->valuestring;
    }
    *ret_n = n;
    return keys;
}

int aws_GetInstancesHealthStatus(struct aws_call *call)
{
    _cleanup_free_ const char **keys = NULL;
    struct service *service = NULL;
    const cJSON *names = NULL;
    struct aws_page page;
    size_t begin, end;
    size_t n = 0;
    cJSON *status;
    bool has_check;
    int r = aws_begin_page(call, "NextToken", "MaxResults", 100, 100, &page);

    if (r == 0)
        r = aws_get_list(call->body, "Instances", AWS_OPTIONAL, 10000, 64, &names, call->error);
    if (r == 0 && names && cJSON_GetArraySize(names) == 0)
        r = aws_invalid(call->error, "Instances: at least one is wanted.");
    if (r == 0)
        r = aws_find_service(call, "ServiceId", &service);
    if (r < 0)
        return r;
    keys = names ? named_ids(call, service, names, &n) : list_ids(service, &n);
    if (!keys)
        return aws_fail(call->error, AWS_INTERNAL, "out of memory");
    has_check = cloud_map_has_check(service);
    status = cJSON_AddObjectToObject(call->answer, "Status");
    aws_page_cut(&page, keys, n, &begin, &end, call->answer, "NextToken");
    for (size_t i = begin; i < end; i++)
        if (i == begin || strcmp(keys[i], keys[i - 1]) != 0)
            (void)cJSON_AddStringToObject(
                status, keys[i], cloud_map_health(cloud_map_instance_of(service, keys[i]), has_check));
    return 0;
}

static void free_text(const void *data, size_t length, void *user)
{
    (void)length;
    (void)user;
    free((void *)data);
}

int aws_DiscoverInstances(struct aws_call *call)
{
    struct discover_query query = {.random = aws_draw(call)};
    struct service *service = NULL;
    size_t length = 0;
    char *text;
    int r = discover_read(call->body, &query, call->error);

    if (r == 0)
        r = aws_find_discovered(call, &service);
    if (r < 0)
        return r;
    text = discover_answer(service, &query, &length);
    if (!text || evbuffer_add_reference(call->text, text, length, free_text, NULL) < 0) {
        free(text);
        return aws_fail(call->error, AWS_INTERNAL, "out of memory");
    }
    return 0;
}

int aws_DiscoverInstancesRevision(struct aws_call *call)
{
    struct service *service = NULL;
    int r = aws_find_discovered(call, &service);

    if (r == 0)
        (void)cJSON_AddNumberToObject(call->answer, "InstancesRevision", (double)service->instances_revision);
    return r;
}
