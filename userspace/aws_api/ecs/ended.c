/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Services that were deleted: INACTIVE for an hour, as in ECS, so that whoever waits for that sees it. What is
 * kept is the document without its definition, with "endedAt" (by clock_run_ms()) first, by "CLUSTER:NAME". Each deletion takes
 * away those whose time is over, and the oldest of too many.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"

#define SHOWN_S        3600
#define MAX_KEPT       1000
#define ENDED_KEY_SIZE (2 * ECS_NAME_MAX + 2)
#define BEGIN          "{\"endedAt\":"

static double ended_at(const struct aws_record *record)
{
    size_t length = strlen(BEGIN);

    return strncmp(record->text, BEGIN, length) == 0 ? strtod(record->text + length, NULL) : 0;
}

static bool ended_is_over(const struct aws_call *call, const struct aws_record *record)
{
    /* Of a time to come: the clock of the host was put back, and it was booted since. */
    return fabs(aws_time(call->run_ms) - ended_at(record)) > SHOWN_S;
}

static const char *ended_key_of(const char *cluster, const char *name, char key[static ENDED_KEY_SIZE])
{
    (void)snprintf(key, ENDED_KEY_SIZE, "%.*s:%.*s", ECS_NAME_MAX, cluster, ECS_NAME_MAX, name);
    return key;
}

/* With its history: whoever makes a service of that name again has forgotten both before. */
static int ended_remove(struct aws_call *call, const char *key)
{
    int r = key ? ecs_forget_history(call, key) : aws_fail(call->error, AWS_INTERNAL, "out of memory");

    return r < 0 ? r : aws_put_record(call, AWS_ENDED_SERVICES, key, NULL);
}

/* Those whose time is over; the oldest, if there is no room else. */
static int ended_make_room(struct aws_call *call)
{
    const struct aws_record *records = aws_next_of_all(call, AWS_ENDED_SERVICES, NULL);
    const struct aws_record *record, *next;
    const struct aws_record *oldest = records;
    unsigned left = 0;
    int r = 0;

    for (record = records; record && r == 0; record = next) {
        next = record->hh.next;
        if (ended_at(record) < ended_at(oldest))
            oldest = record;
        left += !ended_is_over(call, record);
    }
    if (oldest && left >= MAX_KEPT && !ended_is_over(call, oldest)) {
        _cleanup_free_ char *name = strdup(oldest->name);

        return ended_remove(call, name);
    }
    for (record = records; record && r == 0; record = next) {
        next = record->hh.next;
        if (ended_is_over(call, record)) {
            _cleanup_free_ char *name = strdup(record->name);

            r = ended_remove(call, name);
        }
    }
    return r;
}

int ecs_end_service(struct aws_call *call, const char *cluster, const struct ecs_service *service)
{
    _cleanup_json_ cJSON *kept = cJSON_CreateObject();
    const cJSON *definition = aws_member(service->document, "taskDefinition");
    char key[ENDED_KEY_SIZE];
    const cJSON *item;
    int r = ended_make_room(call);

    if (r < 0)
        return r;
    (void)cJSON_AddNumberToObject(kept, "endedAt", aws_time(call->run_ms));
    (void)cJSON_AddStringToObject(kept, "namespace", service->parent->name);
    cJSON_ArrayForEach (item, service->document) {
        if (strcmp(item->string, "taskDefinition") != 0 && strcmp(item->string, "desiredCount") != 0 &&
            strcmp(item->string, "serviceConnectConfiguration") != 0)
            aws_copy_member(kept, service->document, item->string);
    }
    (void)cJSON_AddNumberToObject(kept, "desiredCount", 0);
    if (cJSON_IsObject(definition)) {
        cJSON *named = cJSON_AddObjectToObject(kept, "taskDefinition");

        aws_copy_member(named, definition, "family");
        aws_copy_member(named, definition, "revision");
    } else {
        aws_copy_member(kept, service->document, "taskDefinition");
    }
    return aws_put_record(call, AWS_ENDED_SERVICES, ended_key_of(cluster, ecs_service_name(service), key),
                          kept);
}

cJSON *ecs_ended_service(struct aws_call *call, const char *cluster, const char *name)
{
    char key[ENDED_KEY_SIZE];
    const struct aws_record *record = aws_record(call, AWS_ENDED_SERVICES, ended_key_of(cluster, name, key));
    _cleanup_json_ cJSON *kept = record && !ended_is_over(call, record) ? cloud_map_kept(record->text) : NULL;

    return cJSON_IsString(aws_member(kept, "serviceName")) ? TAKE_PTR(kept) : NULL;
}

cJSON *ecs_ended_view(struct aws_call *call, const cJSON *kept, bool with_tags)
{
    const cJSON *cluster = aws_member(kept, "cluster");
    const cJSON *owner = aws_member(kept, "namespace");

    cJSON *view = ecs_service_view(kept, "INACTIVE", 0, cJSON_CreateArray(), with_tags, call->region);

    cJSON_DeleteItemFromObjectCaseSensitive(view, "deployments");
    (void)cJSON_AddArrayToObject(view, "deployments");
    ecs_show_history(call, cJSON_IsString(cluster) ? ecs_last_part(cluster->valuestring) : ECS_DEFAULT_NAME,
                     cJSON_IsString(owner) ? owner->valuestring : "", kept, view);
    return view;
}

int ecs_forget_ended(struct aws_call *call, const char *cluster, const char *name)
{
    char key[ENDED_KEY_SIZE];

    return aws_record_of_all(call, AWS_ENDED_SERVICES, ended_key_of(cluster, name, key))
               ? aws_put_record(call, AWS_ENDED_SERVICES, key, NULL)
               : 0;
}
