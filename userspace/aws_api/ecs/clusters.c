/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ECS's clusters: names with a default namespace. */
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"

/* What the key may see of it. */
static struct ecs_counts clusters_count(struct aws_call *call, const char *cluster)
{
    const struct model_namespace *parent = NULL;
    struct ecs_counts counts = {0};

    while ((parent = aws_next_namespace(call, parent)))
        for (const struct stored_document *stored = parent->documents; stored; stored = stored->hh.next) {
            _cleanup_json_ cJSON *document = NULL;

            if (!ecs_is_service(stored, cluster, &document))
                continue;
            counts.services++;
            counts.running += ecs_running(parent, stored->name);
        }
    return counts;
}

/* Of one that is not the key's own there is nothing to be seen but the name, and what is the key's in it. */
static cJSON *view(struct aws_call *call, const char *name)
{
    const struct aws_record *record = aws_record(call, AWS_CLUSTERS, name);
    _cleanup_json_ cJSON *kept = cloud_map_kept(record ? record->text : NULL);
    const struct model_namespace *parent = ecs_cluster_namespace(call, name);
    struct ecs_counts counts = clusters_count(call, name);
    char arn[CLOUD_MAP_ARN_SIZE];

    return ecs_cluster_view(name, kept,
                            parent ? cloud_map_arn(call->region, "namespace", parent->id, arn) : NULL,
                            &counts, call->region);
}

/* A name that nobody has yet becomes an HTTP namespace, as in ECS. */
static int make_namespace(struct aws_call *call, const char *name)
{
    _cleanup_json_ cJSON *kept = cJSON_CreateObject();
    char id[AWS_NEW_ID_SIZE];
    int r = cloud_map_check_namespace(name, CLOUD_MAP_HTTP, call->error);

    if (r < 0)
        return r;
    aws_new_id(call, "ns-", id);
    (void)cJSON_AddStringToObject(kept, "id", id);
    (void)cJSON_AddStringToObject(kept, "Type", "HTTP");
    (void)cJSON_AddNumberToObject(kept, "CreateDate", aws_time(call->now_ms));
    return aws_put_namespace(call, name, kept);
}

/* "serviceConnectDefaults" into what is kept; an empty name takes the default away. */
static int set_defaults(struct aws_call *call, cJSON *kept)
{
    const struct model_namespace *parent;
    const cJSON *defaults = NULL;
    const char *text = NULL;
    int r = aws_get_object(call->body, "serviceConnectDefaults", AWS_OPTIONAL, &defaults, call->error);

    if (r == 0 && defaults)
        r = aws_get_text(defaults, "namespace", AWS_REQUIRED, 0, 1024, &text, call->error);
    if (r < 0 || !text)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "namespace");
    if (!*text)
        return 0;
    r = ecs_check_namespace("serviceConnectDefaults.namespace", text, call->error);
    if (r < 0)
        return r;
    parent = ecs_namespace(call, text);
    if (!parent && !aws_is_bound(call) && catalog_is_namespace_reference(text))
        return aws_fail(call->error, "NamespaceNotFoundException", "There is no namespace %.300s.", text);
    r = aws_permit(call, parent ? parent->name : text);
    if (r == 0 && !parent)
        r = make_namespace(call, text);
    if (r == 0)
        (void)cJSON_AddStringToObject(kept, "namespace", parent ? parent->name : text);
    return r;
}

/* May the key change it? One that is there is its own, a new one is too; "default" never is. */
static int permit(struct aws_call *call, const char *name)
{
    bool is_own = aws_record(call, AWS_CLUSTERS, name) ||
                  (!aws_record_of_all(call, AWS_CLUSTERS, name) && strcmp(name, ECS_DEFAULT_NAME) != 0);

    return is_own ? 0 : aws_permit_owner(call, NULL);
}

