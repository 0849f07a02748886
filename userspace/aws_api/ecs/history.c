/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What was deployed of a service, and what happened to it: a record beside its document, by "CLUSTER:NAME",
 *
 *   {"namespace": NAME,
 *    "deployments": [{"id": "ecs-svc/N", "arn": ID, "revision": N, "createdAt": T, "updatedAt": T,
 *                     "desiredCount": N, "settings": {...}}, ...],      the latest first
 *    "events": [{"id": ID, "createdAt": T, "message": TEXT}, ...]}      the latest first
 *
 * A deployment and its service revision are one entry: `settings` are what a revision consists of. Nothing is
 * started here, so a deployment has succeeded when its answer is given: names and endpoints are in effect.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/ecs/ecs.h"

#define MAX_DEPLOYMENTS  10
#define MAX_EVENTS       50
#define MAX_TEXT         (48u << 10) /* of a record: what is older goes first */
#define HISTORY_KEY_SIZE (2 * ECS_NAME_MAX + 2)

/* What a revision consists of, beside the task definition: whoever changes one of them deploys. */
static const char *const settings_members[] = {
    "launchType",           "capacityProviderStrategy", "platformVersion",      "platformFamily",
    "loadBalancers",        "serviceRegistries",        "networkConfiguration", "serviceConnectConfiguration",
    "volumeConfigurations", "vpcLatticeConfigurations"};

static const char *history_key(const char *cluster, const char *name, char key[static HISTORY_KEY_SIZE])
{
    (void)snprintf(key, HISTORY_KEY_SIZE, "%.*s:%.*s", ECS_NAME_MAX, cluster, ECS_NAME_MAX, name);
    return key;
}

/* ---- making ---- */

/* The definition by its name alone: another revision of it is another text. */
static cJSON *history_settings(const cJSON *document)
{
    const cJSON *definition = aws_member(document, "taskDefinition");
    const cJSON *family = aws_member(definition, "family");
    const cJSON *revision = aws_member(definition, "revision");
    cJSON *settings = cJSON_CreateObject();
    cJSON *images = cJSON_CreateArray();
    char name[ECS_KEY_SIZE];
    const cJSON *container;

    if (cJSON_IsString(definition))
        (void)snprintf(name, sizeof(name), "%.*s", ECS_KEY_SIZE - 1, ecs_last_part(definition->valuestring));
    else
        (void)snprintf(name, sizeof(name), "%.*s:%.0f", ECS_NAME_MAX,
                       cJSON_IsString(family) ? family->valuestring : "inline",
                       cJSON_IsNumber(revision) ? revision->valuedouble : 1);
    (void)cJSON_AddStringToObject(settings, "taskDefinition", name);
    cJSON_ArrayForEach (container, aws_member(definition, "containerDefinitions")) {
        cJSON *image = cJSON_CreateObject();

        if (cJSON_IsString(aws_member(container, "name")))
            (void)cJSON_AddStringToObject(image, "containerName", aws_member(container, "name")->valuestring);
        if (cJSON_IsString(aws_member(container, "image")))
            (void)cJSON_AddStringToObject(image, "image", aws_member(container, "image")->valuestring);
        (void)cJSON_AddItemToArray(images, image);
    }
    (void)cJSON_AddItemToObject(settings, "containerImages", images);
    for (size_t i = 0; i < ARRAY_SIZE(settings_members); i++)
        aws_copy_member(settings, document, settings_members[i]);
    return settings;
}

static double history_count(const cJSON *document)
{
    const cJSON *count = aws_member(document, "desiredCount");

    return cJSON_IsNumber(count) ? count->valuedouble : 1;
}

/* 19 digits, of which the first is none of 0 */
static void history_digits(uint64_t number, char text[static 24])
{
    (void)snprintf(
        text, 24, "%llu",
        (unsigned long long)(UINT64_C(1000000000000000000) + number % UINT64_C(8000000000000000000)));
}

static cJSON *history_entry(const cJSON *document, double time, const uint64_t drawn[2], const char *id)
{
    cJSON *entry = cJSON_CreateObject();
    char digits[24];
    char arn[48];

    (void)cJSON_AddStringToObject(entry, "id", id);
    (void)snprintf(arn, sizeof(arn), "%016llx%06llx", (unsigned long long)drawn[0],
                   (unsigned long long)(drawn[1] & 0xffffff));
    (void)cJSON_AddStringToObject(entry, "arn", arn);
    history_digits(drawn[1], digits);
    (void)cJSON_AddStringToObject(entry, "revision", digits);
    (void)cJSON_AddNumberToObject(entry, "createdAt", time);
    (void)cJSON_AddNumberToObject(entry, "updatedAt", time);
    (void)cJSON_AddNumberToObject(entry, "desiredCount", history_count(document));
    (void)cJSON_AddItemToObject(entry, "settings", history_settings(document));
    return entry;
}

