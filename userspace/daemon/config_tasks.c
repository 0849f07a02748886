/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "tasks": a list of objects, in the file only; its default as a text is "none". */
#include "daemon/config_tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/config_table.h"

static void tasks_setting_done(struct config *config, const struct config_setting *setting)
{
    (void)setting;
    for (size_t i = 0; i < config->n_task_patterns; i++)
        task_pattern_done(&config->task_patterns[i]);
    free(config->task_patterns);
    config->task_patterns = NULL;
    config->n_task_patterns = 0;
}

static int tasks_from_text(struct config *config, const struct config_setting *setting, const char *field,
                           const char *text, struct error *error)
{
    tasks_setting_done(config, setting);
    return strcmp(text, "none") == 0 ? 0 : error_input(error, field, text, "none; the file has the list");
}

static int read_task_pattern(struct config *config, const cJSON *item, const char *field, struct error *error)
{
    static const char *const known[] = {"cgroup", "namespace", "service", NULL};
    struct task_pattern *pattern = &config->task_patterns[config->n_task_patterns];
    const char *cgroup = NULL;
    const char *namespace_name = "default";
    const char *service = "";
    int r = cJSON_IsObject(item)
                ? json_check_members(item, known, error)
                : error_input(error, "", "(no object)", "an object with cgroup, namespace, service");

    if (r == 0)
        r = json_get_string(item, "cgroup", true, &cgroup, error);
    if (r == 0)
        r = json_get_string(item, "namespace", false, &namespace_name, error);
    if (r == 0)
        r = json_get_string(item, "service", false, &service, error);
    if (r < 0) {
        error_prefix_field(error, field);
        return r;
    }
    *pattern = (struct task_pattern){strdup(cgroup), strdup(namespace_name), strdup(service)};
    config->n_task_patterns++;
    return pattern->cgroup && pattern->namespace_name && pattern->service
               ? task_pattern_check(pattern, field, error)
               : -ENOMEM;
}

static int tasks_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                           struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, setting->member);
    const cJSON *item;
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    int r = 0;

    if (n < 0 || n > TASK_PATTERNS_MAX)
        return error_input(error, setting->member, n < 0 ? "(not a list)" : "(too many)",
                           "a list of at most %d objects with cgroup, namespace and service",
                           TASK_PATTERNS_MAX);
    tasks_setting_done(config, setting);
    config->task_patterns = calloc((size_t)n + 1, sizeof(*config->task_patterns));
    if (!config->task_patterns)
        return -ENOMEM;
    cJSON_ArrayForEach (item, list) {
        char field[32];

        (void)snprintf(field, sizeof(field), "%s[%zu]", setting->member, config->n_task_patterns);
        if (r == 0)
            r = read_task_pattern(config, item, field, error);
    }
    return r;
}

static cJSON *tasks_to_json(const struct config *config, const struct config_setting *setting)
{
    cJSON *list = cJSON_CreateArray();

    (void)setting;
    for (size_t i = 0; i < config->n_task_patterns; i++) {
        const struct task_pattern *pattern = &config->task_patterns[i];
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "cgroup", pattern->cgroup);
        (void)cJSON_AddStringToObject(item, "namespace", pattern->namespace_name);
        if (*pattern->service)
            (void)cJSON_AddStringToObject(item, "service", pattern->service);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

const struct config_type config_type_tasks = {tasks_from_text, tasks_from_json, tasks_to_json,
                                              tasks_setting_done};