static int put_cluster(struct aws_call *call, const char *name, cJSON *kept)
{
    static const char *const members[] = {"settings", "configuration", "capacityProviders",
                                          "defaultCapacityProviderStrategy", "tags"};
    int r = set_defaults(call, kept);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
        if (aws_member(call->body, members[i])) {
            cJSON_DeleteItemFromObjectCaseSensitive(kept, members[i]);
            aws_copy_member(kept, call->body, members[i]);
        }
    return r < 0 ? r : aws_put_record(call, AWS_CLUSTERS, name, kept);
}

static int change(struct aws_call *call, const char *name)
{
    const struct aws_record *record = aws_record(call, AWS_CLUSTERS, name);
    _cleanup_json_ cJSON *kept = cloud_map_kept(record ? record->text : NULL);
    int r = permit(call, name);

    if (r < 0)
        return r;
    if (!record)
        aws_set_owner(call, kept, NULL);
    r = put_cluster(call, name, kept);
    if (r == 0)
        (void)cJSON_AddItemToObject(call->answer, "cluster", view(call, name));
    return r;
}

int aws_CreateCluster(struct aws_call *call)
{
    const cJSON *tags = NULL;
    const char *name = NULL;
    int r = ecs_get_name(call->body, "clusterName", "cluster", ECS_DEFAULT_NAME, &name, call->error);

    if (r == 0)
        r = ecs_get_tags(call->body, &tags, call->error);
    return r < 0 ? r : change(call, name);
}

int aws_UpdateCluster(struct aws_call *call)
{
    const char *name = NULL;
    int r = aws_member(call->body, "cluster") ? ecs_find_cluster(call, &name)
                                              : aws_invalid(call->error, "cluster: required, and missing.");

    return r < 0 ? r : change(call, name);
}

/* What is shown only to who asks for it. */
static cJSON *view_with(struct aws_call *call, const char *name, const cJSON *include)
{
    static const struct {
        const char *word;
        const char *member;
    } asked[] = {{"TAGS", "tags"},
                 {"SETTINGS", "settings"},
                 {"CONFIGURATIONS", "configuration"},
                 {"STATISTICS", "statistics"}};
    cJSON *shown = view(call, name);

    for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
        if (!ecs_is_included(include, asked[i].word)) {
            cJSON_DeleteItemFromObjectCaseSensitive(shown, asked[i].member);
            if (strcmp(asked[i].member, "configuration") != 0)
                (void)cJSON_AddArrayToObject(shown, asked[i].member);
        }
    return shown;
}

static void clusters_describe(struct aws_call *call, const char *text, const cJSON *include, cJSON *clusters,
                              cJSON *failures)
{
    bool is_ours = ecs_check_arn(call, text, "cluster", NULL) == 0; /* what is not is missing, as in ECS */
    const char *name = ecs_last_part(text);
    bool is_seen = ecs_sees_cluster(call, name);
    char arn[ECS_ARN_SIZE];
    cJSON *failure;

    if (is_ours && is_seen) {
        (void)cJSON_AddItemToArray(clusters, view_with(call, name, include));
        return;
    }
    failure = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(failure, "arn",
                                  is_ours ? ecs_arn(call->region, "cluster", name, arn) : text);
    (void)cJSON_AddStringToObject(failure, "reason", "MISSING");
    (void)cJSON_AddItemToArray(failures, failure);
}

int aws_DescribeClusters(struct aws_call *call)
{
    const cJSON *names = NULL;
    const cJSON *include = NULL;
    const cJSON *item;
    cJSON *clusters, *failures;
    int r = aws_get_list(call->body, "clusters", AWS_OPTIONAL, 100, ECS_ARN_SIZE, &names, call->error);

    if (r == 0)
        r = aws_get_list(call->body, "include", AWS_OPTIONAL, 10, 32, &include, call->error);
    if (r < 0)
        return r;
    clusters = cJSON_AddArrayToObject(call->answer, "clusters");
    failures = cJSON_AddArrayToObject(call->answer, "failures");
    if (!names || !names->child)
        clusters_describe(call, ECS_DEFAULT_NAME, include, clusters, failures);
    cJSON_ArrayForEach (item, names)
        clusters_describe(call, item->valuestring, include, clusters, failures);
    return 0;
}