/* FNV-1a */
static uint64_t history_hash(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

/* Of a service that this API has not made: what its document says is one deployment, the same at each look. */
static cJSON *history_told(const char *cluster, const char *namespace_name, const cJSON *document)
{
    _cleanup_json_ cJSON *settings = history_settings(document);
    _cleanup_free_ char *text = cJSON_PrintUnformatted(settings);
    const cJSON *time = aws_member(document, "updatedAt");
    const cJSON *id = aws_member(document, "deploymentId");
    const cJSON *name = aws_member(document, "serviceName");
    uint64_t drawn[2] = {history_hash(UINT64_C(0xcbf29ce484222325), cluster)};
    cJSON *history = cJSON_CreateObject();
    char derived[48] = "ecs-svc/";

    drawn[0] = history_hash(drawn[0], cJSON_IsString(name) ? name->valuestring : "");
    drawn[1] = history_hash(drawn[0], text ? text : "");
    history_digits(drawn[1] * 3, derived + strlen(derived));
    (void)cJSON_AddStringToObject(history, "namespace", namespace_name);
    (void)cJSON_AddItemToArray(cJSON_AddArrayToObject(history, "deployments"),
                               history_entry(document, cJSON_IsNumber(time) ? time->valuedouble : 0, drawn,
                                             cJSON_IsString(id) ? id->valuestring : derived));
    (void)cJSON_AddArrayToObject(history, "events");
    return history;
}

cJSON *ecs_history(struct aws_call *call, const char *cluster, const char *namespace_name,
                   const cJSON *document)
{
    char key[HISTORY_KEY_SIZE];
    const struct aws_record *record = aws_record(
        call, AWS_HISTORIES, history_key(cluster, aws_member(document, "serviceName")->valuestring, key));
    cJSON *history = record ? cJSON_Parse(record->text) : NULL;
    const char *owner = cJSON_GetStringValue(aws_member(history, "namespace"));

    if (owner && strcmp(owner, namespace_name) == 0 && aws_member(history, "deployments")->child)
        return history;
    cJSON_Delete(history); /* of an earlier service of that name */
    return history_told(cluster, namespace_name, document);
}

/* ---- keeping ---- */

static void history_add_event(struct aws_call *call, cJSON *history, const char *name, const char *what)
{
    cJSON *event = cJSON_CreateObject();
    char message[512];
    char id[40];
    uint64_t drawn[2] = {aws_draw(call), aws_draw(call)};

    (void)snprintf(id, sizeof(id), "%08llx-%04llx-4%03llx-8%03llx-%012llx",
                   (unsigned long long)(drawn[0] >> 32), (unsigned long long)(drawn[0] >> 16 & 0xffff),
                   (unsigned long long)(drawn[0] & 0xfff), (unsigned long long)(drawn[1] >> 48 & 0xfff),
                   (unsigned long long)(drawn[1] & UINT64_C(0xffffffffffff)));
    (void)snprintf(message, sizeof(message), "(service %.255s) %.200s", name, what);
    (void)cJSON_AddStringToObject(event, "id", id);
    (void)cJSON_AddNumberToObject(event, "createdAt", aws_time(call->now_ms));
    (void)cJSON_AddStringToObject(event, "message", message);
    (void)cJSON_InsertItemInArray(cJSON_GetObjectItemCaseSensitive(history, "events"), 0, event);
}

static void history_drop_last(cJSON *list, int most)
{
    while (cJSON_GetArraySize(list) > most)
        cJSON_DeleteItemFromArray(list, cJSON_GetArraySize(list) - 1);
}

/* Within its bounds: the oldest go, and in the end what the latest consists of, if that alone is too large. */
static int history_put(struct aws_call *call, const char *key, cJSON *history)
{
    cJSON *deployments = cJSON_GetObjectItemCaseSensitive(history, "deployments");
    cJSON *events = cJSON_GetObjectItemCaseSensitive(history, "events");
    int most = MAX_DEPLOYMENTS;
    int most_events = MAX_EVENTS;

    for (;;) {
        _cleanup_free_ char *text = NULL;

        history_drop_last(deployments, most);
        history_drop_last(events, most_events);
        text = cJSON_PrintUnformatted(history);
        if (!text)
            return aws_fail(call->error, AWS_INTERNAL, "out of memory");
        if (strlen(text) <= MAX_TEXT)
            break;
        if (most == 1) {
            cJSON_DeleteItemFromObjectCaseSensitive(
                cJSON_GetObjectItemCaseSensitive(deployments->child, "settings"),
                "serviceConnectConfiguration");
            break;
        }
        most--;
        most_events = most_events > 10 ? most_events - 10 : most_events;
    }
    return aws_put_record(call, AWS_HISTORIES, key, history);
}

/* Has something changed that a revision consists of, or was it asked for? */
static bool is_deployment(const struct aws_call *call, const cJSON *history, const cJSON *document)
{
    _cleanup_json_ cJSON *settings = history_settings(document);
    const cJSON *latest = aws_member(history, "deployments")->child;

    return cJSON_IsTrue(aws_member(call->body, "forceNewDeployment")) ||
           !cJSON_Compare(settings, aws_member(latest, "settings"), true);
}

static void set_member(cJSON *object, const char *name, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)cJSON_AddItemToObject(object, name, item);
}

