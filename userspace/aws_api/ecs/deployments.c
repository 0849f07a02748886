/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Service deployments and service revisions as they are listed and shown: views of a service's history. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"
#include "aws_api/ecs/rollout.h"

#define MAX_ARNS   20 /* of a Describe */
#define USUAL_PAGE 20
#define PATH_SIZE  (2 * ECS_NAME_MAX + 64)

/* A service's history, also one that was deleted lately. */
struct deployed {
    cJSON *history;
    unsigned running;
    struct rollout rollout;          /* of the latest */
    char path[2 * ECS_NAME_MAX + 2]; /* CLUSTER/NAME */
    char cluster[ECS_NAME_MAX + 1];
};

static void deployed_done(struct deployed *deployed)
{
    cJSON_Delete(deployed->history);
}

/* 0, or -ENOENT without an error. */
static int deployed_find(struct aws_call *call, const char *cluster, const char *name, struct deployed *ret)
{
    _cleanup_(ecs_service_done) struct ecs_service service = {0};
    _cleanup_json_ cJSON *ended = NULL;
    const char *owner;

    if (ecs_lookup_service(call, cluster, name, &service) == 0) {
        ret->history = ecs_history(call, cluster, service.parent->name, service.document);
        ret->running = ecs_running(service.parent, service.stored->name);
        rollout_find(service.parent, service.stored->name,
                     aws_member(aws_member(ret->history, "deployments")->child, "createdAt")->valuedouble,
                     &ret->rollout);
    } else if ((ended = ecs_ended_service(call, cluster, name)) &&
               (owner = cJSON_GetStringValue(aws_member(ended, "namespace")))) {
        ret->history = ecs_history(call, cluster, owner, ended);
    } else {
        return -ENOENT;
    }
    (void)snprintf(ret->cluster, sizeof(ret->cluster), "%.*s", ECS_NAME_MAX, cluster);
    (void)snprintf(ret->path, sizeof(ret->path), "%.*s/%.*s", ECS_NAME_MAX, cluster, ECS_NAME_MAX, name);
    return 0;
}

/* ---- views ---- */

static void deployed_add_arn(const struct aws_call *call, cJSON *view, const char *member, const char *kind,
                             const struct deployed *deployed, const cJSON *id)
{
    char path[PATH_SIZE];
    char arn[ECS_ARN_SIZE];

    (void)snprintf(path, sizeof(path), "%s/%.40s", deployed->path, id->valuestring);
    (void)cJSON_AddStringToObject(view, member, ecs_arn(call->region, kind, path, arn));
}

static void deployed_add_service(const struct aws_call *call, cJSON *view, const struct deployed *deployed)
{
    char arn[ECS_ARN_SIZE];

    (void)cJSON_AddStringToObject(view, "serviceArn", ecs_arn(call->region, "service", deployed->path, arn));
    (void)cJSON_AddStringToObject(view, "clusterArn",
                                  ecs_arn(call->region, "cluster", deployed->cluster, arn));
}

static void deployed_add_time(cJSON *view, const char *member, const cJSON *time)
{
    if (cJSON_IsNumber(time) && time->valuedouble > 0)
        (void)cJSON_AddNumberToObject(view, member, time->valuedouble);
}

static bool deployment_is_latest(const struct deployed *deployed, const cJSON *entry)
{
    return entry == aws_member(deployed->history, "deployments")->child;
}

/* What was asked for was in effect when it was answered; a canary goes on. */
static const char *deployment_status(const struct deployed *deployed, const cJSON *entry)
{
    static const struct rollout done = {0};

    return rollout_status(deployment_is_latest(deployed, entry) ? &deployed->rollout : &done);
}

static void deployment_add_end(const struct deployed *deployed, const cJSON *entry, cJSON *view)
{
    if (!deployment_is_latest(deployed, entry) || deployed->rollout.state == ROLLOUT_COMPLETED)
        deployed_add_time(view, "finishedAt", aws_member(entry, "createdAt"));
    else if (deployed->rollout.state == ROLLOUT_FAILED)
        (void)cJSON_AddNumberToObject(view, "finishedAt", deployed->rollout.ended_at);
}

/* What all forms of a deployment have. */
static cJSON *deployment_begin(const struct aws_call *call, const struct deployed *deployed,
                               const cJSON *entry)
{
    cJSON *view = cJSON_CreateObject();

    deployed_add_arn(call, view, "serviceDeploymentArn", "service-deployment", deployed,
                     aws_member(entry, "arn"));
    deployed_add_service(call, view, deployed);
    deployed_add_time(view, "createdAt", aws_member(entry, "createdAt"));
    deployed_add_time(view, "startedAt", aws_member(entry, "createdAt"));
    deployment_add_end(deployed, entry, view);
    (void)cJSON_AddStringToObject(view, "status", deployment_status(deployed, entry));
    return view;
}

