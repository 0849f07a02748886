/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/warnings.h"

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "engine/change/losses.h"
#include "engine/change/transaction.h"
#include "engine/engine.h"
#include "model/near_names.h"
#include "tasks/task_list.h"

#define SENTENCE_SIZE 1024

void warnings_add(cJSON *answer, const char *sentence)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "warnings");
    int n = cJSON_GetArraySize(list);

    if (n < WARNINGS_MAX)
        (void)cJSON_AddItemToArray(
            list, cJSON_CreateString(n == WARNINGS_MAX - 1 ? "and more of this kind" : sentence));
}

static void warnings_add_loss(const struct alias_loss *loss, void *user)
{
    char text[ALIAS_LOSS_TEXT_SIZE];

    warnings_add(user, alias_loss_text(loss, text));
}

void warnings_add_losses(const struct transaction *transaction, cJSON *answer)
{
    transaction_tell_losses(transaction, warnings_add_loss, answer);
}

void warnings_add_empty_targets(const struct transaction *transaction, const char *namespace_name,
                                const cJSON *targets, cJSON *answer)
{
    const cJSON *target;

    cJSON_ArrayForEach (target, targets) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(target, "service"));
        const struct service *service =
            name ? catalog_service(transaction_catalog(transaction), namespace_name, name) : NULL;
        char text[SENTENCE_SIZE];

        if (!service || service->instances || service->records)
            continue;
        (void)snprintf(
            text, sizeof(text),
            "target %.255s has no instance: until it has, its share goes to the route's other targets", name);
        warnings_add(answer, text);
    }
}

/* ' (did you mean "NAME"?)', or "" without a name. */
static void warnings_meant(const char *near, char *text, size_t size)
{
    text[0] = '\0';
    if (near)
        (void)snprintf(text, size, " (did you mean \"%.255s\"?)", near);
}

static bool warnings_is_name(const struct model_namespace *parent, const char *name)
{
    const struct service *service;

    if (!parent)
        return false;
    HASH_FIND_STR(parent->services, name, service);
    return (service && service->is_declared) || catalog_document(parent, name);
}

static bool warnings_has_task(const struct api *api, const char *namespace_name, const char *service)
{
    for (const struct task *task = api->tasks->all; task; task = task->hh.next)
        if (strcmp(task->service, service) == 0 && strcmp(task->namespace_name, namespace_name) == 0)
            return true;
    return false;
}

void warnings_add_client(const struct api *api, const char *namespace_name, const char *client, cJSON *answer)
{
    const struct model_namespace *parent = catalog_namespace(engine_catalog(api->engine), namespace_name);
    char text[SENTENCE_SIZE];
    char meant[300];

    if (warnings_is_name(parent, client) || warnings_has_task(api, namespace_name, client))
        return;
    warnings_meant(near_service(parent, client), meant, sizeof(meant));
    (void)snprintf(
        text, sizeof(text),
        "client %.255s is no service and no task's service in namespace %s%s: the route is for tasks that "
        "are attached with --service %.255s",
        client, namespace_name, meant, client);
    warnings_add(answer, text);
}

void warnings_add_task(const struct api *api, const char *namespace_name, const char *service, cJSON *answer)
{
    const struct catalog *catalog = engine_catalog(api->engine);
    const struct model_namespace *parent = catalog_namespace(catalog, namespace_name);
    char text[SENTENCE_SIZE];
    char meant[300];

    /* Whoever names no namespace means none that could be misspelt. */
    if ((!parent || !parent->is_declared) && strcmp(namespace_name, "default") != 0) {
        warnings_meant(near_namespace(catalog, namespace_name), meant, sizeof(meant));
        (void)snprintf(text, sizeof(text),
                       "nothing is registered in namespace %s%s: the task finds no name until something is",
                       namespace_name, meant);
        warnings_add(answer, text);
    } else if (*service && !warnings_is_name(parent, service) &&
               !(parent && catalog_client(parent, service))) {
        warnings_meant(near_service(parent, service), meant, sizeof(meant));
        (void)snprintf(
            text, sizeof(text),
            "%.255s is no service of namespace %s and has no routes of its own%s: the task sees what tasks "
            "without a service see",
            service, namespace_name, meant);
        warnings_add(answer, text);
    }
}