int ecs_note_deployment(struct aws_call *call, const char *cluster, const char *namespace_name,
                        const struct ecs_service *known, cJSON *document)
{
    const char *name = aws_member(document, "serviceName")->valuestring;
    _cleanup_json_ cJSON *history = NULL;
    char key[HISTORY_KEY_SIZE];
    char id[48] = "ecs-svc/";
    cJSON *latest;

    if (known) {
        history = ecs_history(call, cluster, known->parent->name, known->document);
        set_member(history, "namespace", cJSON_CreateString(namespace_name));
    } else {
        history = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(history, "namespace", namespace_name);
        (void)cJSON_AddArrayToObject(history, "deployments");
        (void)cJSON_AddArrayToObject(history, "events");
    }
    if (!known || is_deployment(call, history, document)) {
        const uint64_t drawn[2] = {aws_draw(call), aws_draw(call)};

        char what[96];

        history_digits(aws_draw(call), id + strlen(id));
        (void)snprintf(what, sizeof(what), "(deployment %s) deployment completed.", id);
        (void)cJSON_InsertItemInArray(cJSON_GetObjectItemCaseSensitive(history, "deployments"), 0,
                                      history_entry(document, aws_time(call->now_ms), drawn, id));
        history_add_event(call, history, name, what);
    }
    latest = cJSON_GetObjectItemCaseSensitive(history, "deployments")->child;
    set_member(latest, "updatedAt", cJSON_CreateNumber(aws_time(call->now_ms)));
    set_member(latest, "desiredCount", cJSON_CreateNumber(history_count(document)));
    set_member(document, "deploymentId", cJSON_Duplicate(aws_member(latest, "id"), true));
    if ((known ? ecs_running(known->parent, known->stored->name) : 0) >= history_count(document))
        history_add_event(call, history, name, "has reached a steady state.");
    return history_put(call, history_key(cluster, name, key), history);
}

int ecs_note_event(struct aws_call *call, const char *cluster, const struct ecs_service *service,
                   const char *message)
{
    const char *name = ecs_service_name(service);
    _cleanup_json_ cJSON *history = ecs_history(call, cluster, service->parent->name, service->document);
    char key[HISTORY_KEY_SIZE];

    history_add_event(call, history, name, message);
    return history_put(call, history_key(cluster, name, key), history);
}

int ecs_forget_history(struct aws_call *call, const char *key)
{
    return aws_record_of_all(call, AWS_HISTORIES, key) ? aws_put_record(call, AWS_HISTORIES, key, NULL) : 0;
}

void ecs_show_history(struct aws_call *call, const char *cluster, const char *namespace_name,
                      const cJSON *document, cJSON *view)
{
    _cleanup_json_ cJSON *history = ecs_history(call, cluster, namespace_name, document);
    const cJSON *latest = aws_member(history, "deployments")->child;
    cJSON *shown = cJSON_GetObjectItemCaseSensitive(view, "deployments")->child;
    char reason[96];

    set_member(view, "events", cJSON_DetachItemFromObjectCaseSensitive(history, "events"));
    if (!shown)
        return;
    (void)snprintf(reason, sizeof(reason), "ECS deployment %.64s completed.",
                   aws_member(latest, "id")->valuestring);
    set_member(shown, "id", cJSON_Duplicate(aws_member(latest, "id"), true));
    set_member(shown, "rolloutStateReason", cJSON_CreateString(reason));
    if (aws_member(latest, "createdAt")->valuedouble <= 0)
        return;
    set_member(shown, "createdAt", cJSON_Duplicate(aws_member(latest, "createdAt"), true));
    set_member(shown, "updatedAt", cJSON_Duplicate(aws_member(latest, "updatedAt"), true));
}