static cJSON *deployment_counts(const struct aws_call *call, const struct deployed *deployed,
                                const cJSON *entry)
{
    bool is_latest = deployment_is_latest(deployed, entry);
    cJSON *view = cJSON_CreateObject();

    deployed_add_arn(call, view, "arn", "service-revision", deployed, aws_member(entry, "revision"));
    (void)cJSON_AddNumberToObject(view, "requestedTaskCount",
                                  is_latest ? aws_member(entry, "desiredCount")->valuedouble : 0);
    (void)cJSON_AddNumberToObject(view, "runningTaskCount", is_latest ? deployed->running : 0);
    (void)cJSON_AddNumberToObject(view, "pendingTaskCount", 0);
    return view;
}

static cJSON *deployment_brief(const struct aws_call *call, const struct deployed *deployed,
                               const cJSON *entry)
{
    cJSON *view = deployment_begin(call, deployed, entry);

    deployed_add_arn(call, view, "targetServiceRevisionArn", "service-revision", deployed,
                     aws_member(entry, "revision"));
    return view;
}

static cJSON *deployment_whole(const struct aws_call *call, const struct deployed *deployed,
                               const cJSON *entry)
{
    cJSON *view = deployment_begin(call, deployed, entry);
    cJSON *sources = cJSON_AddArrayToObject(view, "sourceServiceRevisions");

    deployed_add_time(view, "updatedAt", aws_member(entry, "updatedAt"));
    if (*deployed->rollout.reason && deployment_is_latest(deployed, entry))
        (void)cJSON_AddStringToObject(view, "statusReason", deployed->rollout.reason);
    if (entry->next)
        (void)cJSON_AddItemToArray(sources, deployment_counts(call, deployed, entry->next));
    (void)cJSON_AddItemToObject(view, "targetServiceRevision", deployment_counts(call, deployed, entry));
    return view;
}

static cJSON *revision_view(const struct aws_call *call, const struct deployed *deployed, const cJSON *entry)
{
    const cJSON *settings = aws_member(entry, "settings");
    const cJSON *definition = aws_member(settings, "taskDefinition");
    cJSON *view = cJSON_Duplicate(settings, true);
    char arn[ECS_ARN_SIZE];

    cJSON_DeleteItemFromObjectCaseSensitive(view, "taskDefinition");
    (void)cJSON_AddStringToObject(view, "taskDefinition",
                                  ecs_arn(call->region, "task-definition", definition->valuestring, arn));
    deployed_add_arn(call, view, "serviceRevisionArn", "service-revision", deployed,
                     aws_member(entry, "revision"));
    deployed_add_service(call, view, deployed);
    if (!aws_member(view, "launchType") && !aws_member(view, "capacityProviderStrategy"))
        (void)cJSON_AddStringToObject(view, "launchType", "EC2");
    deployed_add_time(view, "createdAt", aws_member(entry, "createdAt"));
    return view;
}

/* ---- operations ---- */

struct described {
    const char *asked, *shown; /* members of request and answer */
    const char *kind;          /* of the ARNs */
    const char *id;            /* the member of an entry that they end with */
    cJSON *(*view)(const struct aws_call *call, const struct deployed *deployed, const cJSON *entry);
};

/* CLUSTER/NAME/ID behind the kind. NULL: there is none that this key may see. */
static cJSON *describe_one(struct aws_call *call, const struct described *what, const char *text)
{
    _cleanup_(deployed_done) struct deployed deployed = {0};
    char copy[ECS_ARN_SIZE];
    char *cluster, *name, *id;
    const cJSON *entry;
    cJSON *shown = NULL;

    (void)snprintf(copy, sizeof(copy), "%s", text);
    cluster = strchr(copy, '/');
    name = cluster ? strchr(cluster + 1, '/') : NULL;
    id = name ? strchr(name + 1, '/') : NULL;
    if (!id)
        return NULL;
    *cluster++ = *name++ = *id++ = '\0';
    if (deployed_find(call, cluster, name, &deployed) < 0)
        return NULL;
    cJSON_ArrayForEach (entry, aws_member(deployed.history, "deployments"))
        if (strcmp(aws_member(entry, what->id)->valuestring, id) == 0) {
            shown = what->view(call, &deployed, entry);
            break;
        }
    return shown;
}

static int describe_all(struct aws_call *call, const struct described *what)
{
    const cJSON *arns = NULL;
    const cJSON *item;
    cJSON *shown, *failures;
    int r =
        aws_get_list(call->body, what->asked, AWS_REQUIRED, MAX_ARNS, ECS_ARN_SIZE - 1, &arns, call->error);

    if (r == 0 && !arns->child)
        r = aws_invalid(call->error, "%s: at least one is wanted.", what->asked);
    cJSON_ArrayForEach (item, arns) {
        if (r == 0 && strncmp(item->valuestring, "arn:", 4) != 0)
            r = aws_invalid(call->error, "%s: \"%.200s\" is no ARN of a %s.", what->asked, item->valuestring,
                            what->kind);
        if (r == 0)
            r = ecs_check_arn(call, item->valuestring, what->kind, NULL);
    }
    if (r < 0)
        return r;
    call->entered |= AWS_OF_ECS_SERVICE;
    shown = cJSON_AddArrayToObject(call->answer, what->shown);
    failures = cJSON_AddArrayToObject(call->answer, "failures");
    cJSON_ArrayForEach (item, arns) {
        cJSON *view = describe_one(call, what, item->valuestring);

        if (!view) {
            cJSON *failure = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(failure, "arn", item->valuestring);
            (void)cJSON_AddStringToObject(failure, "reason", "MISSING");
            (void)cJSON_AddItemToArray(failures, failure);
            continue;
        }
        (void)cJSON_AddItemToArray(shown, view);
    }
    return 0;
}

