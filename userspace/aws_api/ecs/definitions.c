/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ECS's task definitions, kept as they were given. Nothing runs them; their port mappings are what services
 * refer to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "apply/apply.h"
#include "aws_api/ecs/ecs.h"

/* By the documents' own rules: ports, names, each name once; and no command of this host. */
static int check_mappings(struct aws_call *call, const char *family)
{
    struct documents_options options = apply_options(NULL, SETTINGS_RIGHTS_NONE);
    _cleanup_(document_list_done) struct document_list list = {0};
    _cleanup_(findings_done) struct findings findings = {0};
    _cleanup_json_ cJSON *document = cJSON_CreateObject();
    _cleanup_free_ char *text = NULL;
    int r;

    (void)cJSON_AddStringToObject(document, "serviceName", family);
    (void)cJSON_AddItemToObject(document, "taskDefinition", cJSON_Duplicate(call->body, true));
    aws_copy_member(document, call->body, "healthCheck");
    text = cJSON_PrintUnformatted(document);
    r = text ? documents_parse("RegisterTaskDefinition", text, strlen(text), &options, &list, &findings)
             : -ENOMEM;
    for (size_t i = 0; r == -EINVAL && i < findings.n; i++)
        if (findings.items[i].severity == FINDING_ERROR)
            return aws_fail(call->error, "ClientException", "%s", findings.items[i].error.message);
    return r < 0 ? aws_fail(call->error, AWS_INTERNAL, "out of memory") : 0;
}

static int check_containers(struct aws_call *call)
{
    const cJSON *containers = NULL;
    const cJSON *item;
    const cJSON *tags;
    int r = aws_get_list(call->body, "containerDefinitions", AWS_REQUIRED, 0, 0, &containers, call->error);

    if (r == 0 && !containers->child)
        r = aws_fail(call->error, "ClientException", "containerDefinitions: at least one is wanted.");
    if (r == 0)
        r = ecs_get_tags(call->body, &tags, call->error);
    cJSON_ArrayForEach (item, containers) {
        const char *text = NULL;

        if (r == 0 && !cJSON_IsObject(item))
            r = aws_fail(call->error, "SerializationException",
                         "containerDefinitions: a list of objects is wanted.");
        if (r == 0)
            r = aws_get_text(item, "name", AWS_REQUIRED, 1, 255, &text, call->error);
        if (r == 0)
            r = aws_get_text(item, "image", AWS_REQUIRED, 1, 255, &text, call->error);
    }
    return r;
}

/* The last revision of all there are, also those that are inactive, whosever; 0: none. */
static unsigned last_revision(struct aws_call *call, const char *family, const struct aws_record **ret_last)
{
    const struct aws_record *record = NULL;
    char name[ECS_NAME_MAX + 1];
    unsigned best = 0;

    while ((record = aws_next_of_all(call, AWS_TASK_DEFINITIONS, record))) {
        unsigned revision;

        if (ecs_parse_definition(record->name, name, &revision) == 0 && strcmp(name, family) == 0 &&
            revision > best) {
            best = revision;
            *ret_last = record;
        }
    }
    return best;
}

/* A family is whose its first revision was: nobody else adds one. */
static int check_family(struct aws_call *call, const char *family, const struct aws_record *last)
{
    if (aws_record(call, AWS_TASK_DEFINITIONS, last ? last->name : family) || !last)
        return 0;
    return aws_fail(call->error, AWS_ACCESS_DENIED,
                    "The key %.64s (%.64s) may not register a task definition of the family %s: choose "
                    "another name.",
                    call->who->access_key_id, call->who->name, family);
}

/* What a request gives, without what is not its to say, after whose it is. */
static cJSON *definitions_new_kept(const struct aws_call *call, const struct aws_record *last)
{
    static const char *const own[] = {"revision", "status", "registeredAt", "deregisteredAt", AWS_OWNER};
    cJSON *kept = cJSON_CreateObject();
    const cJSON *item;

    aws_set_owner(call, kept, last);
    cJSON_ArrayForEach (item, call->body) {
        bool is_own = false;

        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
            is_own = is_own || strcmp(own[i], item->string) == 0;
        if (!is_own && !aws_member(kept, item->string))
            aws_copy_member(kept, call->body, item->string);
    }
    return kept;
}

static void add_view(struct aws_call *call, const char *name, const cJSON *kept, bool with_tags)
{
    (void)cJSON_AddItemToObject(call->answer, "taskDefinition",
                                ecs_definition_view(name, kept, call->region));
    if (!with_tags)
        return;
    aws_copy_member(call->answer, kept, "tags");
    if (!aws_member(call->answer, "tags"))
        (void)cJSON_AddArrayToObject(call->answer, "tags");
}

