/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings from the defaults, the file and the command line together; and back into a file. */
#include "daemon/config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mounts.h"
#include "daemon/config_etcd.h"
#include "daemon/config_flags.h"
#include "daemon/config_table.h"

/* ---- one setting ---- */

int setting_take_text(struct config *config, const struct config_setting *setting, const char *field,
                      const char *text, struct error *error)
{
    return setting->type->from_text(config, setting, field, text, error);
}

static int take_default(struct config *config, const struct config_setting *setting, struct error *error)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%u", setting->number);
    return setting->type->from_text(config, setting, setting->member,
                                    setting->fallback ? setting->fallback : number, error);
}

static int take_member(struct config *config, const struct config_setting *setting, const cJSON *json,
                       struct error *error)
{
    const cJSON *object = setting->group ? cJSON_GetObjectItemCaseSensitive(json, setting->group) : json;
    int r;

    if (!cJSON_GetObjectItemCaseSensitive(object, setting->member))
        return 0;
    r = setting->type->from_json(config, setting, object, error);
    if (r < 0 && setting->group)
        error_prefix_field(error, setting->group);
    return r;
}

/* ---- the file ---- */

static bool is_first_of_group(size_t index)
{
    const char *group = config_settings[index].group;

    for (size_t i = 0; i < index; i++)
        if (config_settings[i].group && strcmp(config_settings[i].group, group) == 0)
            return false;
    return true;
}

/* The members that the object `group` may have, or the outermost one: NULL-terminated; the caller frees it. */
static const char **known_members(const char *group)
{
    const char **names = calloc(config_setting_count + 1, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; names && i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];

        if (!setting->group == !group && (!group || strcmp(setting->group, group) == 0))
            names[n++] = setting->member;
        else if (!group && is_first_of_group(i))
            names[n++] = setting->group;
    }
    return names;
}

static int check_known(const cJSON *object, const char *group, struct error *error)
{
    _cleanup_free_ const char **names = known_members(group);
    int r = names ? json_check_members(object, names, error) : -ENOMEM;

    if (r < 0 && group)
        error_prefix_field(error, group);
    return r;
}

static int read_json(struct config *config, const cJSON *json, struct error *error)
{
    int r = check_known(json, NULL, error);

    for (size_t i = 0; i < config_setting_count && r == 0; i++) {
        const struct config_setting *setting = &config_settings[i];
        const cJSON *object;

        if (setting->group && is_first_of_group(i) &&
            (object = cJSON_GetObjectItemCaseSensitive(json, setting->group)))
            r = check_known(object, setting->group, error);
        if (r == 0)
            r = take_member(config, setting, json, error);
    }
    return r;
}

static int config_read_file(struct config *config, bool is_required, struct error *error)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ cJSON *json = NULL;
    size_t length = 0;
    int r = file_read(config->file, 1 << 20, &text, &length);

    if (r == -ENOENT && !is_required)
        return 0;
    if (r < 0)
        return error_errno(error, r, "configuration file %s", config->file);
    r = json_parse(config->file, text, length, &json, error);
    return r < 0 ? r : read_json(config, json, error);
}

/* ---- all of them ---- */

static int check(struct config *config, struct error *error)
{
    int r = 0;

    /* An empty directory would be made and locked as whatever the daemon happens to stand in. */
    for (size_t i = 0; i < config_setting_count; i++)
        if (config_settings[i].type == &config_type_text && !*setting_text_of(config, &config_settings[i]))
            return error_input(error, config_settings[i].member, "", "a value, such as %s",
                               config_settings[i].fallback);
    for (size_t i = 0; i < config_setting_count && r == 0; i++)
        if (config_settings[i].check)
            r = config_settings[i].check(config, &config_settings[i], error);
    return r == 0 ? config_check_fleet(config, error) : r;
}

static int config_find_cgroup_root(struct config *config, struct error *error)
{
    char *found = NULL;

    if (strcmp(config->cgroup_root, "auto") != 0)
        return 0;
    if (mounts_find_cgroup2(&found) < 0)
        return error_set(
            error, ENODEV,
            "no cgroup v2 mount found: mount one (mount -t cgroup2 none DIR) and name it by "
            "--cgroup-root; in a container give it the host's, -v /sys/fs/cgroup:/sys/fs/cgroup");
    free(config->cgroup_root);
    config->cgroup_root = found;
    return 0;
}

int config_load(int argc, char **argv, struct config *ret_config, enum config_action *ret_action,
                struct error *error)
{
    struct config *config = ret_config;
    enum config_action action = CONFIG_RUN;
    bool is_named;
    int r = 0;

    *config = (struct config){0};
    for (size_t i = 0; i < config_setting_count && r == 0; i++)
        r = take_default(config, &config_settings[i], error);
    if (r == 0)
        r = config_read_flags(argc, argv, CONFIG_FLAGS_FILE, config, &action, error);
    if (r < 0)
        return r;
    is_named = config->file != NULL;
    if (!is_named)
        config->file = strdup(CONFIG_DEFAULT_FILE);
    r = config->file ? config_read_file(config, is_named, error) : -ENOMEM;
    if (r == 0)
        r = config_read_flags(argc, argv, CONFIG_FLAGS_REST, config, &action, error);
    if (r == 0 && action != CONFIG_HELP && action != CONFIG_VERSION) {
        r = check(config, error);
        if (r == 0)
            r = config_find_cgroup_root(config, error);
    }
    if (r == 0)
        *ret_action = action;
    return r;
}

void config_done(struct config *config)
{
    for (size_t i = 0; i < config_setting_count; i++)
        if (config_settings[i].type->done)
            config_settings[i].type->done(config, &config_settings[i]);
    free(config->external_servers);
    config->external_servers = NULL;
    free(config->file);
    config->file = NULL;
}

char *config_print(const struct config *config)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();

    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        cJSON *object = json;

        if (setting->group) {
            object = cJSON_GetObjectItemCaseSensitive(json, setting->group);
            if (!object)
                object = cJSON_AddObjectToObject(json, setting->group);
        }
        (void)cJSON_AddItemToObject(object, setting->member, setting->type->to_json(config, setting));
    }
    return cJSON_Print(json);
}