/* "default" always is there. */
int aws_ListClusters(struct aws_call *call)
{
    const struct aws_record *record = NULL;
    _cleanup_free_ const char **names = calloc(aws_count_records(call, AWS_CLUSTERS) + 1, sizeof(*names));
    struct aws_page page;
    size_t begin = 0, end = 0;
    size_t n = 0;
    cJSON *list;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, 100, &page);

    if (r < 0 || !names)
        return r < 0 ? r : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    if (ecs_sees_cluster(call, ECS_DEFAULT_NAME) && !aws_record_of_all(call, AWS_CLUSTERS, ECS_DEFAULT_NAME))
        names[n++] = ECS_DEFAULT_NAME;
    while ((record = aws_next_of_all(call, AWS_CLUSTERS, record)))
        if (ecs_sees_cluster(call, record->name))
            names[n++] = record->name;
    aws_page_cut(&page, names, n, &begin, &end, call->answer, "nextToken");
    list = cJSON_AddArrayToObject(call->answer, "clusterArns");
    for (size_t i = begin; i < end; i++) {
        char arn[ECS_ARN_SIZE];

        (void)cJSON_AddItemToArray(list, cJSON_CreateString(ecs_arn(call->region, "cluster", names[i], arn)));
    }
    return 0;
}

/* The cluster that the body names, and what is kept of it; the caller's. */
static int clusters_find(struct aws_call *call, const char **ret_name, cJSON **ret_kept)
{
    const struct aws_record *record;
    int r = aws_member(call->body, "cluster") ? ecs_find_cluster(call, ret_name)
                                              : aws_invalid(call->error, "cluster: required, and missing.");

    if (r < 0)
        return r;
    r = permit(call, *ret_name);
    if (r < 0)
        return r;
    record = aws_record(call, AWS_CLUSTERS, *ret_name);
    *ret_kept = cloud_map_kept(record ? record->text : NULL);
    return 0;
}

/* By anybody's services. */
static bool clusters_is_used(struct aws_call *call, const char *name)
{
    const struct model_namespace *parent = NULL;

    while ((parent = aws_next_namespace_of_all(call, parent)))
        for (const struct stored_document *stored = parent->documents; stored; stored = stored->hh.next) {
            _cleanup_json_ cJSON *document = NULL;

            if (ecs_is_service(stored, name, &document))
                return true;
        }
    return false;
}

int aws_DeleteCluster(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    const char *name = NULL;
    cJSON *shown;
    int r = clusters_find(call, &name, &kept);

    if (r < 0)
        return r;
    if (clusters_is_used(call, name))
        return aws_fail(call->error, "ClusterContainsServicesException",
                        "The cluster %s has services that are not deleted.", name);
    shown = view(call, name);
    cJSON_DeleteItemFromObjectCaseSensitive(shown, "status");
    (void)cJSON_AddStringToObject(shown, "status", "INACTIVE");
    (void)cJSON_AddItemToObject(call->answer, "cluster", shown);
    return aws_record(call, AWS_CLUSTERS, name) ? aws_put_record(call, AWS_CLUSTERS, name, NULL) : 0;
}

/* Nothing here is started by a provider: the lists are kept and shown. */
int aws_PutClusterCapacityProviders(struct aws_call *call)
{
    static const char *const members[] = {"capacityProviders", "defaultCapacityProviderStrategy"};
    _cleanup_json_ cJSON *kept = NULL;
    const cJSON *list = NULL;
    const char *name = NULL;
    int r = aws_get_list(call->body, members[0], AWS_REQUIRED, 20, 255, &list, call->error);

    if (r == 0)
        r = aws_get_list(call->body, members[1], AWS_REQUIRED, 0, 0, &list, call->error);
    if (r == 0)
        r = clusters_find(call, &name, &kept);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(kept, members[i]);
        aws_copy_member(kept, call->body, members[i]);
    }
    r = aws_put_record(call, AWS_CLUSTERS, name, kept);
    if (r == 0)
        (void)cJSON_AddItemToObject(call->answer, "cluster", view(call, name));
    return r;
}
