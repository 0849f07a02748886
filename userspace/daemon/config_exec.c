/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "execChecks": a list of the file; as a flag joined by commas, or "none". */
#include "daemon/config_exec.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_table.h"

static int exec_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                          struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, setting->member);
    const cJSON *item;
    int r = 0;

    if (!cJSON_IsArray(list))
        return error_input(error, setting->member, "(not a list)",
                           "a list of programs and directories, [] for none");
    exec_policy_done(&config->exec_checks);
    cJSON_ArrayForEach (item, list) {
        if (r == 0 && !cJSON_IsString(item))
            r = error_input(error, setting->member, "(no text)", "a list of texts");
        else if (r == 0)
            r = exec_policy_add(&config->exec_checks, setting->member, item->valuestring, error);
    }
    return r;
}

static int exec_from_text(struct config *config, const struct config_setting *setting, const char *field,
                          const char *text, struct error *error)
{
    _cleanup_free_ char *list = strdup(text);
    char *rest = list;
    char *item;
    int r = 0;

    (void)setting;
    if (!list)
        return -ENOMEM;
    exec_policy_done(&config->exec_checks);
    while (r == 0 && strcmp(text, "none") != 0 && (item = strsep(&rest, ",")))
        r = exec_policy_add(&config->exec_checks, field, item, error);
    return r;
}

static cJSON *exec_to_json(const struct config *config, const struct config_setting *setting)
{
    cJSON *list = cJSON_CreateArray();

    (void)setting;
    for (size_t i = 0; i < config->exec_checks.n; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(config->exec_checks.paths[i]));
    return list;
}

static void exec_done(struct config *config, const struct config_setting *setting)
{
    (void)setting;
    exec_policy_done(&config->exec_checks);
}

const struct config_type config_type_exec_checks = {exec_from_text, exec_from_json, exec_to_json, exec_done};

struct settings_rights config_rights_of_host(const struct config *config)
{
    return (struct settings_rights){.origin = SETTINGS_OF_HOST, .exec = &config->exec_checks};
}