int aws_RegisterTaskDefinition(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *last = NULL;
    const char *family = NULL;
    char by[sizeof(call->who->name) + 64];
    char name[ECS_KEY_SIZE];
    unsigned revision;
    int r = ecs_get_name(call->body, "family", "task-definition", NULL, &family, call->error);

    if (r == 0)
        r = check_containers(call);
    if (r == 0)
        r = check_mappings(call, family);
    if (r < 0)
        return r;
    revision = last_revision(call, family, &last) + 1;
    r = check_family(call, family, last);
    if (r < 0)
        return r;
    (void)snprintf(name, sizeof(name), "%s:%u", family, revision);
    kept = definitions_new_kept(call, last);
    (void)cJSON_AddNumberToObject(kept, "revision", revision);
    (void)cJSON_AddStringToObject(kept, "status", "ACTIVE");
    (void)cJSON_AddNumberToObject(kept, "registeredAt", aws_time(call->now_ms));
    (void)snprintf(by, sizeof(by), "arn:aws:iam::" CLOUD_MAP_ACCOUNT ":user/%s", call->who->name);
    (void)cJSON_AddStringToObject(kept, "registeredBy", by);
    r = aws_put_record(call, AWS_TASK_DEFINITIONS, name, kept);
    if (r == 0)
        add_view(call, name, kept, true);
    return r;
}

/* The one that "taskDefinition" names. */
static int definitions_find(struct aws_call *call, const struct aws_record **ret_record, cJSON **ret_kept)
{
    const char *text = NULL;
    int r = aws_get_text(call->body, "taskDefinition", AWS_REQUIRED, 1, ECS_ARN_SIZE, &text, call->error);

    return r < 0 ? r : ecs_find_definition(call, text, ret_record, ret_kept);
}

int aws_DeregisterTaskDefinition(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *record = NULL;
    const cJSON *text = aws_member(call->body, "taskDefinition");
    int r = 0;

    if (cJSON_IsString(text) && !strchr(ecs_last_part(text->valuestring), ':'))
        r = aws_invalid(call->error, "taskDefinition: a revision is wanted, as in FAMILY:REVISION.");
    if (r == 0)
        r = definitions_find(call, &record, &kept);
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "status");
    (void)cJSON_AddStringToObject(kept, "status", "INACTIVE");
    if (!aws_member(kept, "deregisteredAt"))
        (void)cJSON_AddNumberToObject(kept, "deregisteredAt", aws_time(call->now_ms));
    add_view(call, record->name, kept, false);
    return aws_put_record(call, AWS_TASK_DEFINITIONS, record->name, kept);
}

int aws_DescribeTaskDefinition(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *record = NULL;
    const cJSON *include = NULL;
    int r = aws_get_list(call->body, "include", AWS_OPTIONAL, 10, 32, &include, call->error);

    if (r == 0)
        r = definitions_find(call, &record, &kept);
    if (r == 0)
        add_view(call, record->name, kept, ecs_is_included(include, "TAGS"));
    return r;
}

/* "FAMILY:0000000012", which sorts by number */
static char *sort_key(const struct aws_record *record, const char *family, const char *status)
{
    char mark[48];
    char name[ECS_NAME_MAX + 1];
    char *key = NULL;
    unsigned revision;

    (void)snprintf(mark, sizeof(mark), "\"status\":\"%s\"", status);
    if (ecs_parse_definition(record->name, name, &revision) < 0 || (family && strcmp(family, name) != 0) ||
        !strstr(record->text, mark) || asprintf(&key, "%s:%010u", name, revision) < 0)
        return NULL;
    return key;
}

static void list_definitions(struct aws_call *call, const struct aws_page *page, const char **keys, size_t n)
{
    cJSON *list = cJSON_AddArrayToObject(call->answer, "taskDefinitionArns");
    size_t begin, end;

    aws_page_cut(page, keys, n, &begin, &end, call->answer, "nextToken");
    for (size_t i = begin; i < end; i++) {
        char family[ECS_NAME_MAX + 1];
        char name[ECS_KEY_SIZE];
        char arn[ECS_ARN_SIZE];
        const char *colon = strrchr(keys[i], ':');

        (void)snprintf(family, sizeof(family), "%.*s", (int)(colon - keys[i]), keys[i]);
        (void)snprintf(name, sizeof(name), "%s:%lu", family, strtoul(colon + 1, NULL, 10));
        (void)cJSON_AddItemToArray(list,
                                   cJSON_CreateString(ecs_arn(call->region, "task-definition", name, arn)));
    }
}

int aws_ListTaskDefinitions(struct aws_call *call)
{
    static const char *const statuses[] = {"ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS", NULL};
    static const char *const sorts[] = {"ASC", "DESC", NULL};
    const struct aws_record *record = NULL;
    size_t n = 0;
    const char **keys;
    const char *family = NULL;
    const char *status = "ACTIVE";
    const char *sort = "ASC";
    struct aws_page page;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, 100, &page);

    if (r == 0)
        r = aws_get_text(call->body, "familyPrefix", AWS_OPTIONAL, 1, ECS_NAME_MAX, &family, call->error);
    if (r == 0)
        r = aws_get_enum(call->body, "status", AWS_OPTIONAL, statuses, &status, call->error);
    if (r == 0)
        r = aws_get_enum(call->body, "sort", AWS_OPTIONAL, sorts, &sort, call->error);
    keys = r == 0 ? calloc(aws_count_records(call, AWS_TASK_DEFINITIONS) + 1, sizeof(*keys)) : NULL;
    if (!keys)
        return r < 0 ? r : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    page.is_descending = sort[0] == 'D';
    while ((record = aws_next_record(call, AWS_TASK_DEFINITIONS, record))) {
        keys[n] = sort_key(record, family, status);
        n += keys[n] != NULL;
    }
    list_definitions(call, &page, keys, n);
    for (size_t i = 0; i < n; i++)
        free((char *)keys[i]);
    free(keys);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Without a status, or with ALL: every family that has a revision. */