int aws_DescribeServiceDeployments(struct aws_call *call)
{
    static const struct described what = {"serviceDeploymentArns", "serviceDeployments", "service-deployment",
                                          "arn", deployment_whole};

    return describe_all(call, &what);
}

int aws_DescribeServiceRevisions(struct aws_call *call)
{
    static const struct described what = {"serviceRevisionArns", "serviceRevisions", "service-revision",
                                          "revision", revision_view};

    return describe_all(call, &what);
}

/* Which are asked for: {"createdAt": {"after": T, "before": T}, "status": [...]}. */
struct deployments_wanted {
    double after, before;
    const cJSON *statuses; /* NULL or empty: any */
};

static int deployments_filter(struct aws_call *call, struct deployments_wanted *ret_wanted)
{
    const cJSON *created = NULL;
    int r = aws_get_object(call->body, "createdAt", AWS_OPTIONAL, &created, call->error);

    *ret_wanted = (struct deployments_wanted){.before = 1e18};
    if (r == 0)
        r = aws_get_list(call->body, "status", AWS_OPTIONAL, 20, 64, &ret_wanted->statuses, call->error);
    if (r < 0)
        return r;
    if (cJSON_IsNumber(aws_member(created, "after")))
        ret_wanted->after = aws_member(created, "after")->valuedouble;
    if (cJSON_IsNumber(aws_member(created, "before")))
        ret_wanted->before = aws_member(created, "before")->valuedouble;
    return 0;
}

static bool deployments_is_wanted(const struct deployments_wanted *wanted, const struct deployed *deployed,
                                  const cJSON *entry)
{
    double time = aws_member(entry, "createdAt")->valuedouble;

    return time >= wanted->after && time <= wanted->before &&
           (!wanted->statuses || !wanted->statuses->child ||
            ecs_is_included(wanted->statuses, deployment_status(deployed, entry)));
}

/* The latest first: a key is the entry's place from the end. */
static int list_deployments(struct aws_call *call, const struct deployed *deployed,
                            const struct aws_page *page, const struct deployments_wanted *wanted)
{
    const cJSON *all = aws_member(deployed->history, "deployments");
    size_t most = (size_t)cJSON_GetArraySize(all);
    _cleanup_free_ const char **keys = calloc(most + 1, sizeof(*keys));
    _cleanup_free_ char(*texts)[64] = calloc(most + 1, sizeof(*texts));
    cJSON *list = cJSON_AddArrayToObject(call->answer, "serviceDeployments");
    size_t begin = 0, end = 0;
    size_t n = 0;
    const cJSON *entry;

    if (!keys || !texts)
        return aws_fail(call->error, AWS_INTERNAL, "out of memory");
    cJSON_ArrayForEach (entry, all) {
        if (!deployments_is_wanted(wanted, deployed, entry))
            continue;
        (void)snprintf(texts[n], sizeof(texts[n]), "%020.0f %.40s",
                       aws_member(entry, "createdAt")->valuedouble * 1000,
                       aws_member(entry, "arn")->valuestring);
        keys[n] = texts[n];
        n++;
    }
    aws_page_cut(page, keys, n, &begin, &end, call->answer, "nextToken");
    for (size_t i = begin; i < end; i++)
        cJSON_ArrayForEach (entry, all)
            if (strcmp(keys[i] + 21, aws_member(entry, "arn")->valuestring) == 0)
                (void)cJSON_AddItemToArray(list, deployment_brief(call, deployed, entry));
    return 0;
}

int aws_ListServiceDeployments(struct aws_call *call)
{
    _cleanup_(deployed_done) struct deployed deployed = {0};
    const char *cluster = NULL;
    const char *name = NULL;
    struct deployments_wanted wanted;
    struct aws_page page;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, USUAL_PAGE, &page);

    if (r == 0)
        r = deployments_filter(call, &wanted);
    if (r == 0)
        r = ecs_find_cluster(call, &cluster);
    if (r == 0)
        r = ecs_get_service(call, cluster, &name);
    if (r < 0)
        return r;
    if (deployed_find(call, cluster, name, &deployed) < 0)
        return aws_fail(call->error, "ServiceNotFoundException", "The cluster %s has no service %s.", cluster,
                        name);
    page.is_descending = true;
    return list_deployments(call, &deployed, &page, &wanted);
}
