/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How values of settings are read and written: texts, numbers, the log level, name servers. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "daemon/config_external.h"
#include "daemon/config_table.h"

const char *setting_path(const struct config_setting *setting, char path[SETTING_PATH_SIZE])
{
    (void)snprintf(path, SETTING_PATH_SIZE, "%s%s%s", setting->group ? setting->group : "",
                   setting->group ? "." : "", setting->member);
    return path;
}

/* ---- texts ---- */

static char **text_in(struct config *config, const struct config_setting *setting)
{
    return (char **)((char *)config + setting->offset);
}

char *setting_text_of(const struct config *config, const struct config_setting *setting)
{
    return *(char *const *)((const char *)config + setting->offset);
}

static int set_text(struct config *config, const struct config_setting *setting, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return -ENOMEM;
    free(*text_in(config, setting));
    *text_in(config, setting) = copy;
    return 0;
}

static int text_from_text(struct config *config, const struct config_setting *setting, const char *field,
                          const char *text, struct error *error)
{
    (void)field;
    (void)error;
    return set_text(config, setting, text);
}

static int text_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                          struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(object, setting->member, true, &text, error);

    return r < 0 ? r : set_text(config, setting, text);
}

static cJSON *text_to_json(const struct config *config, const struct config_setting *setting)
{
    return cJSON_CreateString(setting_text_of(config, setting));
}

static void text_done(struct config *config, const struct config_setting *setting)
{
    free(*text_in(config, setting));
    *text_in(config, setting) = NULL;
}

const struct config_type config_type_text = {text_from_text, text_from_json, text_to_json, text_done};

/* ---- numbers ---- */

static uint32_t *number_in(struct config *config, const struct config_setting *setting)
{
    return (uint32_t *)(void *)((char *)config + setting->offset);
}

uint32_t setting_number_of(const struct config *config, const struct config_setting *setting)
{
    return *(const uint32_t *)(const void *)((const char *)config + setting->offset);
}

static int number_from_text(struct config *config, const struct config_setting *setting, const char *field,
                            const char *text, struct error *error)
{
    uint64_t number;

    if (parse_number(text, setting->minimum, setting->maximum, &number) < 0)
        return error_input(error, field, text, "a whole number from %u to %u", setting->minimum,
                           setting->maximum);
    *number_in(config, setting) = (uint32_t)number;
    return 0;
}

static int number_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                            struct error *error)
{
    uint64_t number;
    int r =
        json_get_integer(object, setting->member, true, setting->minimum, setting->maximum, &number, error);

    if (r == 0)
        *number_in(config, setting) = (uint32_t)number;
    return r;
}

static cJSON *number_to_json(const struct config *config, const struct config_setting *setting)
{
    return cJSON_CreateNumber(setting_number_of(config, setting));
}

const struct config_type config_type_number = {number_from_text, number_from_json, number_to_json, NULL};

/* ---- the log level ---- */

static enum log_level *level_in(struct config *config, const struct config_setting *setting)
{
    return (enum log_level *)(void *)((char *)config + setting->offset);
}

static int level_from_text(struct config *config, const struct config_setting *setting, const char *field,
                           const char *text, struct error *error)
{
    if (log_parse_level(text, level_in(config, setting)) < 0)
        return error_input(error, field, text, "error, warning, info, debug");
    return 0;
}

static int level_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                           struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(object, setting->member, true, &text, error);

    return r < 0 ? r : level_from_text(config, setting, setting->member, text, error);
}

static cJSON *level_to_json(const struct config *config, const struct config_setting *setting)
{
    const enum log_level *level = (const void *)((const char *)config + setting->offset);

    return cJSON_CreateString(log_level_name(*level));
}

const struct config_type config_type_log_level = {level_from_text, level_from_json, level_to_json, NULL};

/* ---- name servers: a list in the file, joined by commas as a flag ---- */

static int servers_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                             struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, setting->member);
    char *text;
    int r = config_join_servers(setting->member, list, &text, error);

    if (r < 0)
        return r;
    text_done(config, setting);
    *text_in(config, setting) = text;
    return 0;
}

static cJSON *servers_to_json(const struct config *config, const struct config_setting *setting)
{
    (void)setting;
    return config_external_servers_json(config);
}

const struct config_type config_type_name_servers = {text_from_text, servers_from_json, servers_to_json,
                                                     text_done};