int aws_ListTaskDefinitionFamilies(struct aws_call *call)
{
    static const char *const statuses[] = {"ACTIVE", "INACTIVE", "ALL", NULL};
    const struct aws_record *record = NULL;
    const char *prefix = "";
    const char *status = "ALL";
    struct aws_page page;
    size_t begin = 0, end = 0;
    size_t n = 0;
    size_t n_families = 0;
    const char **keys;
    int r = aws_begin_page(call, "nextToken", "maxResults", 100, 100, &page);

    if (r == 0)
        r = aws_get_text(call->body, "familyPrefix", AWS_OPTIONAL, 0, ECS_NAME_MAX, &prefix, call->error);
    if (r == 0)
        r = aws_get_enum(call->body, "status", AWS_OPTIONAL, statuses, &status, call->error);
    keys = r == 0 ? calloc(aws_count_records(call, AWS_TASK_DEFINITIONS) + 1, sizeof(*keys)) : NULL;
    if (!keys)
        return r < 0 ? r : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    while ((record = aws_next_record(call, AWS_TASK_DEFINITIONS, record))) {
        bool is_active = strstr(record->text, "\"status\":\"ACTIVE\"") != NULL;
        char family[ECS_NAME_MAX + 1];
        unsigned revision;

        if (ecs_parse_definition(record->name, family, &revision) == 0 &&
            strncmp(family, prefix, strlen(prefix)) == 0 &&
            (strcmp(status, "ALL") == 0 || is_active == (strcmp(status, "ACTIVE") == 0)) &&
            (keys[n] = strdup(family)))
            n++;
    }
    if (n > 0)
        qsort(keys, n, sizeof(*keys), by_text);
    for (size_t i = 0; i < n; i++) {
        if (n_families > 0 && strcmp(keys[i], keys[n_families - 1]) == 0)
            free((char *)keys[i]);
        else
            keys[n_families++] = keys[i];
    }
    aws_page_cut(&page, keys, n_families, &begin, &end, call->answer, "nextToken");
    (void)cJSON_AddArrayToObject(call->answer, "families");
    for (size_t i = begin; i < end; i++)
        (void)cJSON_AddItemToArray(cJSON_GetObjectItem(call->answer, "families"),
                                   cJSON_CreateString(keys[i]));
    for (size_t i = 0; i < n_families; i++)
        free((char *)keys[i]);
    free(keys);
    return 0;
}

/* It stays, so that its revision is not given again. */
static int delete_one(struct aws_call *call, const char *text, cJSON *deleted, cJSON *failures)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *record = NULL;
    const char *status;
    cJSON *failure;
    int r = strchr(ecs_last_part(text), ':')
                ? ecs_find_definition(call, text, &record, &kept)
                : aws_invalid(call->error,
                              "taskDefinitions: \"%.200s\" has no revision, as in FAMILY:REVISION.", text);

    if (r < 0)
        return r;
    status = cJSON_GetStringValue(aws_member(kept, "status"));
    if (status && strcmp(status, "ACTIVE") == 0) {
        char arn[ECS_ARN_SIZE];

        failure = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(failure, "arn",
                                      ecs_arn(call->region, "task-definition", record->name, arn));
        (void)cJSON_AddStringToObject(failure, "reason",
                                      "The specified task definition is still in ACTIVE status.");
        (void)cJSON_AddItemToArray(failures, failure);
        return 0;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "status");
    (void)cJSON_AddStringToObject(kept, "status", "DELETE_IN_PROGRESS");
    if (!aws_member(kept, "deleteRequestedAt"))
        (void)cJSON_AddNumberToObject(kept, "deleteRequestedAt", aws_time(call->now_ms));
    (void)cJSON_AddItemToArray(deleted, ecs_definition_view(record->name, kept, call->region));
    return aws_put_record(call, AWS_TASK_DEFINITIONS, record->name, kept);
}

int aws_DeleteTaskDefinitions(struct aws_call *call)
{
    const cJSON *names = NULL;
    const cJSON *item;
    cJSON *deleted, *failures;
    int r = aws_get_list(call->body, "taskDefinitions", AWS_REQUIRED, 10, ECS_ARN_SIZE, &names, call->error);

    if (r == 0 && !names->child)
        r = aws_invalid(call->error, "taskDefinitions: at least one is wanted.");
    if (r < 0)
        return r;
    deleted = cJSON_AddArrayToObject(call->answer, "taskDefinitions");
    failures = cJSON_AddArrayToObject(call->answer, "failures");
    cJSON_ArrayForEach (item, names)
        if (r == 0)
            r = delete_one(call, item->valuestring, deleted, failures);
    return r;
}
